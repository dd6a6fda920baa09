"""`clone`: the lock of one environment, realised at another prefix."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels.table import ChannelTable
from envmgr.errors import PipError, UsageError
from envmgr.lock import closure
from envmgr.lock.difference import between
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import carrying, dist_info, generations, layout, recorded, renaming, survey, telling
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation
from envmgr.store.layout import Location
from envmgr.store.realise import RealiseRequest, realise
from envmgr.store.usage import using_cache
from envmgr.workflows import adopt
from envmgr.workflows.asked_channels import channels_here
from envmgr.workflows.create import Outcome, Plan
from envmgr.workflows.reading import lock_of

_GENERATION = re.compile(r"(?P<environment>.+)@(?P<number>[0-9]{1,18})")


class CloneRequest(NamedTuple):
    """What is cloned (a name, a path, or either with `@N` for a generation) to where; `command` is the argv."""

    source: str
    target: Location
    command: tuple[str, ...]


class Source(NamedTuple):
    """An environment whose lock is realised elsewhere; `generation` is None where another tool made it."""

    location: Location
    lock: Lock
    generation: Generation | None
    is_current: bool = True


def clone(
    request: CloneRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Outcome:
    """Make an environment with the lock of another one; `confirm` and `dry_run` as in `create`.

    Raises EnvironmentNotFound, NotAnEnvironment, PrefixError, LockError, PackageError, PipError, StoreError and their
    kinds; nothing is then at the target.
    """
    source = _find(request.source, settings, reporter)
    check_places(source.location, request.target, "cloned")
    check_lock(source)
    with using_cache(settings):
        plan = plan_for(source, request.target, settings)
        if not confirm(plan):
            return Outcome(request.target, plan=plan, declined=True)
        if dry_run:
            return Outcome(request.target, plan=plan)
        wanted = realising(source, request.target, settings, command=request.command)
        if source.is_current:
            with told_of(source.location, "reading"):
                found = survey.read(source.location.prefix, source.lock)
            wanted = wanted._replace(carries=carrying.Source(found, source.lock))
        done = realise(wanted, settings=settings, cache=ArtifactCache(settings), reporter=reporter)
    telling.tell(request.target, done.carried, source.location.prefix, reporter)
    if source.is_current:
        tell_editables(source, request.target, reporter)
    return Outcome(request.target, plan=plan)


def check_places(old: Location, new: Location, done: str) -> None:
    """Raise UsageError where both are one place, PrefixError or NotAnEnvironment where the new one is taken."""
    if old.prefix == new.prefix:
        raise UsageError(f"{old.label} cannot be {done} to itself", hint="give another name or path")
    renaming.check_free(new)


def check_lock(source: Source) -> None:
    """Raise where the lock cannot be realised by this machine: PipError, LockTampered."""
    lock, label = source.lock, source.location.label
    if lock.pip and lock.platform not in (current_subdir(), "noarch"):
        raise PipError(
            f"{label} is an environment for {lock.platform}, and its pip half can be installed there only; "
            f"this is {current_subdir()}",
            hint=f"envmgr export {source.location.arguments} --format conda-lock, and create from that there",
        )
    closure.check(lock, source=label)


def plan_for(source: Source, target: Location, settings: Settings) -> Plan:
    """Return what is to be done at the target, as `create` plans it."""
    return Plan(
        target, None, source.lock, between(None, source.lock), ArtifactCache(settings).missing(source.lock.conda)
    )


def realising(
    source: Source, target: Location, settings: Settings, *, command: tuple[str, ...], override_frozen: bool = False
) -> RealiseRequest:
    """Return the request that makes the lock of `source` an environment at `target`."""
    return RealiseRequest(
        location=target,
        lock=source.lock,
        channels=channels_here(source.lock, settings),
        pypi=ChannelTable.read(settings, beside=(Path.cwd(),)).pypi,
        command=command,
        inputs_digest=source.generation.inputs_digest if source.generation is not None else "",
        override_frozen=override_frozen,
    )


def current(location: Location, settings: Settings, reporter: Reporter) -> Source:
    """Return the environment at `location`, one of another tool with the lock that `adopt` would give it.

    Raises LockError, NotAnEnvironment, PrefixError, StoreError.
    """
    generation = generations.current(location.prefix)
    lock = lock_of(location)
    if generation is None:
        lock, _ = adopt.locked(location, lock, None, settings, reporter)  # what it cannot hold is carried
    return Source(location, lock, generation)


def tell_editables(source: Source, target: Location, reporter: Reporter) -> None:
    """Name the editable installs: what they install is a directory elsewhere, which is not copied."""
    cloned = {package.name for package in source.lock.pip if package.kind == "checkout"}
    for each in dist_info.editables(source.location.prefix):
        if each.name in cloned:
            continue
        reporter.notice(
            f"{each.name} is an editable install of {each.editable}, which is not copied: "
            f"what {target.label} has of it points there too"
        )


def _find(text: str, settings: Settings, reporter: Reporter) -> Source:
    match = _GENERATION.fullmatch(text)
    # A name has no `@`, a path may have one
    if match is None or (os.sep in text and layout.is_environment(layout.called(settings, text).prefix)):
        return current(layout.find_called(settings, text), settings, reporter)
    location = layout.find_called(settings, match["environment"])
    found = recorded.find(location, int(match["number"]))
    return Source(location, recorded.lock_of(found), found.generation, found.is_current)
