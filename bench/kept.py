"""What a kept generation costs on the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def cost(generation: Path, environment: Path) -> float:
    """Return the bytes that only the kept generation has, directory entries left out, by those of the environment."""
    shared = _files(environment)
    own = sum(size for inode, size in _files(generation).items() if inode not in shared)
    return own / sum(shared.values())


def _files(root: Path) -> dict[tuple[int, int], int]:
    """Return the bytes on the disk of everything that is no directory, by device and inode; one linked from the cache
    counts for what it holds."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(status.st_mode):
                found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return found
