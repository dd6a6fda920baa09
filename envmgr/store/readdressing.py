"""What was carried from another place names that place: scripts of pip are mended, the rest is named."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from envmgr.errors import PipError
from envmgr.pypi.record import Record
from envmgr.pypi.relocate import relocate
from envmgr.reporting import Reporter
from envmgr.store.carried import Carried

_LARGEST = 1 << 20  # bytes of a file that is looked through
_NAMED = 5  # files in one message


def readdress(tree: Path, came: Carried, *, old: Path, new: Path, reporter: Reporter) -> None:
    """Let the scripts of carried distributions start the interpreter of `new`, and name the files that say `old` still.

    `tree` is the staged tree. Raises OSError.
    """
    for distribution in came.distributions:
        path = tree / distribution.dist_info / "RECORD"
        try:
            relocate(Record.read(path, root=tree), staging=old, prefix=new)
        except (FileNotFoundError, PipError):
            continue  # installed without a record, or in a way of its own: what names the old place is named below
    naming = [path for path in came.files if _names(tree / path, os.fsencode(old))]
    if naming:
        more = f" and {len(naming) - _NAMED} more" if len(naming) > _NAMED else ""
        reporter.notice(f"these name {old} still: {', '.join(naming[:_NAMED])}{more}")


def _names(path: Path, prefix: bytes) -> bool:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return os.fsencode(os.readlink(path)).startswith(prefix + b"/")
        return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST and prefix + b"/" in path.read_bytes()
    except OSError:
        return False
