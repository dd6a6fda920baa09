"""A process of its own: sync the file system around a marker, then write the marker. Imports nothing of ours."""

import ctypes
import os
import sys


def settle(marker: str) -> None:
    """Make everything on the file system around `marker` durable, then create it; raises OSError."""
    descriptor = os.open(os.path.dirname(marker), os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), marker)
        # Relative to the directory that was synced: another generation may have taken its place meanwhile.
        os.close(os.open(os.path.basename(marker), os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=descriptor))
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    settle(sys.argv[1])
