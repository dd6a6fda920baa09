"""Files of a staged tree that are hard links into a cache, each made a file of its own (`link: copy`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from envmgr.store import copying

_BEING_MADE = ".envmgr-copying"


def unshare(tree: str) -> int:
    """Give every regular file below `tree` blocks of its own, and return how many had other names.

    Where the file system can reflink, the blocks are shared until one of both is written. Raises OSError.
    """
    count = 0
    for path in _linked(tree):
        made = f"{path}{_BEING_MADE}"
        copying.copy(path, made)
        os.replace(made, path)
        count += 1
    return count


def _linked(directory: str) -> Iterator[str]:
    with os.scandir(directory) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _linked(entry.path)
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            yield entry.path
