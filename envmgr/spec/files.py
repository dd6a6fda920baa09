"""The text behind what `-f` names: a path, `-` for stdin, or an https URL, each within bounds.

At most 10 MiB, UTF-8 with or without BOM. http is refused except to this machine, also as the target of a
redirect; credentials of a URL go to its own host only and show in no message.
"""

from __future__ import annotations

import difflib
import ipaddress
import sys
import time
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests

from envmgr.errors import SpecError
from envmgr.urls import is_url, redact

MAXIMUM_BYTES = 10 * 1024 * 1024
_CONNECT_AND_READ_SECONDS = (10.0, 30.0)
_TOTAL_SECONDS = 60.0
_MAXIMUM_REDIRECTS = 5
_CHUNK = 64 * 1024


def read_text(location: str, *, offline: bool = False, stdin: BinaryIO | None = None) -> str:
    """Return the text that a path, `-` or an https URL names.

    Raises SpecError when it is missing, unreadable, too big, not UTF-8, or, for a URL, when `offline`.
    """
    if location == "-":
        data = (stdin or sys.stdin.buffer).read(MAXIMUM_BYTES + 1)
    elif is_url(location):
        data = _download(location, offline)
    else:
        data = _read_path(location)
    if len(data) > MAXIMUM_BYTES:
        raise _too_big(location)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        encoding = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None
        raise SpecError(
            f"{_named(location)}:{line}: not UTF-8" + (f" but {encoding}" if encoding else ""),
            hint=f"convert it: `iconv -f {encoding or 'LATIN1'} -t UTF-8 FILE`",
        ) from error


def relative_to(location: str, named: str) -> str:
    """Return what `named` means inside of the file at `location`: beside it, or below the same host for a URL."""
    if is_url(named):
        return named
    if is_url(location):
        return urljoin(location, named)
    base = Path() if location == "-" else Path(location).parent
    return str(base / Path(named).expanduser())


def _named(location: str) -> str:
    return "stdin" if location == "-" else redact(location)


def _too_big(location: str) -> SpecError:
    return SpecError(
        f"{_named(location)} is larger than {MAXIMUM_BYTES // 1024 // 1024} MiB, which no environment file is",
        hint="name an environment file",
    )


def _read_path(location: str) -> bytes:
    path = Path(location)
    try:
        with path.open("rb") as file:
            return file.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError as error:
        raise SpecError(f"{location} does not exist", hint=_nearest(path)) from error
    except IsADirectoryError as error:
        inside = next((name for name in ("environment.yml", "environment.yaml") if (path / name).is_file()), None)
        hint = f"name the file in it: `-f {path / inside}`" if inside else "name the environment file in it"
        raise SpecError(f"{location} is a directory; expected an environment file", hint=hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"{redact(location)} cannot be read: {reason}") from error


def _nearest(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix in (".yml", ".yaml", ".txt"))
    except OSError:
        return f"there is no directory {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f"did you mean `{path.with_name(near[0])}`?"
    return f"files beside it: {', '.join(names)}" if 0 < len(names) < 5 else "check the path"


def _download(url: str, offline: bool) -> bytes:
    if offline:
        raise SpecError(f"{redact(url)} cannot be read: envmgr is offline", hint="name a local file, or drop --offline")
    deadline = time.monotonic() + _TOTAL_SECONDS
    try:
        with requests.Session() as session:
            return _follow(session, url, deadline)
    except requests.RequestException as error:
        reason = "no answer in time" if isinstance(error, requests.Timeout) else _reason(error)
        raise SpecError(
            f"{redact(url)} cannot be read: {redact(reason)}", hint="check the URL and the network"
        ) from error


def _follow(session: requests.Session, url: str, deadline: float) -> bytes:
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
            return _body(response, target, deadline)
    raise SpecError(f"{redact(url)} redirects more than {_MAXIMUM_REDIRECTS} times", hint="name the final URL")


def _body(response: requests.Response, url: str, deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if size > MAXIMUM_BYTES:
            raise _too_big(url)
        if time.monotonic() > deadline:
            raise SpecError(f"{redact(url)} took longer than {_TOTAL_SECONDS:.0f} seconds", hint="download it first")
        pieces.append(piece)
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
