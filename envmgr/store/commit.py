"""The commit: a staged tree takes the place of an environment, and the old tree joins the kept generations.

Every step leaves a state that `recovery` recognises by the numbers in generation.json and the phase of the journal.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from envmgr.artifacts import trees
from envmgr.errors import PrefixError
from envmgr.store import generations, layout
from envmgr.store.exchange import REFUSED, exchange, probe
from envmgr.store.generations import Generation, Switch
from envmgr.store.journal import Journal
from envmgr.store.layout import Location

Checkpoint = Callable[[str], None]
_ENCLOSED = (errno.ENOTEMPTY, errno.EEXIST)


def unwatched(step: str) -> None:
    """Let a step pass: the checkpoint of whoever does not watch."""


def choose_switch(location: Location, wanted: Switch | None = None) -> Switch:
    """Return how the next generation takes its place: as `wanted`, as the current one did, or as a probe finds.

    Raises OSError where the staging directory cannot be written.
    """
    if layout.is_switch(location):
        return "symlink"
    if wanted is not None:
        return wanted
    present = generations.current(location.prefix)
    if present is not None and present.switch == "exchange":
        return "exchange"
    return probe(location.staging)


def next_number(location: Location) -> int:
    """Return the number of the next generation: above every one that was ever kept or is current."""
    present = generations.current(location.prefix)
    known = (*generations.kept_numbers(location), *generations.recorded_numbers(location))
    return max([0 if present is None else present.number, *known]) + 1


def write_generation(tree: Path, generation: Generation) -> None:
    """Write generation.json into a staged tree; raises OSError."""
    (tree / generations.SETTLED).write_bytes(b"0")
    (tree / generations.FILE).write_bytes(generation.to_json())


def switch(location: Location, journal: Journal, generation: Generation, checkpoint: Checkpoint) -> Generation:
    """Put the tree beside the journal at the prefix and return its generation as committed.

    Afterwards the old tree, if there was one, is `generations/<journal.replaces>`. Raises OSError, and PrefixError
    when something else has taken the place.
    """
    if layout.is_vacant(location.prefix):
        _place(location, journal, generation, checkpoint)
    elif layout.is_switch(location):
        _point_to(location, journal, checkpoint)
    elif generation.switch == "exchange":
        generation = _exchange(location, journal, generation, checkpoint)
    else:
        generation = replace(location, journal, generation, checkpoint)
    checkpoint("committed")
    return generation


def _place(location: Location, journal: Journal, generation: Generation, checkpoint: Checkpoint) -> None:
    """Put the tree where nothing is, or an empty directory."""
    try:
        if generation.switch != "symlink":
            os.rename(journal.tree, location.prefix)
            return
        target = _to_generations(location, journal)
        checkpoint("placed beside")
        if location.prefix.is_dir():
            location.prefix.rmdir()
        os.symlink(os.path.relpath(target, location.prefix.parent), location.prefix)
    except OSError as error:
        if error.errno not in _ENCLOSED:
            raise
        raise PrefixError(
            f"{location.prefix} was empty when this command began, and is not any more",
            hint="look at what was put there; then run the command again",
        ) from error


def _point_to(location: Location, journal: Journal, checkpoint: Checkpoint) -> None:
    """Let the symlink at the prefix name the new tree; the old one stays where it is."""
    target = _to_generations(location, journal)
    checkpoint("placed beside")
    link = journal.tree.with_name(journal.tree.name + ".link")
    link.unlink(missing_ok=True)
    os.symlink(os.path.relpath(target, location.prefix.parent), link)
    os.replace(link, location.prefix)


def _exchange(location: Location, journal: Journal, generation: Generation, checkpoint: Checkpoint) -> Generation:
    try:
        exchange(journal.tree, location.prefix)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return replace(location, journal, generation._replace(switch="copy"), checkpoint)
        if error.errno in REFUSED:
            return replace(location, journal, generation._replace(switch="symlink"), checkpoint)
        raise
    checkpoint("exchanged")
    keep_old(location, journal)
    return generation


def keep_old(location: Location, journal: Journal) -> None:
    """Move the tree that an exchange left beside the journal to the kept generations."""
    location.generations.mkdir(parents=True, exist_ok=True)
    os.rename(journal.tree, location.generations / str(journal.replaces or 0))


def replace(location: Location, journal: Journal, generation: Generation, checkpoint: Checkpoint) -> Generation:
    """Put the tree in place where no single step of the kernel can: a journal makes it whole after a kill.

    A directory of a lower container layer can be neither exchanged nor renamed: it is copied to the kept
    generations and deleted. Any other one is renamed.
    """
    write_generation(journal.tree, generation)
    old = location.generations / str(journal.replaces or 0)
    location.generations.mkdir(parents=True, exist_ok=True)
    moved = False
    if generation.switch != "copy":
        journal = journal.enter("replace")
        checkpoint("replacing")
        try:
            os.rename(location.prefix, old)
            moved = True
        except OSError as error:
            if error.errno != errno.EXDEV:
                journal.enter("stage")
                raise
            journal = journal.enter("stage")
            generation = generation._replace(switch="copy")
            write_generation(journal.tree, generation)
    if not moved:
        _copy(location.prefix, old, journal)
        checkpoint("copied up")
        journal = journal.enter("replace")
        checkpoint("replacing")
        trees.remove(location.prefix)
    checkpoint("old gone")
    _place(location, journal, generation, checkpoint)
    return generation


def finish_replacing(location: Location, journal: Journal, generation: Generation) -> None:
    """Do the rest of `replace` after its process died in phase `replace`; raises OSError."""
    old = location.generations / str(journal.replaces or 0)
    if os.path.lexists(location.prefix):
        if old.exists():
            trees.remove(location.prefix)
        else:
            location.generations.mkdir(parents=True, exist_ok=True)
            os.rename(location.prefix, old)
    _place(location, journal, generation, unwatched)


def _to_generations(location: Location, journal: Journal) -> Path:
    location.generations.mkdir(parents=True, exist_ok=True)
    target = location.generations / str(journal.number)
    if journal.tree.exists():
        os.rename(journal.tree, target)
    return target


def _copy(source: Path, target: Path, journal: Journal) -> None:
    unfinished = journal.tree.with_name(journal.tree.name + ".copy")
    trees.remove(unfinished)
    shutil.copytree(source, unfinished, symlinks=True)
    os.rename(unfinished, target)
