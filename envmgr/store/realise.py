"""Realise: a lock becomes an environment, or the next generation of one, in one step that a kill cannot halve.

Fetch, stage, check, commit, keep the old one. Until the commit nothing at the prefix has changed; after it nothing
more is needed for the environment to be whole.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.channels.model import Channel
from envmgr.errors import EnvmgrError, PrefixError, StoreError
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
    linking,
    links,
    metadata,
    ownership,
    processes,
    pruning,
    recovery,
    registry,
    room,
    settling,
)
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation, Switch
from envmgr.store.holding import held
from envmgr.store.layout import Location
from envmgr.store.linking import Linking
from envmgr.store.ownership import Foreign
from envmgr.store.placement import Placement
from envmgr.store.staging import Staging, stage
from envmgr.store.usage import using_cache

_NAMED = 5  # things in one message
_NOTHING = Foreign()


@dataclass(frozen=True, slots=True, kw_only=True)
class RealiseRequest:
    """What is to stand at a location.

    `replaces` is the number of the generation that the lock was made against (0: an environment of another tool,
    None: there was none); when something else is there in the end, nothing is done. `inputs_digest` is that of
    everything the command was given, for the next up-to-date check. `command` is the argv. `switch` forces how
    the tree takes its place (None: as found by probing).
    """

    location: Location
    lock: Lock
    channels: Sequence[Channel]
    command: Sequence[str]
    inputs_digest: str
    replaces: int | None = None
    override_frozen: bool = False
    switch: Switch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """The generation at the prefix, whether this call made it, and what the one before it held beside packages.

    `kept` is the directory of the generation before (None: there was none).
    """

    generation: Generation
    is_new: bool
    kept: Path | None = None
    foreign: Foreign = _NOTHING


class Run(NamedTuple):
    """What every step of one realisation needs."""

    request: RealiseRequest
    settings: Settings
    cache: ArtifactCache
    reporter: Reporter
    checkpoint: Checkpoint


def realise(
    request: RealiseRequest,
    *,
    settings: Settings,
    cache: ArtifactCache,
    reporter: Reporter,
    already_done: Callable[[], bool] = lambda: False,
    checkpoint: Checkpoint = unwatched,
) -> Realised:
    """Return the environment as the lock says, made under its lease unless `already_done()` says it is so by then.

    `already_done` is asked once the lease is held, so that the second of two identical commands finds the work of
    the first. `checkpoint` is called with the name of each step that has been reached.
    Raises NotAnEnvironment, FrozenEnvironment, PrefixError, PackageError, PipError, StoreError and their kinds; the
    prefix is then as it was.
    """
    location = request.location
    with held(location, doing="changing", reporter=reporter), using_cache(settings):
        recovery.recover_held(location)
        if already_done():
            return Realised(generation=_require_current(location), is_new=False)
        _check_target(request)
        return _realise(Run(request, settings, cache, reporter, checkpoint))


def _realise(run: Run) -> Realised:
    location, request = run.request.location, run.request
    linking_ = Linking(location, request.lock, request.channels, run.cache, run.settings.link_scripts == "allow")
    artifacts = linking.fetch(linking_, run.reporter)
    links.check(artifacts, Placement.of(request.lock.conda, request.lock.platform))
    run.checkpoint("fetched")
    with told_of(location, "creating"):
        location.staging.mkdir(parents=True, exist_ok=True)
        shares = _shares_files(location, artifacts)
        room.check(location.staging, room.need(artifacts, request.lock.pip, shares=shares))
        _name_users(run)
        generation = _next_generation(run)
        entry = journal.begin(location, "stage", number=generation.number, replaces=request.replaces)
        run.checkpoint("journal written")
        try:
            old = location.prefix if request.replaces is not None else None
            stage(Staging(linking_, run.settings, generation, old, run.reporter, run.checkpoint), artifacts, entry.tree)
            # As late as can be: what is written after this walk is kept, but not named.
            foreign = _find_foreign(run)
            generation = commit.switch(location, entry, generation, run.checkpoint)
        except BaseException:
            with contextlib.suppress(EnvmgrError):
                recovery.recover_held(location)
            raise
        entry.remove()
        run.checkpoint("journal removed")
        if generation.switch == "copy":
            run.reporter.warning(
                f"{location.label} lay in a lower layer of a container image: its files were copied, not renamed, "
                "which takes time and room and is not one step of the kernel"
            )
        kept = _after_commit(run, foreign, keep=run.settings.keep_generations if shares else 0)
    return Realised(generation=generation, is_new=True, kept=kept, foreign=foreign)


def _after_commit(run: Run, foreign: Foreign, *, keep: int) -> Path | None:
    """Do what is not needed for the environment to be whole; return where the old generation is kept."""
    location, replaces = run.request.location, run.request.replaces
    settling.settle_later(location.prefix)
    try:
        registry.register(run.settings, location.prefix)
    except StoreError as error:
        run.reporter.warning(f"{error.message}; other tools will not list {location.label}")
    run.checkpoint("registered")
    if replaces is None:
        return None
    kept = location.generations / str(replaces)
    if foreign:
        run.reporter.warning(_foreign_text(foreign, kept))
    pruning.prune(location, keep=keep, checkpoint=run.checkpoint)
    run.checkpoint("pruned")
    return kept if kept.is_dir() else None


def _name_users(run: Run) -> None:
    """Tell which processes use the environment that is replaced."""
    location = run.request.location
    users = processes.using(location.prefix) if run.request.replaces is not None else ()
    if users:
        run.reporter.notice(
            f"{location.label} is in use by {processes.listed(users)}: "
            "what they open from now on is that of the new generation"
        )


def _find_foreign(run: Run) -> Foreign:
    """Return what in the old environment nobody owns, after marking it as holding that."""
    prefix = run.request.location.prefix
    if run.request.replaces is None:
        return _NOTHING
    foreign = ownership.find_foreign(prefix, metadata.read_lock(prefix))
    if foreign:
        # Before the switch, so that a kill after it cannot let the only copy be pruned.
        pruning.protect(prefix, foreign)
    return foreign


def _next_generation(run: Run) -> Generation:
    request, location = run.request, run.request.location
    return Generation(
        number=commit.next_number(location),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        command=metadata.redacted(request.command),
        prefix=str(location.prefix),
        name=location.name,
        lock_digest=conda_lock.digest(request.lock),
        inputs_digest=request.inputs_digest,
        spec_digest=request.lock.spec_digest,
        switch=commit.choose_switch(location, request.switch),
        boot_id=generations.boot_id(),
        previous=request.replaces,
    )


def _check_target(request: RealiseRequest) -> None:
    """Raise unless what stands at the prefix is what the lock was made against, and may be changed."""
    location = request.location
    layout.check_place(location)
    if not layout.is_environment(location.prefix):
        if request.replaces is not None:
            raise PrefixError(f"{location.label} was removed while this command ran", hint="run the command again")
        return
    frozen.check_thawed(location, override=request.override_frozen)
    present = generations.current(location.prefix)
    number = 0 if present is None else present.number
    if request.replaces == number:
        return
    if request.replaces is None and present is None:
        raise PrefixError(
            f"{location.prefix} is an environment that another tool made",
            hint=f"choose another place, or remove it first: envmgr remove {location.arguments} --all",
        )
    raise PrefixError(
        f"{location.label} was changed by another command while this one ran: "
        f"expected generation {request.replaces}, found {number}",
        hint="run the command again",
    )


def _shares_files(location: Location, artifacts: Sequence[Artifact]) -> bool:
    """Whether files can be linked from the cache, so that a kept generation costs its directories only."""
    device = os.stat(location.staging).st_dev
    return all(os.stat(directory).st_dev == device for directory in {each.directory.parent for each in artifacts})


def _require_current(location: Location) -> Generation:
    present = generations.current(location.prefix)
    if present is None:
        raise PrefixError(f"{location.label} was removed while this command ran", hint="run the command again")
    return present


def _foreign_text(foreign: Foreign, kept: Path) -> str:
    """Word where the things are that nobody owned, now that they are not in the environment any more."""
    named = [f"{each.name} {each.version} (installed with pip)" for each in foreign.distributions]
    named += foreign.files
    shown = ", ".join(named[:_NAMED])
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"not taken over into the new generation, and kept in {kept}: {shown}{more}"
