"""What trees take on disk: every inode once, and who shares it; a reflink is not seen.

Bytes are those that the file system set aside (512-byte blocks), as `du` counts them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_BLOCK = 512


class Footprint(NamedTuple):
    """What some trees take together.

    `bytes` and `inodes` count every inode once; `unique_bytes` and `unique_inodes` those that nothing else has, which
    are free again when the trees are removed. `files` are all names but directories.
    """

    bytes: int = 0
    unique_bytes: int = 0
    files: int = 0
    inodes: int = 0
    unique_inodes: int = 0

    @property
    def shared_bytes(self) -> int:
        """What others have as well."""
        return self.bytes - self.unique_bytes


class Census:
    """Some trees, walked once: which inode is in which of them."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Walk the trees; what vanishes or cannot be read meanwhile is not counted."""
        self._outside = 1 << len(roots)
        self._files = [0] * len(roots)
        # By owner: a bit for each tree, one more for links that are in none of them.
        self._totals: dict[int, tuple[int, int]] = {}
        linked: dict[tuple[int, int], list[int]] = {}
        for at, root in enumerate(roots):
            for status in _walk(str(root)):
                is_directory = stat.S_ISDIR(status.st_mode)
                self._files[at] += not is_directory
                if is_directory or status.st_nlink == 1:
                    self._add(1 << at, _bytes(status))
                    continue
                found = linked.setdefault((status.st_dev, status.st_ino), [0, 0, status.st_nlink, _bytes(status)])
                found[0] |= 1 << at
                found[1] += 1
        for owners, names, links, size in linked.values():
            self._add(owners if names >= links else owners | self._outside, size)

    def of(self, trees: Sequence[int]) -> Footprint:
        """Return what the trees with these numbers take together."""
        wanted = sum(1 << at for at in set(trees))
        size = unique = inodes = unique_inodes = 0
        for owners, (each_size, each_count) in self._totals.items():
            if owners & wanted:
                size += each_size
                inodes += each_count
                if not owners & ~wanted:
                    unique += each_size
                    unique_inodes += each_count
        return Footprint(size, unique, sum(self._files[at] for at in set(trees)), inodes, unique_inodes)

    @property
    def total(self) -> Footprint:
        """What all trees take together."""
        return self.of(range(len(self._files)))

    def _add(self, owners: int, size: int) -> None:
        before = self._totals.get(owners, (0, 0))
        self._totals[owners] = (before[0] + size, before[1] + 1)


def _walk(root: str) -> Iterator[os.stat_result]:
    """Yield the status of a tree's root and of everything below it, following nothing."""
    try:
        yield os.lstat(root)
    except OSError:
        return
    pending = [root]
    while pending:
        try:
            entries = os.scandir(pending.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    yield status if status.st_ino else os.lstat(entry.path)  # Windows: 0 in a listing
                except OSError:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)


def _bytes(status: os.stat_result) -> int:
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * _BLOCK


def freed(roots: Sequence[Path]) -> tuple[int, ...]:
    """Return for each tree the bytes that are free again once all of them are removed.

    What a tree shares with another one of them counts for the last of both; what is linked elsewhere for none.
    """
    sizes = [0] * len(roots)
    linked: dict[tuple[int, int], int] = {}
    for at, root in enumerate(roots):
        for status in _walk(str(root)):
            if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
                inode = (status.st_dev, status.st_ino)
                linked[inode] = linked.get(inode, 0) + 1
                if linked[inode] < status.st_nlink:
                    continue
            sizes[at] += _bytes(status)
    return tuple(sizes)
