"""Environment files from the network: https only, also as the target of a redirect; http to this machine alone.

Credentials of a URL go to its own host only and show in no message.
"""

from __future__ import annotations

import ipaddress
import time
from urllib.parse import urljoin, urlsplit

import requests

from envmgr.errors import SpecError
from envmgr.urls import redact

_CONNECT_AND_READ_SECONDS = (10.0, 30.0)
_TOTAL_SECONDS = 60.0
_MAXIMUM_REDIRECTS = 5
_CHUNK = 64 * 1024


def download(url: str, *, limit: int) -> bytes:
    """Return what an https URL serves, at most `limit` bytes and one more when it is larger.

    Raises SpecError for another scheme, no answer, a status that is not 200, a web page, or more than a minute.
    """
    deadline = time.monotonic() + _TOTAL_SECONDS
    try:
        with requests.Session() as session:
            return _follow(session, url, deadline, limit)
    except requests.RequestException as error:
        reason = "no answer in time" if isinstance(error, requests.Timeout) else _reason(error)
        raise SpecError(
            f"{redact(url)} cannot be read: {redact(reason)}", hint="check the URL and the network"
        ) from error


def _follow(session: requests.Session, url: str, deadline: float, limit: int) -> bytes:
    target = url
    for _ in range(_MAXIMUM_REDIRECTS + 1):
        _check_url(target)
        with session.get(target, stream=True, timeout=_CONNECT_AND_READ_SECONDS, allow_redirects=False) as response:
            if response.is_redirect:
                target = urljoin(target, response.headers["location"])
                continue
            if response.status_code != requests.codes.ok:
                raise SpecError(
                    f"{redact(target)} cannot be read: HTTP {response.status_code} {response.reason}",
                    hint="check the URL" + (" and its credentials" if response.status_code in (401, 403) else ""),
                )
            return _body(response, target, deadline, limit)
    raise SpecError(f"{redact(url)} redirects more than {_MAXIMUM_REDIRECTS} times", hint="name the final URL")


def _body(response: requests.Response, url: str, deadline: float, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if time.monotonic() > deadline:
            raise SpecError(f"{redact(url)} took longer than {_TOTAL_SECONDS:.0f} seconds", hint="download it first")
        pieces.append(piece)
        if size > limit:
            break
    data = b"".join(pieces)
    if data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise SpecError(f"{redact(url)} is a web page; expected an environment file", hint=_raw_link(url))
    return data


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    hint = "use https" if parts.scheme == "http" else "name a path or an https URL"
    raise SpecError(f"{redact(url)} is not an https URL", hint=hint)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _raw_link(url: str) -> str:
    parts = urlsplit(url)
    pieces = parts.path.strip("/").split("/")
    if parts.hostname == "github.com" and len(pieces) > 4 and pieces[2] == "blob":
        return f"use the raw file: `https://raw.githubusercontent.com/{'/'.join([*pieces[:2], *pieces[3:]])}`"
    return "use the link of the raw file"


def _reason(error: requests.RequestException) -> str:
    cause: BaseException = error
    while isinstance(cause.args[0] if cause.args else None, BaseException):
        cause = cause.args[0]
    return str(getattr(cause, "reason", None) or cause).rpartition(": ")[2]
