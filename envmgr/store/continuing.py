"""An environment that goes on at another place: what marks it there, and what comes along before it goes here.

Each step may be done again after a kill, by `recovery`, which finds the journal that the rename began with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import trees
from envmgr.store import generations, layout
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.erasing import erase
from envmgr.store.journal import Journal
from envmgr.store.layout import Location

_MARK = f"{layout.OWN_DIRECTORY}/renamed-from"


class Continued(NamedTuple):
    """The environment at `prefix`, at generation `number`; `token` tells this rename from every other one."""

    prefix: Path
    number: int
    token: str

    def mark(self, tree: Path) -> None:
        """Write into a staged tree where it comes from; raises OSError."""
        (tree / _MARK).write_text(f"{self.token}\n{self.prefix}\n", encoding="utf-8", errors="surrogateescape")


def has_arrived(journal: Journal) -> bool:
    """Whether the environment stands at its new place: as the current generation there, or as a kept one by now."""
    if journal.target is None or journal.kept is None:
        return False
    for tree in (Path(journal.target), Path(journal.kept, str(journal.number))):
        with contextlib.suppress(OSError):
            content = (tree / _MARK).read_text(encoding="utf-8", errors="surrogateescape")
            if content.partition("\n")[0] == journal.path.name:
                return True
    return False


def leave(location: Location, journal: Journal, checkpoint: Checkpoint = unwatched) -> None:
    """Let the environment go here, after it has arrived there with the locks of its generations; raises OSError.

    The trees of its generations name the old prefix and are deleted, except for those that hold what exists nowhere
    else. Only for the holder of the environment's lease.
    """
    kept = Path(journal.kept or "")
    kept.mkdir(parents=True, exist_ok=True)
    for number in generations.recorded_numbers(location):
        for suffix in _RECORD.values():
            _copy_file(location.generations / f"{number}{suffix}", kept / f"{number}{suffix}")
    present = generations.current(location.prefix)
    all_trees = {number: location.generations / str(number) for number in generations.kept_numbers(location)}
    if present is not None and present.number not in all_trees:
        all_trees[present.number] = location.prefix
    for number, tree in all_trees.items():
        for own, suffix in _RECORD.items():
            _copy_file(tree / own, kept / f"{number}{suffix}")
    checkpoint("locks brought along")
    for number, tree in all_trees.items():
        if (tree / generations.FOREIGN).exists() and not (kept / str(number)).exists():
            _move_tree(tree, kept / str(number))
    checkpoint("trees brought along")
    erase(location, checkpoint)


_RECORD = {layout.LOCK_FILE: ".conda-lock.yml", generations.FILE: ".json"}


def _copy_file(source: Path, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.new")
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)


def _move_tree(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        unfinished = target.with_name(f".{target.name}.new")
        trees.remove(unfinished)
        shutil.copytree(source, unfinished, symlinks=True)
        os.rename(unfinished, target)
