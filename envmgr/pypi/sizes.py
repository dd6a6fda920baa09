"""Sizes of files that no index says (an archive asked for by URL, a wheel of an HTML page), asked of their servers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import http, sources
from envmgr.pypi.unhashed import with_user
from envmgr.pypi.unpacking import place_with_credentials
from envmgr.pypi.uv import Uv

_AT_ONCE = 8


def completed(packages: Sequence[PipPackage], locked: Sequence[PipPackage], uv: Uv) -> tuple[PipPackage, ...]:
    """Return the packages with the sizes (bytes) that `locked` has of the same file, or that its server says; a file
    whose server says none stays without."""
    known = {package.sha256: package.size for package in locked if package.size is not None}
    found = [package._replace(size=known.get(package.sha256)) if _lacks(package) else package for package in packages]
    asked = [package for package in found if _lacks(package)]
    if not asked or uv.offline:
        return tuple(found)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        sizes = dict(zip(asked, pool.map(lambda package: _size(package, uv), asked), strict=True))
    return tuple(package._replace(size=sizes[package]) if package in sizes else package for package in found)


def _lacks(package: PipPackage) -> bool:
    return package.size is None and package.has_file and package.url.startswith("http")


def _size(package: PipPackage, uv: Uv) -> int | None:
    try:
        url = sources.expanded(place_with_credentials(package), uv.environ) or package.url
        with http.opener(uv).open(http.request(with_user(url, uv), "head"), timeout=http.SECONDS) as answer:
            length = str(answer.headers.get("Content-Length") or "")
    except (OSError, ValueError, PipError):
        return None
    return int(length) if length.isdecimal() else None
