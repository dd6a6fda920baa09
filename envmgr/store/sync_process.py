"""A process of its own: sync the file system around a marker, then set the marker. Imports nothing of ours."""

import ctypes
import os
import sys


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


if __name__ == "__main__":
    os.chdir("/")  # nobody is to think that the environment in which the command was typed is in use
    settle(sys.argv[1])
