"""Paths in a lock beside a file: relative to it where they are near, so that a checkout can be anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, unquote

from envmgr.lock.model import Lock, PipPackage
from envmgr.urls import file_url, path_of_file_url

_MOST_UP = 2  # directories above the lock that a relative path may begin with; what is further away is elsewhere


def written(url: str, base: str) -> str:
    """Return a `file:` URL as a lock in the directory `base` has it, and any other as it is."""
    path, hash_mark, fragment = url.partition("#")
    local = path_of_file_url(path)
    return url if local is None else quote(relative(os.fspath(local), base)) + hash_mark + fragment


def relative(path: str, base: str) -> str:
    """Return an absolute path relative to `base` as a POSIX path, or as it is where it is far from there."""
    relative = os.path.relpath(path, base).replace(os.sep, "/")
    parts = relative.split("/")
    if parts[: _MOST_UP + 1] == [".."] * (_MOST_UP + 1):
        return path
    return relative if parts[0] in (".", "..") else f"./{relative}"


def placed(lock: Lock, base: str | None) -> Lock:
    """Return a lock whose relative paths are those from `base`."""
    if base is None:
        return lock
    pip_base = lock.request.pip_base
    request = (
        lock.request._replace(pip_base=os.path.normpath(os.path.join(base, pip_base))) if pip_base else lock.request
    )
    return lock._replace(request=request, pip=tuple(_of_package(package, base) for package in lock.pip))


def _of_package(package: PipPackage, base: str) -> PipPackage:
    path, hash_mark, fragment = package.url.partition("#")
    if package.kind not in ("directory", "editable", "archive") or "://" in path:
        return package
    where = os.path.normpath(os.path.join(base, unquote(path)))
    return package._replace(url=file_url(Path(where)) + hash_mark + fragment)
