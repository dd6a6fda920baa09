"""Wheels that were built here: each is kept in the cache, so that what it was built from is built once.

One directory a build below `DIRECTORY`: the wheel, what direct_url.json (PEP 610) was written for it, and a listing
with its hash. It is published by a rename and never changed. Directories are not kept: what builds them may look at
more than their contents, such as the history of a repository.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envmgr.lock.model import Lock, PipPackage
from envmgr.processes import process_tag, tag_is_dead
from envmgr.pypi import direct_url
from envmgr.pypi.record import Record
from envmgr.settings import Settings
from envmgr.urls import file_url

DIRECTORY = "built-wheels"
_LISTING = "listing.json"
_KINDS = frozenset({"sdist", "archive", "vcs"})
_DEEPEST = 8  # directories below the part of uv's cache where it builds


class BuiltWheel(NamedTuple):
    """A wheel that was built of `package`: the file, its sha256 (hexadecimal) and size (bytes), and the contents of
    direct_url.json where it has one."""

    package: str
    file: Path
    sha256: str
    size: int
    direct_url: str | None

    @property
    def directory(self) -> Path:
        return self.file.parent

    @property
    def is_sound(self) -> bool:
        """Whether the file is as it was built."""
        try:
            return hashlib.sha256(self.file.read_bytes()).hexdigest() == self.sha256
        except OSError:
            return False

    def instead_of(self, package: PipPackage) -> PipPackage:
        """Return what is installed for `package`: this wheel, which has its place and hash in the cache."""
        return package._replace(
            kind="wheel", url=file_url(self.file), filename=self.file.name, sha256=self.sha256, size=self.size,
            index_url=None,
        )  # fmt: skip


def builder(lock: Lock) -> str:
    """Return what builds of a lock's pip half have in common: the python and the platform; empty without python."""
    python = next((package.version for package in lock.conda if package.name == "python"), "")
    return f"python {'.'.join(python.split('.')[:2])} {lock.platform}" if python else ""


def key_of(package: PipPackage, builder: str) -> str | None:
    """Return the name of what is built of a package, None where that is not kept."""
    if not builder or not package.is_built or package.kind not in _KINDS:
        return None
    identity = [package.name, package.kind, package.url, package.sha256, package.revision, package.config_settings]
    return hashlib.sha256(json.dumps([builder, *identity]).encode()).hexdigest()


def find(packages: Sequence[PipPackage], builder: str, settings: Settings) -> dict[str, BuiltWheel]:
    """Return the wheels that are there for `packages`, by name; one that is damaged is not."""
    found = {}
    for package in packages:
        key = key_of(package, builder)
        for cache in (settings.cache, *settings.shared_caches) if key is not None else ():
            wheel = _read(cache / DIRECTORY / str(key))
            if wheel is not None and wheel.is_sound:
                found[package.name] = wheel
                break
    return found


def keep(
    packages: Sequence[PipPackage], records: Mapping[str, Record], builder: str, settings: Settings, uv_cache: Path
) -> None:
    """Keep the wheels that uv has just built and installed, as `records` have it; what cannot be is left out."""
    waiting = {(package.name, package.version): package for package in packages if key_of(package, builder)}
    if not waiting:
        return
    with contextlib.suppress(OSError):
        for file in _wheels(uv_cache):
            name, version, _, _ = parse_wheel_filename(file.name)
            package = waiting.get((name, str(version)))
            if package is not None and _is_of(file, records[package.name]):
                del waiting[name, str(version)]
                _publish(file, package, records[package.name], str(key_of(package, builder)), settings)


def entries(settings: Settings) -> Iterator[tuple[str, BuiltWheel | None, Path]]:
    """Yield the key, the wheel (None: nothing that can be read) and the directory of each build that is kept."""
    root = settings.cache / DIRECTORY
    with contextlib.suppress(OSError):
        for directory in sorted(root.iterdir()):
            if re.fullmatch("[0-9a-f]{64}", directory.name):
                yield directory.name, _read(directory), directory
            elif tag_is_dead(directory.name.removeprefix(".").rpartition(".")[0]):
                shutil.rmtree(directory, ignore_errors=True)


def _read(directory: Path) -> BuiltWheel | None:
    try:
        listing = json.loads((directory / _LISTING).read_bytes())
        return BuiltWheel(
            f"{listing['name']} {listing['version']}", directory / os.path.basename(listing["wheel"]),
            str(listing["sha256"]), int(listing["size"]), listing["direct_url"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _publish(file: Path, package: PipPackage, record: Record, key: str, settings: Settings) -> None:
    root = settings.cache / DIRECTORY
    scratch = root / f".{process_tag()}.{key[:16]}"
    try:
        scratch.mkdir(parents=True)
        data = file.read_bytes()
        (scratch / file.name).write_bytes(data)
        listing = {
            "name": package.name,
            "version": package.version,
            "wheel": file.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "direct_url": direct_url.read(record),
        }
        (scratch / _LISTING).write_text(json.dumps(listing, indent=1, sort_keys=True), encoding="utf-8")
        shutil.rmtree(root / key, ignore_errors=True)  # one that is there is damaged, or it would have been used
        scratch.rename(root / key)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _wheels(uv_cache: Path) -> Iterator[Path]:
    """Yield the wheels that lie where uv builds, without looking into what it built them from."""
    waiting = [(str(path), 0) for path in uv_cache.glob("sdists-v*")]
    while waiting:
        where, depth = waiting.pop()
        with os.scandir(where) as found:
            for entry in found:
                if entry.name.endswith(".whl") and entry.is_file():
                    with contextlib.suppress(InvalidWheelFilename):
                        parse_wheel_filename(entry.name)
                        yield Path(entry.path)
                elif entry.name != "src" and depth < _DEEPEST and entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, depth + 1))


def _is_of(file: Path, record: Record) -> bool:
    """Whether what a wheel holds is what was installed: each file with its hash."""
    try:
        with zipfile.ZipFile(file) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
            rows = [row for row in csv.reader(io.StringIO(archive.read(name).decode())) if len(row) > 1]
    except (OSError, StopIteration, ValueError, zipfile.BadZipFile, csv.Error):
        return False
    names = {canonicalize_name(path.rpartition("-")[0]) for path in (name, record.dist_info_path.rpartition("/")[2])}
    below = os.path.dirname(record.dist_info_path)
    listed = {row[0]: row[1] for row in rows if row[1] and ".data/" not in row[0]}
    return len(names) == 1 and all(
        f"{below}/{path}" in record.files and record.digest(f"{below}/{path}") == digest
        for path, digest in listed.items()
    )
