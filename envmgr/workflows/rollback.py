"""`rollback`: a generation of before becomes the next one, by exchange where its tree is kept, else from its lock.

What fetches and links packages is imported only where there is no tree to exchange with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import LockError, PrefixError
from envmgr.lock.difference import between
from envmgr.lock.model import CondaPackage, Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import carried, frozen, generations, recorded, succession
from envmgr.store import rollback as store
from envmgr.store.generations import Generation
from envmgr.store.layout import Location
from envmgr.store.recorded import Recorded
from envmgr.store.rollback import RollbackRequest
from envmgr.workflows.create import Outcome, Plan


class Wish(NamedTuple):
    """Which generation is to come back where (None: the one before the current one); `command` is the argv.

    With `pristine`, what people put into the environment stays behind.
    """

    location: Location
    number: int | None
    command: tuple[str, ...]
    override_frozen: bool = False
    pristine: bool = False


class RolledBack(NamedTuple):
    """How `rollback` ended: what `create` says of a change, the number that was asked for, and the new one's.

    `generation` is the current one where nothing was done.
    """

    outcome: Outcome
    target: int
    generation: int


def rollback(
    wish: Wish, settings: Settings, reporter: Reporter, *, confirm: Callable[[Plan], bool], dry_run: bool = False
) -> RolledBack:
    """Make a generation of before the next generation.

    `confirm` is shown the plan and decides; with `dry_run` it is shown and nothing is changed.
    Raises PrefixError for a generation that is not known, LockError where its lock cannot be read,
    FrozenEnvironment, PackageError, PipError, StoreError; the environment is then as it was.
    """
    location = wish.location
    present, target = _find(location, wish.number)
    is_same = target.is_current or target.generation.lock_digest == present.lock_digest
    is_well = target.is_current or not generations.is_suspect(location.prefix, present)
    if is_same and is_well and not (wish.pristine and succession.holds_anything(location)):
        return RolledBack(Outcome(location, up_to_date=True), target.number, present.number)
    frozen.check_thawed(location, override=wish.override_frozen)
    lock = recorded.lock_of(target)
    previous = _present_lock(location, reporter)
    fetched = () if store.kept_trees(location, target.generation) else _missing(lock, settings)
    plan = Plan(location, previous, lock, between(previous, lock), fetched)
    if not confirm(plan):
        return RolledBack(Outcome(location, plan=plan, declined=True), target.number, present.number)
    if dry_run:
        return RolledBack(Outcome(location, plan=plan), target.number, present.number)
    request = RollbackRequest(
        location,
        target.generation,
        lock,
        wish.command,
        present.number,
        override_frozen=wish.override_frozen,
        extent="nothing" if wish.pristine else "everything",
    )
    made = store.take_kept(request, settings=settings, reporter=reporter)
    if made is None:
        made = _realise(request, settings, reporter)
    return RolledBack(Outcome(location, plan=plan, carried=carried.read(location.prefix)), target.number, made.number)


def _find(location: Location, number: int | None) -> tuple[Generation, Recorded]:
    """Return the current generation and the one to go back to."""
    present = generations.current(location.prefix)
    if present is not None and number is None and not present.previous:
        raise PrefixError(f"{location.label} is at generation {present.number}, and none was before it")
    target = recorded.find(location, (present.previous if present and number is None else number) or 0)
    return present or target.generation, target


def _present_lock(location: Location, reporter: Reporter) -> Lock | None:
    """Return the lock of what is there; a damaged one is a reason to go back, not to stay."""
    current = recorded.read(location).known
    try:
        return next((recorded.lock_of(each) for each in current if each.is_current), None)
    except LockError as error:
        reporter.warning(error.message)
        return None


def _missing(lock: Lock, settings: Settings) -> tuple[CondaPackage, ...]:
    from envmgr.artifacts.cache import ArtifactCache  # start-up time: what downloads

    return ArtifactCache(settings).missing(lock.conda)


def _realise(request: RollbackRequest, settings: Settings, reporter: Reporter) -> Generation:
    """Make the environment of the lock anew, from the cache or, where that was cleaned, from the channels."""
    from envmgr.artifacts.cache import ArtifactCache  # start-up time: what downloads and links
    from envmgr.channels.table import ChannelTable
    from envmgr.store.realise import RealiseRequest, realise
    from envmgr.workflows.asked_channels import channels_here

    realised = realise(
        RealiseRequest(
            location=request.location,
            lock=request.lock,
            channels=channels_here(request.lock, settings),
            pypi=ChannelTable.read(settings, beside=(Path.cwd(),)).pypi,
            command=request.command,
            inputs_digest=request.target.inputs_digest,
            replaces=request.replaces,
            override_frozen=request.override_frozen,
            extent=request.extent,
        ),
        settings=settings,
        cache=ArtifactCache(settings),
        reporter=reporter,
        already_done=lambda: store.is_done(request),
    )
    return realised.generation
