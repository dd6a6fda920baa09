"""A file replaced as a whole: whoever reads it finds the old text or the new one, also after a kill or a power cut."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`, or make it; a symbolic link stays one, permissions stay.

    Raises OSError; the file is then as it was.
    """
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    scratch = os.path.join(directory, f".{name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(scratch, "xb") as file:
            file.write(data)
            file.flush()
            with contextlib.suppress(FileNotFoundError):
                os.chmod(scratch, stat.S_IMODE(os.stat(target).st_mode))
            os.fsync(file.fileno())
        os.replace(scratch, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(scratch)
