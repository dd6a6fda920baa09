"""Removing an environment as a whole, kept generations included: renamed away at once, then deleted."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from envmgr.artifacts import trees
from envmgr.errors import StoreError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import frozen, journal, layout, processes, recovery, registry
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.faults import told_of
from envmgr.store.holding import held
from envmgr.store.layout import Location


def remove(
    location: Location,
    *,
    settings: Settings,
    reporter: Reporter,
    override_frozen: bool = False,
    checkpoint: Checkpoint = unwatched,
) -> None:
    """Remove the environment and everything kept of it; what a kill leaves over, the next command deletes.

    Raises EnvironmentNotFound, NotAnEnvironment, FrozenEnvironment, StoreError and its kinds.
    """
    with held(location, doing="removing", reporter=reporter):
        recovery.recover_held(location)
        layout.find(settings, prefix=location.prefix)
        frozen.check_thawed(location, override=override_frozen)
        users = processes.using(location.prefix)
        if users:
            reporter.notice(f"{location.label} is in use by {processes.listed(users)}")
        with told_of(location, "removing"):
            remove_held(location, checkpoint)
        try:
            registry.unregister(settings, location.prefix)
        except StoreError as error:
            reporter.warning(error.message)


def remove_held(location: Location, checkpoint: Checkpoint = unwatched) -> None:
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
