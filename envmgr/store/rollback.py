"""Rollback by exchange: the tree of a kept generation, unchanged since, becomes the next generation.

Nothing is linked or copied: the tree is taken from the kept generations, gets the metadata of its new number, and
takes its place as every other one does. Killed before that, it is given back.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from envmgr.errors import EnvmgrError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    commit,
    frozen,
    generations,
    journal,
    layout,
    metadata,
    ownership,
    pristine,
    pruning,
    recorded,
    recovery,
    succession,
)
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation, Switch
from envmgr.store.holding import held
from envmgr.store.journal import Journal
from envmgr.store.layout import Location
from envmgr.store.recorded import Recorded


class RollbackRequest(NamedTuple):
    """Which generation is to come back at a location, and the lock it had.

    `replaces` is the number of the current generation; when another one is there in the end, nothing is done. `switch`
    forces how the tree takes its place (None: as found by probing).
    """

    location: Location
    target: Generation
    lock: Lock
    command: Sequence[str]
    replaces: int
    override_frozen: bool = False
    switch: Switch | None = None


def take_kept(
    request: RollbackRequest, *, settings: Settings, reporter: Reporter, checkpoint: Checkpoint = unwatched
) -> Generation | None:
    """Make a kept tree of the wanted lock the current generation and return that, made under the lease.

    None where no such tree is kept, or it is not what its lock says any more, which the reporter is told: then the
    lock is to be realised. Raises FrozenEnvironment, PrefixError, StoreError and their kinds; the prefix is then as
    it was.
    """
    location = request.location
    with held(location, doing="changing", reporter=reporter):
        recovery.recover_held(location)
        if is_done(request):
            return generations.current(location.prefix)
        succession.check_target(location, replaces=request.replaces, override_frozen=request.override_frozen)
        with told_of(location, "rolling back"):
            source = _source(request, reporter)
            return None if source is None else _take(request, source, settings, reporter, checkpoint)


def is_done(request: RollbackRequest) -> bool:
    """Whether another command has brought the wanted lock back meanwhile; raises StoreError."""
    present = generations.current(request.location.prefix)
    return (
        present is not None and present.number != request.replaces and present.lock_digest == request.target.lock_digest
    )


def kept_trees(location: Location, target: Generation) -> tuple[Recorded, ...]:
    """Return the kept generations whose tree could be that of `target`: it first, then others of the same lock."""
    same = [
        each
        for each in recorded.read(location).known
        if each.tree is not None
        and not each.is_current
        and not generations.is_current_tree(location, each.number)
        and each.generation.lock_digest == target.lock_digest
        and (each.generation.prefix, each.generation.name) == (str(location.prefix), location.name)
    ]
    return tuple(sorted(same, key=lambda each: each.number != target.number))


def _source(request: RollbackRequest, reporter: Reporter) -> int | None:
    """Return the number of the kept generation whose tree can be taken; what else is found is told."""
    for candidate in kept_trees(request.location, request.target):
        tree = candidate.tree
        if tree is None:
            continue
        reason = pristine.fault(tree, request.lock)
        if reason is None:
            return candidate.number
        foreign = ownership.find_foreign(tree, request.lock)
        if foreign:
            pruning.protect(tree, foreign)  # it may have been put there after the tree was kept
        reporter.notice(f"generation {candidate.number} is not taken as it is ({reason}); it stays in {tree}")
    return None


def _take(
    request: RollbackRequest, source: int, settings: Settings, reporter: Reporter, checkpoint: Checkpoint
) -> Generation:
    location = request.location
    location.staging.mkdir(parents=True, exist_ok=True)
    succession.name_users(location, reporter)
    generation = succession.next_generation(
        location,
        request.lock,
        command=request.command,
        inputs_digest=request.target.inputs_digest,
        replaces=request.replaces,
        switch=request.switch,
    )
    entry = journal.begin(location, "stage", number=generation.number, replaces=request.replaces, takes=source)
    checkpoint("journal written")
    try:
        # What brings the tree back after a kill, and what remains of the old generation after success.
        pruning.keep_record(location, source)
        checkpoint("record kept")
        os.rename(location.generations / str(source), entry.tree)
        checkpoint("taken")
        _write_metadata(request, entry, generation)
        checkpoint("staged")
        foreign = succession.find_foreign(location)
        generation = commit.switch(location, entry, generation, checkpoint)
    except BaseException:
        with contextlib.suppress(EnvmgrError):
            recovery.recover_held(location)
        raise
    entry.remove()
    checkpoint("journal removed")
    succession.tell_of_copying(location, generation, reporter)
    succession.finish(
        location,
        request.replaces,
        foreign,
        keep=settings.keep_generations,
        settings=settings,
        reporter=reporter,
        checkpoint=checkpoint,
    )
    return generation


def _write_metadata(request: RollbackRequest, entry: Journal, generation: Generation) -> None:
    """Continue the history of the current generation in the tree (CEP 32), and number it anew."""
    before = metadata.read_lock(request.location.prefix)
    block = metadata.history_block(
        request.lock, before.conda if before is not None else (), command=generation.command, moment=time.time()
    )
    # Another generation of the same lock may have been asked for in other words.
    (entry.tree / layout.LOCK_FILE).write_bytes(conda_lock.dumps_json(request.lock))
    metadata.write_history(entry.tree, request.location.prefix, block)
    # Frozen is the environment now, whatever it was then.
    (entry.tree / frozen.MARKER).unlink(missing_ok=True)
    frozen.keep_marker(request.location.prefix, entry.tree)
    commit.write_generation(entry.tree, generation)
