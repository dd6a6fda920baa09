"""What the packages of a prefix say they installed, with hashes: prefix records (CEP 32) and RECORD (PEP 376, 627)."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.store.inventory import Inventory, NotRegular, read_regular

_DIST_INFO = re.compile(r"lib/python[^/]*/site-packages/(?P<name>[^/]+)-(?P<version>[^-/]+)\.dist-info")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DERIVED = (".pyc", ".pyo")


class Unusable(Exception):
    """A record or RECORD that says nothing; the text says why. `is_missing` where it is not there."""

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.is_missing = is_missing


class Owned(NamedTuple):
    """One path of a package as it should be.

    `kind` is hardlink, softlink or directory (None: anything). One of `hashes` (sha256, hexadecimal) is right; empty
    where none is known. `size` in bytes is None where the file was patched. `original` is where the file would be if
    another package did not own that path.
    """

    path: str
    package: str
    kind: str | None = None
    hashes: tuple[str, ...] = ()
    size: int | None = None
    original: str | None = None

    @property
    def is_derived(self) -> bool:
        """Whether it is bytecode, which python replaces as it likes."""
        return self.path.endswith(_DERIVED)


class Record(NamedTuple):
    """A prefix record: what it says it is, what it owns, and the paths that are none of a prefix."""

    name: str
    version: str
    build: str
    sha256: str | None
    owned: tuple[Owned, ...]
    outside: tuple[str, ...]


class Distribution(NamedTuple):
    """A Python distribution that has a `*.dist-info` (its path relative to the prefix), and its RECORD.

    `fault` says why the RECORD could not be read. `installer` is the tool that says it installed it, or empty.
    """

    name: str
    version: str
    dist_info: str
    installer: str
    owned: tuple[Owned, ...] = ()
    outside: tuple[str, ...] = ()
    fault: Unusable | None = None


def read_record(prefix: Path, name: str) -> Record:
    """Return the prefix record `name` (without .json); raises Unusable."""
    try:
        document: Any = json.loads(_read(prefix / "conda-meta" / f"{name}.json"))
    except (ValueError, RecursionError) as error:
        raise Unusable(f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Unusable(f"is not a mapping but {type(document).__name__}")
    package, version = document.get("name"), document.get("version")
    build = document.get("build", document.get("build_string", ""))
    if not (isinstance(package, str) and isinstance(version, str) and isinstance(build, str)):
        raise Unusable("has no text `name`, `version` and `build`")
    paths_data = document.get("paths_data")
    paths = paths_data.get("paths") if isinstance(paths_data, dict) else None
    owned = {each.path: each for each in _conda_paths(package, paths if isinstance(paths, list) else [])}
    files = document.get("files")
    if not isinstance(files, list):
        raise Unusable("has no list `files`")
    if document.get("noarch") == "python":
        owned = {each.path: each for each in _placed(owned, files)}
    for path in files:
        if isinstance(path, str):
            owned.setdefault(path, Owned(path, package))
    sha256 = document.get("sha256")
    return Record(
        name=package,
        version=version,
        build=build,
        sha256=sha256 if isinstance(sha256, str) else None,
        owned=tuple(each for path, each in owned.items() if not _is_outside(path)),
        outside=tuple(path for path in owned if _is_outside(path)),
    )


def distributions(inventory: Inventory) -> Iterator[Distribution]:
    """Yield the distributions of every site-packages in the tree, sorted by path."""
    for path in sorted(path for path in inventory.entries if path.endswith(".dist-info")):
        match = _DIST_INFO.fullmatch(path)
        if match is not None and inventory.entries[path].kind == "directory":
            yield read_distribution(Path(inventory.root), path)


def read_distribution(prefix: Path, dist_info: str) -> Distribution:
    """Return the distribution of a `*.dist-info` directory of a site-packages, relative to the prefix."""
    name, _, version = os.path.basename(dist_info).removesuffix(".dist-info").rpartition("-")
    try:
        installer = _read(prefix / dist_info / "INSTALLER").decode("utf-8", "replace").strip()[:40]
    except Unusable:
        installer = ""
    found = Distribution(name, version, dist_info, installer)
    try:
        rows = _rows(prefix, dist_info)
    except Unusable as fault:
        return found._replace(fault=fault)
    owned = tuple(
        Owned(path, name, "hardlink", _pip_hashes(digest)) for path, digest in rows.items() if not _is_outside(path)
    )
    return found._replace(owned=owned, outside=tuple(path for path in rows if _is_outside(path)))


def _conda_paths(package: str, paths: list[object]) -> Iterator[Owned]:
    for entry in paths:
        path = entry.get("_path") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(path, str):
            raise Unusable("has an entry of `paths_data` without `_path`")
        original, kind = entry.get("original_path"), entry.get("path_type")
        sha256 = entry.get("sha256")
        in_prefix = entry.get("sha256_of_target_name", entry.get("sha256_in_prefix"))
        size = entry.get("size_in_bytes")
        is_patched = bool(entry.get("prefix_placeholder")) or (in_prefix is not None and in_prefix != sha256)
        # Of a link conda records the hash of the file in the package that it led to, which may be patched since.
        is_final = not entry.get("prefix_placeholder") and kind != "softlink"
        known = in_prefix if in_prefix is not None else sha256 if is_final else None
        yield Owned(
            path=path,
            package=package,
            kind=kind if kind in ("hardlink", "softlink", "directory") else None,
            hashes=(known.lower(),) if isinstance(known, str) and _SHA256.fullmatch(known) else (),
            size=size if type(size) is int and not is_patched else None,
            original=original if isinstance(original, str) and not _is_outside(original) else None,
        )


def _placed(owned: Mapping[str, Owned], files: list[object]) -> Iterator[Owned]:
    """Yield what a noarch python package owns by the paths in the prefix.

    conda leaves `site-packages/…` and `python-scripts/…` of the package (CEP 20) in `paths_data`; where they came to
    is in `files` alone.
    """
    placed: dict[str, str] = {}
    for file in files:
        if isinstance(file, str):
            directory, _, name = file.partition("/")
            before, found, after = file.partition("site-packages/")
            if before and found:
                placed[found + after] = file
            elif directory in ("bin", "Scripts"):
                placed[f"python-scripts/{name}"] = file
    for path, each in owned.items():
        yield each._replace(path=placed.get(path, path))


def _rows(prefix: Path, dist_info: str) -> dict[str, str]:
    """Return hash by path relative to the prefix; raises Unusable."""
    try:
        text = _read(prefix / dist_info / "RECORD").decode("utf-8")
        lines = list(csv.reader(io.StringIO(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"cannot be read: {error}") from error
    base = os.path.dirname(dist_info)
    rows = {}
    for line in lines:
        if line:
            rows[os.path.normpath(os.path.join(base, line[0]))] = line[1] if len(line) > 1 else ""
    return rows


def _pip_hashes(digest: str) -> tuple[str, ...]:
    """Return the sha256 of a RECORD's `sha256=…` (base64 without padding), nothing for any other hash."""
    algorithm, _, value = digest.partition("=")
    if algorithm != "sha256":
        return ()
    try:
        decoded = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return ()
    return (decoded.hex(),) if len(decoded) == 32 else ()


def _is_outside(path: str) -> bool:
    return not path or path.startswith("/") or "\0" in path or ".." in path.split("/")


def _read(path: Path) -> bytes:
    try:
        return read_regular(path)
    except FileNotFoundError as error:
        raise Unusable("is missing", is_missing=True) from error
    except NotRegular as error:
        raise Unusable("is no regular file") from error
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror}") from error
