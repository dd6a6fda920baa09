"""The audit of what the cache has for the pip half: wheels that were built here, and those that uv has unpacked."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.pypi import built_wheels
from envmgr.pypi.record import Record
from envmgr.settings import Settings

_SHOWN = 5  # files of one wheel


class Entry(NamedTuple):
    """One wheel: its distribution (`name version`), where it lies, its bytes, and what is wrong with it, a sentence
    each. `key` is that of a built one, empty where it is uv's."""

    package: str
    directory: Path
    key: str
    bytes: int
    reasons: tuple[str, ...]


def audit(settings: Settings) -> Iterator[Entry]:
    """Yield every wheel of the own cache; of what cannot be read, that is said."""
    for key, wheel, directory in built_wheels.entries(settings):
        if wheel is None:
            yield Entry(key[:16], directory, key, 0, ("has no listing that can be read",))
        else:
            reasons = () if wheel.is_sound else (f"{wheel.file.name} is not what was built",)
            yield Entry(wheel.package, directory, key, wheel.size, reasons)
    for dist_info in sorted((settings.cache / "uv").glob("archive-v*/*/*.dist-info")):
        if not dist_info.parent.name.startswith("."):
            yield _unpacked(dist_info)


def _unpacked(dist_info: Path) -> Entry:
    root, name = dist_info.parent, dist_info.stem
    package = f"{canonicalize_name(name.rpartition('-')[0])} {name.rpartition('-')[2]}"
    try:
        record = Record.read(dist_info / "RECORD", root=root)
    except (OSError, PipError) as error:
        return Entry(package, root, "", 0, (f"its RECORD cannot be read: {error}",))
    size, wrong = 0, []
    for path in sorted(record.files):
        kind, _, digest = record.digest(path).partition("=")
        if kind != "sha256":
            continue
        try:
            data = (root / path).read_bytes()
        except OSError as error:
            wrong.append(f"{path}: {os.strerror(error.errno or 0)}")
            continue
        size += len(data)
        if base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode() != digest:
            wrong.append(f"{path} has other contents")
    more = (f"and {len(wrong) - _SHOWN} more files",) if len(wrong) > _SHOWN else ()
    return Entry(package, root, "", size, (*wrong[:_SHOWN], *more))
