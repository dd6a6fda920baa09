"""Who owns the files of a prefix: its packages by their records, its pip packages by RECORD, envmgr, or nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.relative_paths import joined

_FILES = b'\n  "files": ['
_FILES_END = b"\n  ]"
_DIST_INFO = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")
_OWN_FILES = frozenset(
    {
        ".messages.txt",
        "CACHEDIR.TAG",
        "conda-meta/created_at",
        "conda-meta/frozen",
        "conda-meta/history",
        "conda-meta/state",
    }
)
_MARKER = re.compile(r"(?:lib/python[^/]+|Lib)/EXTERNALLY-MANAGED")  # PEP 668: ours, where no package owns it
_DERIVED = (".pyc", ".pyo")


class Distribution(NamedTuple):
    """A Python distribution in site-packages and the files of its RECORD, relative to the prefix."""

    name: str
    version: str
    files: tuple[str, ...]
    dist_info: str = ""


def files_of_record(prefix: Path, name: str) -> list[str]:
    """Return the files that the prefix record `name` lists (CEP 32 `files`), relative to the prefix.

    An unreadable record owns nothing.
    """
    try:
        content = (prefix / "conda-meta" / f"{name}.json").read_bytes()
    except OSError:
        return []
    start = content.find(_FILES)
    end = content.find(_FILES_END, start)
    try:
        if 0 <= start < end:  # a third of the bytes: the whole record names every path twice, with hashes
            files: Any = json.loads(content[start + len(_FILES) - 1 : end + len(_FILES_END)])
        else:
            files = json.loads(content)["files"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [path for path in files if isinstance(path, str)] if isinstance(files, list) else []


def distributions(prefix: Path, owned: Container[str] = frozenset()) -> Iterator[Distribution]:
    """Yield the distributions with a RECORD in any site-packages of the prefix, save those in `owned`, sorted."""
    for directory in site_packages(prefix):
        for entry in sorted(os.listdir(prefix / directory)):
            match = _DIST_INFO.fullmatch(entry)
            if match is None or f"{directory}/{entry}/METADATA" in owned:
                continue
            files = record_files(prefix, f"{directory}/{entry}")
            yield Distribution(match["name"], match["version"], tuple(sorted(files)), f"{directory}/{entry}")


def record_files(prefix: Path, dist_info: str) -> Sequence[str]:
    """Return the files that a RECORD lists, relative to the prefix; those outside of it are left out.

    `dist_info` is the directory's path relative to the prefix. A missing RECORD (pip half deleted by hand) is empty.
    """
    try:
        text = (prefix / dist_info / "RECORD").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    base = os.path.dirname(dist_info)
    paths = []
    for row in csv.reader(io.StringIO(text)):
        if not row or os.path.isabs(row[0]):
            continue
        path = joined(base, row[0])
        if not path.startswith(".."):
            paths.append(path)
    return paths


def normalised(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def site_packages(prefix: Path) -> tuple[str, ...]:
    """Return the site-packages directories of a prefix, relative to it, sorted."""
    try:
        entries = sorted(os.listdir(prefix / "lib"))
    except OSError:
        return ()
    return tuple(
        f"lib/{entry}/site-packages"
        for entry in entries
        # conda's python 3.10 and later bring `python3.1` as a symlink to their own directory
        if entry.startswith("python")
        and not (prefix / "lib" / entry).is_symlink()
        and (prefix / "lib" / entry / "site-packages").is_dir()
    )


def site_packages_of(prefix: Path) -> str:
    """Return the site-packages directory into which noarch python packages were installed, relative to the prefix."""
    return (*site_packages(prefix), "site-packages")[0]


def is_derived(path: str) -> bool:
    """Whether a file is bytecode, which Python writes and reads at its leisure."""
    return path.endswith(_DERIVED)


def is_own_file(path: str) -> bool:
    """Whether a file that no package owns is metadata of the environment."""
    if path in _OWN_FILES or _MARKER.fullmatch(path) is not None:
        return True
    return path.startswith("conda-meta/") and path.endswith(".json")


def is_ours(path: str) -> bool:
    """Whether a file that no package owns is metadata of the environment, or derived."""
    return is_own_file(path) or is_derived(path)


def is_same_version(found: str, expected: str) -> bool:
    """Whether the version in the name of a dist-info directory is `expected` (PEP 440: 1.0 is 1.0.0)."""
    if found == expected:
        return True
    from packaging.version import InvalidVersion, Version  # start-up time: nearly always they are the same text

    try:
        return Version(found.replace("_", "+", 1) if "+" in expected else found) == Version(expected)
    except InvalidVersion:
        return False
