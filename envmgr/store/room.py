"""Whether there is room for an environment, counted before the first byte is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.manifest import Artifact
from envmgr.errors import NoInodes, NoSpace
from envmgr.lock.model import PipPackage

_BLOCK = 4096  # bytes that a directory takes at least
_RECORD_BYTES = 400  # bytes of a prefix record for each path, measured
_SLACK = 1 << 20  # bytes for history, lock, scripts
_OWN_FILES = 32
_WHEEL_GROWTH = 4  # unpacked against packed wheels, measured on the scientific stack


class Need(NamedTuple):
    """How much a tree takes on its file system, in bytes and inodes."""

    bytes: int
    inodes: int

    def plus(self, other: Need) -> Need:
        """Return what both take together."""
        return Need(self.bytes + other.bytes, self.inodes + other.inodes)


def need(artifacts: Sequence[Artifact], pip: Sequence[PipPackage], *, shares: bool) -> Need:
    """Return what the tree of these packages takes; `shares` tells whether files are linked from the cache."""
    paths = sum(len(artifact.manifest.paths) for artifact in artifacts)
    directories = len({path.rpartition("/")[0] for artifact in artifacts for path in artifact.manifest.paths})
    inodes = directories + len(artifacts) + _OWN_FILES
    size = directories * _BLOCK + paths * _RECORD_BYTES + _SLACK
    size += sum(package.size or 0 for package in pip) * _WHEEL_GROWTH
    for artifact in artifacts:
        if shares:
            inodes += len(artifact.manifest.placeholders)
            size += sum(_size(artifact.directory / path) for path in artifact.manifest.placeholders)
        else:
            inodes += len(artifact.manifest.paths)
            size += artifact.manifest.bytes
    return Need(size, inodes)


def check(directory: Path, needed: Need) -> None:
    """Raise NoSpace or NoInodes, with numbers, where the file system of `directory` has too little left.

    Quotas do not show here: what exceeds one is found when it is written.
    """
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < needed.bytes:
        raise NoSpace(
            f"{directory} has {_mebibytes(free)} free; the environment takes {_mebibytes(needed.bytes)}",
            hint="free some space, for example with: envmgr clean",
            details={"free_bytes": free, "needed_bytes": needed.bytes},
        )
    if status.f_files > 0 and status.f_favail < needed.inodes:  # f_files is 0 where inodes are not counted (btrfs)
        raise NoInodes(
            f"{directory} has {status.f_favail} inodes free; the environment takes {needed.inodes}",
            hint="free some inodes, for example with: envmgr clean",
            details={"free_inodes": status.f_favail, "needed_inodes": needed.inodes},
        )


def free_inodes(directory: Path) -> int | None:
    """Return how many inodes are free, None where the file system does not count them."""
    try:
        status = os.statvfs(directory)
    except OSError:
        return None
    return status.f_favail if status.f_files > 0 else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"
