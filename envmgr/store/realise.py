"""Realise: a lock becomes an environment, or the next generation of one, in one step that a kill cannot halve.

Fetch, stage, check, commit, keep the old one. Until the commit nothing at the prefix has changed; after it nothing
more is needed for the environment to be whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, EnvmgrError, PrefixError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    bringing,
    commit,
    generations,
    healing,
    journal,
    linking,
    links,
    pruning,
    recovery,
    room,
    succession,
    telling,
)
from envmgr.store.bringing import Seen
from envmgr.store.carried import Carried, Extent, Left
from envmgr.store.carrying import Source
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.continuing import Continued
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation, Switch
from envmgr.store.holding import held
from envmgr.store.layout import Location
from envmgr.store.linking import Linking
from envmgr.store.placement import Placement
from envmgr.store.staging import Staging, stage
from envmgr.store.survey_ahead import Ahead
from envmgr.store.usage import using_cache

if TYPE_CHECKING:  # start-up time: YAML
    from envmgr.channels.pypi_section import PypiSection
    from envmgr.spec.model import IndexOptions


class RealiseRequest(NamedTuple):
    """What is to stand at a location.

    `replaces` is the number of the generation that the lock was made against (0: an environment of another tool,
    None: there was none); when something else is there in the end, nothing is done. `inputs_digest` is that of
    everything the command was given, for the next up-to-date check. `command` is the argv. `switch` forces how
    the tree takes its place (None: as found by probing). `extent` says what is carried, `carries` from which other
    environment (None: from the one that is replaced). `known` is what else only the old generation holds.
    Without `keeps_variables`, those that were set by hand are what the lock makes of them. `pypi` and `index_options`
    say how indexes are reached. `continues` is the environment elsewhere whose next generation this is (None: there is
    none). `ahead` is a survey of what is replaced that was begun before (None: none was).
    """

    location: Location
    lock: Lock
    channels: Sequence[Channel]
    command: Sequence[str]
    inputs_digest: str
    replaces: int | None = None
    override_frozen: bool = False
    switch: Switch | None = None
    extent: Extent = "everything"
    carries: Source | None = None
    known: Sequence[Left] = ()
    keeps_variables: bool = True
    pypi: PypiSection | None = None
    index_options: IndexOptions | None = None
    continues: Continued | None = None
    ahead: Ahead | None = None

    def is_done(self) -> bool:
        """Whether another command has made an environment of this lock meanwhile; raises StoreError."""
        present = generations.current(self.location.prefix)
        return (
            present is not None
            and present.number != self.replaces
            and present.lock_digest == conda_lock.digest(self.lock)
        )


class Realised(NamedTuple):
    """The generation at the prefix, whether this call made it, and what was carried into it.

    `kept` is the directory of the generation before (None: there was none).
    """

    generation: Generation
    is_new: bool
    kept: Path | None = None
    carried: Carried = Carried()


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
        succession.check_target(location, replaces=request.replaces, override_frozen=request.override_frozen)
        return _realise(Run(request, settings, cache, reporter, checkpoint))


def _realise(run: Run) -> Realised:
    location, request = run.request.location, run.request
    with told_of(location, "reading"):
        there, since = _what_is_there(request)
        telling.tell_removed(location, there.lock if there is not None else None, request.lock, run.reporter)
    carries = request.carries or there
    linking_ = Linking(location, request.lock, request.channels, run.cache, run.settings.link_scripts == "allow")
    if there is not None:
        healing.discard_edited(there.survey, linking_, run.settings, run.reporter)
        healing.forget_edited_wheels(there.survey, request.lock, run.settings)
    artifacts = _fetch(run, linking_)
    links.check(artifacts, Placement.of(request.lock.conda, request.lock.platform))
    run.checkpoint("fetched")
    with told_of(location, "creating"):
        location.staging.mkdir(parents=True, exist_ok=True)
        shares = run.settings.link != "copy" and _shares_files(location, artifacts)
        needed = room.need(artifacts, request.lock.pip, shares=shares)
        if carries is not None and request.extent != "nothing":
            needed = needed.plus(bringing.needs(carries.survey, location.staging))
        room.check(location.staging, needed)
        if request.replaces is not None:
            succession.name_users(location, run.settings, run.reporter)
        generation = succession.next_generation(
            location,
            request.lock,
            command=request.command,
            inputs_digest=request.inputs_digest,
            replaces=request.replaces if request.continues is None else request.continues.number,
            switch=request.switch,
        )
        entry = journal.begin(location, "stage", number=generation.number, replaces=request.replaces)
        run.checkpoint("journal written")
        try:
            old = location.prefix if request.replaces is not None else None
            staging = Staging(
                linking=linking_,
                settings=run.settings,
                generation=generation,
                old=request.continues.prefix if request.continues is not None else old,
                reporter=run.reporter,
                checkpoint=run.checkpoint,
                carries=carries,
                extent=request.extent,
                hands_over=request.carries is None or request.continues is not None,
                known=request.known,
                keeps_variables=request.keeps_variables,
                pypi=request.pypi,
                index_options=request.index_options or _index_options(request.lock),
            )
            came = stage(staging, artifacts, entry.tree)
            if request.carries is not None:
                from envmgr.store.readdressing import readdress  # start-up time: what is carried stays where it was

                origin = Path(request.carries.survey.root)
                readdress(entry.tree, came, old=origin, new=location.prefix, reporter=run.reporter)
            if request.continues is not None:
                request.continues.mark(entry.tree)
            generation = commit.switch(location, entry, generation, run.checkpoint)
        except BaseException:
            with contextlib.suppress(EnvmgrError):
                recovery.recover_held(location)
            raise
        if there is not None:
            late = succession.bring_late(
                location, request.replaces, there.lock, request.lock, Seen(there.survey, since)
            )
            telling.tell_late(late, run.reporter)
            run.checkpoint("late writes brought")
        entry.remove()
        run.checkpoint("journal removed")
        succession.tell_of_copying(location, generation, run.reporter)
        kept = succession.finish(
            location,
            request.replaces,
            came,
            keep=run.settings.keep_generations if shares else 0,
            settings=run.settings,
            reporter=run.reporter,
            checkpoint=run.checkpoint,
        )
    return Realised(generation=generation, is_new=True, kept=kept, carried=came)


def _fetch(run: Run, linking_: Linking) -> tuple[Artifact, ...]:
    """Return the artifacts of the conda half; offline, what the cache lacks is one list for both halves."""
    try:
        return linking.fetch(linking_, run.reporter)
    except ChannelError as error:
        if not run.settings.offline or not run.request.lock.pip:
            raise
        from envmgr.pypi import cached, checkouts  # start-up time: most environments have no pip half
        from envmgr.pypi.indexes import Indexes

        options = run.request.index_options or _index_options(run.request.lock)
        indexes = Indexes.gather(run.settings, run.request.pypi, options)
        missing = cached.lacking(
            run.request.lock,
            run.settings,
            indexes,
            home=checkouts.home(run.settings, run.request.location.prefix),
        )
        names = [package.filename or package.name for package in missing]
        raise ChannelError(
            "\n".join([error.message, *cached.listed(missing)]),
            hint=error.hint,
            details={**error.details, "pip": names, "pip_bytes": sum(package.size or 0 for package in missing)},
        ) from error


def _what_is_there(request: RealiseRequest) -> tuple[Source | None, int | None]:
    """Return what the environment that is replaced holds, and when one began to look at it, as in `Seen`."""
    location, ahead = request.location, request.ahead
    if ahead is not None and ahead.prefix == location.prefix and ahead.number == request.replaces:
        source = ahead.source()
        if source is not None:
            pruning.unmark(location.prefix)
            return source, ahead.since
    since = succession.clock(location)
    return succession.what_is_there(location, request.replaces), since


def _index_options(lock: Lock) -> IndexOptions | None:
    """Return what the lines that the lock was asked for with say about indexes: their credentials are needed."""
    if not any(line.startswith("-") for line in lock.request.pip):
        return None
    from envmgr.spec.pip_lines import read_lines  # start-up time: most environments have no such lines

    # What a constraints file says is in the lock already
    lines = read_lines(lock.request.pip, base=lock.request.pip_base, source="the lock", load=lambda _: "")
    return lines.options.indexes


def _shares_files(location: Location, artifacts: Sequence[Artifact]) -> bool:
    """Whether files can be linked from the cache, so that a kept generation costs its directories only."""
    device = os.stat(location.staging).st_dev
    return all(os.stat(directory).st_dev == device for directory in {each.directory.parent for each in artifacts})


def _require_current(location: Location) -> Generation:
    present = generations.current(location.prefix)
    if present is None:
        raise PrefixError(f"{location.label} was removed while this command ran", hint="run the command again")
    return present
