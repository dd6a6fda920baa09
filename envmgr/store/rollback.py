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
from envmgr.shell import scripts as shell_scripts
from envmgr.store import (
    bringing,
    carrying,
    commit,
    frozen,
    generations,
    journal,
    layout,
    metadata,
    pristine,
    pruning,
    recorded,
    recovery,
    succession,
    telling,
    variables,
)
from envmgr.store.bringing import Seen
from envmgr.store.carried import Extent
from envmgr.store.carrying import Source, Target
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation, Switch
from envmgr.store.holding import held
from envmgr.store.journal import Journal
from envmgr.store.layout import Location
from envmgr.store.recorded import Recorded
from envmgr.store.survey import Survey
from envmgr.store.walk import Statuses


class RollbackRequest(NamedTuple):
    """Which generation is to come back at a location, and the lock it had.

    `replaces` is the number of the current generation; when another one is there in the end, nothing is done. `switch`
    forces how the tree takes its place (None: as found by probing), `extent` says what is carried into it.
    """

    location: Location
    target: Generation
    lock: Lock
    command: Sequence[str]
    replaces: int
    override_frozen: bool = False
    switch: Switch | None = None
    extent: Extent = "everything"


class _Taken(NamedTuple):
    """A kept tree that can be taken: its number, what it holds, and what the current environment holds."""

    number: int
    survey: Survey
    there: Source


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
            since = succession.clock(location)
            taken = _find(request, reporter)
            return None if taken is None else _take(request, taken, since, settings, reporter, checkpoint)


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


def _find(request: RollbackRequest, reporter: Reporter) -> _Taken | None:
    """Return the kept generation whose tree can be taken; what else is found is told."""
    candidates = kept_trees(request.location, request.target)
    known: Statuses = {}  # generations share most of their files
    there = succession.what_is_there(request.location, request.replaces, known=known) if candidates else None
    for candidate in candidates:
        tree = candidate.tree
        if tree is None or there is None:
            continue
        current = there.survey if request.extent != "nothing" else None
        look = pristine.look(tree, request.lock, current, known=known)
        if look.fault is None and look.survey is not None:
            return _Taken(candidate.number, look.survey, there)
        if look.survey is not None:
            # What was put there after the tree was kept exists nowhere else.
            pruning.protect(tree, carrying.only_here(look.survey, there.survey))
        reporter.notice(f"generation {candidate.number} is not taken as it is ({look.fault}); it stays in {tree}")
    return None


def _take(
    request: RollbackRequest,
    taken: _Taken,
    since: int | None,
    settings: Settings,
    reporter: Reporter,
    checkpoint: Checkpoint,
) -> Generation:
    location, source, there = request.location, taken.number, taken.there
    location.staging.mkdir(parents=True, exist_ok=True)
    succession.name_users(location, settings, reporter)
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
        plan = carrying.decide(there.survey, Target(entry.tree, request.lock, survey=taken.survey), request.extent)
        came = bringing.bring(plan)
        pruning.protect(location.prefix, came.left)
        checkpoint("carried")
        _write_metadata(request, entry, generation, there)
        checkpoint("staged")
        generation = commit.switch(location, entry, generation, checkpoint)
    except BaseException:
        with contextlib.suppress(EnvmgrError):
            recovery.recover_held(location)
        raise
    telling.tell_late(
        succession.bring_late(location, request.replaces, there.lock, request.lock, Seen(there.survey, since)), reporter
    )
    checkpoint("late writes brought")
    entry.remove()
    checkpoint("journal removed")
    succession.tell_of_copying(location, generation, reporter)
    succession.finish(
        location,
        request.replaces,
        came,
        keep=settings.keep_generations,
        settings=settings,
        reporter=reporter,
        checkpoint=checkpoint,
    )
    return generation


def _write_metadata(request: RollbackRequest, entry: Journal, generation: Generation, there: Source) -> None:
    """Continue the history of the current generation in the tree (CEP 32), and number it anew."""
    moment = time.time()
    block = metadata.history_block(
        request.lock, there.lock.conda if there.lock is not None else (), command=generation.command, moment=moment
    )
    # Another generation of the same lock may have been asked for in other words.
    (entry.tree / layout.LOCK_FILE).write_bytes(conda_lock.dumps_json(request.lock))
    metadata.write_history(entry.tree, request.location.prefix, block)
    metadata.write_created_at(entry.tree, request.location.prefix, moment)
    # Frozen is the environment now, whatever it was then; so is what was set by hand.
    (entry.tree / frozen.MARKER).unlink(missing_ok=True)
    frozen.keep_marker(request.location.prefix, entry.tree)
    if request.extent != "nothing":
        metadata.write_state(entry.tree, variables.merged(request.location.prefix, there.lock, request.lock))
    pruning.unmark(entry.tree)
    shell_scripts.write(entry.tree, request.location.prefix, request.location.name)
    commit.write_generation(entry.tree, generation)
