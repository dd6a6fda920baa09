"""URLs: the one function that may print one, and the forms that channels and artifacts take."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_CREDENTIALS = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s]+@")  # a password may have an @
_TOKEN = re.compile(r"/t/[^/\s]+")
_ONLY_VARIABLES = re.compile(r"://(?:[^:@/\s$]*:)?(?:\$\{\w+\}:?)+@$")  # a user's name is none alone
_SSH_USER = re.compile(r"(?:git\+)?ssh://[^:@/]+@[^@/]+")  # `git@` is an account that all share
_LITERAL_TOKEN = re.compile(r"/t/(?!\$\{\w+\}(?:/|$))[^/\s]+")
_REMOTE = re.compile(r"\b(?!file:)[a-zA-Z][a-zA-Z0-9+.-]+://\S+", re.IGNORECASE)  # in a path, /t/ is a directory
_SECRET_QUERY = re.compile(
    r"(?P<key>[?&](?:[^=&\s]*(?:token|secret|password|signature|credential|api[-_]?key)[^=&\s]*|sig)=)[^&#\s]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with the credentials of every URL in it masked.

    Masked are `user:password@`, conda's `/t/TOKEN` path component and query parameters that carry secrets.
    """
    text = _CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", text)
    text = _REMOTE.sub(lambda match: _TOKEN.sub("/t/***", match[0]), text)
    return _SECRET_QUERY.sub(lambda match: f"{match['key']}***", text)


def without_credentials(url: str) -> str:
    """Return `url` as it may be written to a file: no user info, no `/t/TOKEN`, no secret query parameter."""
    parts = urlsplit(url)
    netloc = (
        parts.netloc if _SSH_USER.fullmatch(f"{parts.scheme}://{parts.netloc}") else parts.netloc.rpartition("@")[2]
    )
    path = parts.path if parts.scheme in ("file", "") else _TOKEN.sub("", parts.path)
    query = "&".join(piece for piece in parts.query.split("&") if piece and not _SECRET_QUERY.match("?" + piece))
    plain = urlunsplit((parts.scheme, netloc, path, query, parts.fragment))
    if not netloc and url.startswith(f"{parts.scheme}:///") and not plain.startswith(f"{parts.scheme}:///"):
        return plain.replace(":", "://", 1)  # urlunsplit keeps an empty host of schemes that it knows only
    return plain


def without_literal_credentials(text: str) -> str:
    """Return `text` (a spec, a requirement) without the credentials in any URL in it; `${VARIABLE}` stays."""
    text = _CREDENTIALS.sub(
        lambda match: match[0] if _ONLY_VARIABLES.search(match[0]) or _is_ssh_user(match) else match["scheme"], text
    )
    text = _REMOTE.sub(lambda match: _LITERAL_TOKEN.sub("", match[0]), text)
    return _SECRET_QUERY.sub(lambda match: match["key"][0] if match["key"][0] == "?" else "", text)


def _is_ssh_user(match: re.Match[str]) -> bool:
    return match["scheme"].endswith("ssh://") and ":" not in match[0].removeprefix(match["scheme"])


def is_url(text: str) -> bool:
    """Whether `text` has a scheme, as `https://…` and `file:///…` have (a Windows drive letter is none)."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None


def file_url(path: Path) -> str:
    """Return the `file://` URL of an absolute path, without a trailing slash."""
    return path.as_uri().rstrip("/")


def path_of_file_url(url: str) -> Path | None:
    """Return the local path that a `file://` URL names, or None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    if re.match(r"/[A-Za-z]:", path) and os.name == "nt":
        path = path[1:]
    return Path(path)


def file_name(url: str) -> str:
    """Return the last path component of a URL, percent-decoded."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1])
