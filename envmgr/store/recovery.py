"""Recovery: what killed processes left is finished or removed. Costs one directory listing when there is nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from envmgr.artifacts import trees
from envmgr.errors import EnvironmentBusy, EnvmgrError, StoreError
from envmgr.leases import lease
from envmgr.settings import Settings
from envmgr.store import bringing, commit, continuing, generations, journal, layout, metadata, succession
from envmgr.store.faults import told_of
from envmgr.store.journal import Journal
from envmgr.store.layout import Location


def recover_everything(settings: Settings) -> tuple[str, ...]:
    """Recover each named environment that has something unfinished and that nobody is working on.

    Returns the labels of those recovered. A fault in one does not keep the others from it.
    """
    staging = settings.root / "envs" / ".staging"
    recovered = []
    for prefix in sorted({entry.prefix for entry in journal.everything(staging)}):
        with contextlib.suppress(EnvmgrError):
            location = layout.at_path(settings, prefix)
            if location.staging == staging and recover(location):
                recovered.append(location.label)
    return tuple(recovered)


def recover(location: Location) -> bool:
    """Finish or undo what dead processes left of this environment; False when there was nothing or it is busy.

    Raises StoreError (or one of its kind) when it cannot be done.
    """
    if not any(journal.unfinished(location)):
        return False
    try:
        with lease(location.lease, purpose="recovery", timeout=0):
            return recover_held(location)
    except EnvironmentBusy:
        return False


def recover_held(location: Location, *, is_leaving: bool = False) -> bool:
    """Do as `recover` does; only for the holder of the environment's lease.

    Old trees that a process is removing now are left to it, unless the environment `is_leaving`.
    """
    found = False
    with told_of(location, "cleaning up after an interrupted command of"):
        for entry in journal.unfinished(location):
            if entry.phase == "delete" and not is_leaving and _is_being_removed(entry):
                continue
            found = True
            if entry.phase == "replace":
                _finish(location, entry)
                _bring_late(location, entry)
            elif entry.phase == "stage":
                _give_back(location, entry)
                _undo_or_keep(location, entry)
                _remove_uncommitted(location, entry)
                _bring_late(location, entry)
            elif entry.phase == "rename" and continuing.has_arrived(entry):
                continuing.leave(location, entry)
            elif entry.phase in ("remove", "erase"):
                _finish_removing(location, entry)
            _discard(entry)
    return found


def _is_being_removed(entry: Journal) -> bool:
    try:
        descriptor = journal.take(entry.path)
    except OSError:
        return False  # it is through by now, or nobody can tell: two may remove one tree
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def _finish(location: Location, entry: Journal) -> None:
    """Roll a replacement forward: the staged tree is whole, the old one is half gone or moved."""
    present = _generation(location.prefix)
    if present is not None and present.number == entry.number:
        return
    staged = entry.tree if entry.tree.exists() else location.generations / str(entry.number)
    generation = _generation(staged)
    if generation is not None:
        commit.finish_replacing(location, entry, generation)


def _give_back(location: Location, entry: Journal) -> None:
    """Let a kept tree that was taken, and did not become the next generation, be what it was."""
    present = _generation(location.prefix)
    if entry.takes is None or (present is not None and present.number == entry.number):
        return
    home = location.generations / str(entry.takes)
    for tree in (entry.tree, location.generations / str(entry.number)):
        taken = _generation(tree)
        is_old = taken is not None and taken.number == entry.replaces  # what an exchange left there
        if tree.is_dir() and not home.exists() and not is_old:
            for kept, own in (("conda-lock.yml", layout.LOCK_FILE), ("json", generations.FILE)):
                with contextlib.suppress(FileNotFoundError):  # somebody tidied up: the tree is none the worse
                    shutil.copyfile(f"{home}.{kept}", tree / own)
            bringing.tidy(tree)
            os.rename(tree, home)


def _undo_or_keep(location: Location, entry: Journal) -> None:
    """Keep the tree when it is the old one that an exchange left there; it is garbage otherwise."""
    present = _generation(location.prefix)
    if entry.replaces is None or present is None or present.number != entry.number or not entry.tree.is_dir():
        return
    if not (location.generations / str(entry.replaces)).exists():
        commit.keep_old(location, entry)


def _bring_late(location: Location, entry: Journal) -> None:
    """Bring over what was written to the old tree before it was replaced, where that was done no more."""
    present = _generation(location.prefix)
    if present is None or present.number != entry.number or entry.replaces is None:
        return
    bringing.tidy(location.prefix)
    lock = metadata.read_lock(location.prefix)
    if lock is not None:
        before = metadata.read_lock(location.generations / str(entry.replaces))
        succession.bring_late(location, entry.replaces, before, lock)


def _finish_removing(location: Location, entry: Journal) -> None:
    """Remove what is left when the prefix is gone or was being deleted; nothing when it still stands."""
    if entry.phase == "erase":
        trees.remove(location.prefix)
    if not os.path.lexists(location.prefix):
        trees.remove(location.generations)


def _discard(entry: Journal) -> None:
    for leftover in (
        entry.tree,
        Path(f"{entry.tree}.copy"),
        Path(f"{entry.tree}.link"),
        journal.stand_ins_of(entry.tree),
    ):
        trees.remove(leftover)
    entry.remove()


def _remove_uncommitted(location: Location, entry: Journal) -> None:
    """Remove the new tree where it was kept beside but never switched to, and a copy of the current one."""
    present = _generation(location.prefix)
    for number in {entry.number, entry.replaces}:
        tree = location.generations / str(number)
        if number is None or not tree.is_dir():
            continue
        was_switched = present is not None and number < present.number
        is_current = os.path.exists(location.prefix) and os.path.samefile(tree, location.prefix)
        if not was_switched and not is_current:
            trees.remove(tree)


def _generation(prefix: Path) -> generations.Generation | None:
    try:
        return generations.current(prefix)
    except StoreError:
        return None
