"""A process of its own: sync the file system around a marker, set the marker, then remove trees that were set aside.

Imports nothing of ours but what removes trees, and that only where there are some.
"""

import ctypes
import os
import sys

_NICE = 10  # nobody waits for what is removed


def settle(marker: str) -> None:
    """Make everything on the file system around the file `marker` durable, then write 1 into it; raises OSError.

    The marker exists from the beginning: a file that appeared now would get in the way of whoever deletes the tree.
    """
    descriptor = os.open(marker, os.O_WRONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), marker)
        os.pwrite(descriptor, b"1", 0)
    finally:
        os.close(descriptor)


def remove(root: str, journals: list[str]) -> None:
    """Remove the trees beside these journals, then the journals; `root` is the directory that has our package.

    The journals are held by descriptors that were inherited, so that the next command leaves the trees to us. Where it
    does not, both remove what is left. Raises OSError.
    """
    sys.path.append(root)
    from pathlib import Path  # only here: a settling process needs none of it

    from envmgr.artifacts import trees

    os.nice(_NICE)
    for journal in journals:
        trees.remove(Path(journal.removesuffix(".json")))
        Path(journal).unlink(missing_ok=True)


if __name__ == "__main__":
    os.chdir("/")  # nobody is to think that the environment in which the command was typed is in use
    marker, root, *journals = sys.argv[1:]
    try:
        settle(marker)
    finally:
        if journals:
            remove(root, journals)
