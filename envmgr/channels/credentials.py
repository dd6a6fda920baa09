"""Credentials in channel URLs: taken off where they are read, kept in memory, shown nowhere.

Two forms are known: `https://user:password@host/…`, sent as HTTP basic authentication, and conda's
`https://host/t/TOKEN/…`, a part of the path. Both may hold `${VARIABLE}`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from envmgr.errors import ChannelError
from envmgr.urls import is_url, redact, without_credentials

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LITERAL_SECRET = re.compile(r"://(?!(?:\$\{\w+\}:?)+@)[^/@\s]+@|/t/(?!\$\{\w+\}(?:/|$))[^/\s]+")


class Access:
    """Base URLs with their credentials, tried in order; a repr or str of it tells nothing."""

    __slots__ = ("_urls",)

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls

    def __repr__(self) -> str:
        return "Access(***)"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not written anywhere")

    def targets(self) -> tuple[str, ...]:
        """Return the base URLs to request, without user info, in order; conda tokens are part of the path."""
        return tuple(_without_user(url) for url in self._urls)

    def authorizations(self) -> tuple[Authorization, ...]:
        """Return which header goes to which host and path."""
        found = []
        for url in self._urls:
            parts = urlsplit(url)
            user, at, _ = parts.netloc.rpartition("@")
            if at:
                name, _, password = user.partition(":")
                token = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii")
                path = parts.path.rstrip("/") + "/"
                found.append(Authorization(host=parts.hostname or "", path=path, header=f"Basic {token}"))
        return tuple(found)


class Authorization(NamedTuple):
    """The Authorization header of every request to `host` below `path`; secret."""

    host: str
    path: str
    header: str

    def __repr__(self) -> str:
        return f"Authorization(host={self.host!r}, path='***', header='***')"


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with every `${VARIABLE}` replaced; raises ChannelError for one that is not set."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise ChannelError(
                f"the channel `{redact(text)}` names the variable `{match[1]}`, which is not set",
                hint=f"set it: `export {match[1]}=…`",
            )
        return environ[match[1]]

    return _VARIABLE.sub(value, text)


def access_of(urls: tuple[str, ...]) -> Access | None:
    """Return the access that `urls` give, None where none has credentials."""
    return Access(urls) if any(without_credentials(url) != url for url in urls) else None


def as_written(name: str) -> str:
    """Return a channel as it may be written to a lock or a file: `${VARIABLE}` kept, literal credentials left out."""
    return without_credentials(name) if is_url(name) and _LITERAL_SECRET.search(name) else name


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
