"""What an environment consists of, deleted: renamed away at once, so that it is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from envmgr.artifacts import trees
from envmgr.store import journal
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.layout import Location


def erase(location: Location, checkpoint: Checkpoint = unwatched) -> None:
    """Rename the prefix and the kept generations away, each to a tree that a journal has announced; delete them.

    Only for the holder of the environment's lease. Raises OSError.
    """
    prefix = journal.begin(location, "remove", number=0)
    kept = journal.begin(location, "remove", number=0)
    checkpoint("removal begun")
    try:
        _move_away(location.prefix, prefix.tree)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A directory of a lower container layer cannot be renamed, only deleted.
        prefix = prefix.enter("erase")
        checkpoint("erasing")
        trees.remove(location.prefix)
    checkpoint("prefix gone")
    try:
        _move_away(location.generations, kept.tree)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        trees.remove(location.generations)
    checkpoint("generations gone")
    for entry in (prefix, kept):
        trees.remove(entry.tree)
        entry.remove()
    checkpoint("deleted")


def _move_away(path: Path, aside: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
