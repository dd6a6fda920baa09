"""Files of which an index knows no sha256: fetched and hashed once, and held against what the index does know."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from envmgr.errors import PipError
from envmgr.pypi import http
from envmgr.pypi.uv import Uv
from envmgr.urls import redact

_SECONDS = 60.0  # without a byte
_KNOWN = ("sha512", "sha384", "sha224", "sha1", "md5")


def sha256_of(url: str, said: Mapping[str, str], uv: Uv) -> str:
    """Return the sha256 (hexadecimal) of the file at an http URL; `said` are other hashes of it, by algorithm.

    Raises PipError where it cannot be had, or is another than they say.
    """
    if uv.offline:
        raise PipError(
            f"offline, and the index has no sha256 of {redact(url)}: it would have to be fetched to be locked",
            hint="run the same command once without --offline",
        )
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", *_KNOWN)}
    try:
        with http.opener(uv).open(http.request(with_user(url, uv), "file"), timeout=_SECONDS) as file:
            while block := file.read(1 << 20):
                for digest in digests.values():
                    digest.update(block)
    except (OSError, ValueError) as error:
        raise PipError(f"{redact(url)}, of which the index has no sha256, cannot be fetched: {error}") from error
    for name, value in said.items():
        if name in digests and digests[name].hexdigest() != value.lower():
            raise PipError(
                f"{redact(url)} is not what the index says: expected {name} {value}, found {digests[name].hexdigest()}",
                hint="distrust it, or tell whoever runs the index",
            )
    return digests["sha256"].hexdigest()


def with_user(url: str, uv: Uv) -> str:
    """Return a URL with the user and password that an index on the same host has."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return url
    for index, _ in uv.indexes.index_urls():
        netloc = urlsplit(re.sub(r"^[A-Za-z0-9._-]+=", "", index)).netloc
        if netloc.endswith(f"@{parts.netloc}"):
            return urlunsplit(parts._replace(netloc=netloc))
    return url
