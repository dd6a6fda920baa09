"""`update`: what is asked for stays, and packages move to the newest versions that it allows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from envmgr.errors import EnvironmentNotFound, UsageError
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec import lower_bounds
from envmgr.spec.edits import Edits, apply
from envmgr.spec.model import EnvironmentSpec
from envmgr.store import layout, pinned
from envmgr.store.layout import Location
from envmgr.workflows import asked, freezing, saving
from envmgr.workflows.asked_channels import channels_of, with_channels
from envmgr.workflows.create import Plan, create, locate
from envmgr.workflows.locking import Locker
from envmgr.workflows.moving import Aim, Changed, Present, again, base_request, beside_file, move, present_at
from envmgr.workflows.request import CreateRequest, SourceText
from envmgr.workflows.saving import EditedFile
from envmgr.workflows.sources import channel_files


class Moves(NamedTuple):
    """What `update` moves: packages of either half by name (`of_pip`: those of them that are meant in the pip half
    alone), or everything. With `save`, lower bounds in the environment file go along."""

    names: tuple[str, ...] = ()
    of_pip: tuple[str, ...] = ()
    everything: bool = False
    save: bool = False


def update(
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    moves: Moves,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Changed:
    """Move what `moves` names to the newest versions that the spec allows: that of the files of `request`, or the
    environment's own. With files alone it is `create`, for an environment that exists.

    Raises UsageError, EnvironmentNotFound, PackagesNotFound, and everything that `create` raises.
    """
    if moves.save:
        _check_savable(request)
    location = _find(request, settings)
    present_at(location, request.override_frozen)
    if request.files and not moves.names and not moves.everything:
        return Changed(create(request, settings, reporter, confirm=confirm, dry_run=dry_run))

    def attempt() -> Changed:
        now = present_at(location, request.override_frozen)
        return _update(now, request, settings, reporter, moves=moves, confirm=confirm, dry_run=dry_run)

    return again(attempt, reporter)


def _find(request: CreateRequest, settings: Settings) -> Location:
    by_argument = request.name is not None or request.prefix is not None or not request.files
    where = None if by_argument else locate(request, settings)
    try:
        return layout.find(
            settings,
            name=where.name if where else request.name,
            prefix=(where.prefix if where.name is None else None) if where else request.prefix,
        )
    except EnvironmentNotFound as error:
        if where is not None:
            error.hint = f"create it with: envmgr create -f {shlex.quote(request.files[-1].source)}"
        raise


def _update(
    there: Present,
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    moves: Moves,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
) -> Changed:
    location, lock = there.location, there.lock
    asked.check_of_pip(moves.of_pip, lock, location)
    moving = asked.present(moves.names, lock, location)
    settings = pinned.in_force(settings, location.prefix)
    if request.manner.freezes:
        settings = freezing.frozen(settings, lock, moving)
    base, spec = _asked(request, there, settings, reporter)

    def locker_for(base: CreateRequest, spec: EnvironmentSpec | None) -> Locker:
        files = channel_files(base.files, settings)
        return Locker(base, settings, reporter, platform=lock.platform, channel_files=files, spec=spec)

    locker = locker_for(base, spec)
    if request.manner.updates_dependencies:
        moving = asked.with_dependencies(moving, lock)
    aim = Aim(lock._replace(conda=(), pip=())) if moves.everything else Aim(lock, frozenset(moving))
    saved: EditedFile | None = None
    if moves.save:
        aim = Aim(locker.lock(aim.preferred, moving=aim.moving))
        names = None if moves.everything else frozenset(moving)
        saved = _edited(request, there, aim.preferred, names, settings)
        if request.files:
            base = base._replace(files=(SourceText(saved.source, saved.text),))
        else:
            assert spec is not None
            spec = apply(spec, _raised(spec, aim.preferred, names))
            if saved.agrees(spec, settings, reporter, location):
                base, spec = base._replace(files=(SourceText(saved.source, saved.text),)), saved.spec
        locker = locker_for(base, spec)
    found = beside_file(base, locker, reporter)
    outcome = move(there, locker, settings, aim, confirm=confirm, dry_run=dry_run)
    if outcome.declined or outcome.is_downloaded or dry_run:
        return Changed(outcome, saved)
    if saved is not None:
        if saved.is_changed:
            saved.write()
        else:
            reporter.notice(f"{saved.source} stays as it is: it allows what is there now, and has no bound to raise")
    if found is not None and (saved is not None or outcome.plan is not None):
        moved_on = found._replace(outdated=("packages were updated",))  # it may fit still, and is to be replaced
        now = outcome.plan.lock if outcome.plan is not None else lock
        outcome = outcome._replace(written=moved_on.put(now, reporter))
    return Changed(outcome, saved)


def _asked(
    request: CreateRequest, there: Present, settings: Settings, reporter: Reporter
) -> tuple[CreateRequest, EnvironmentSpec | None]:
    """Return the request that decides the solve, and what is asked for where that is not what its files say."""
    base = base_request(request, there.lock, settings, reporter)
    if request.files:
        more = base._replace(
            files=request.files, channels=request.channels, override_channels=request.override_channels
        )
        return more, None
    channels = with_channels(channels_of(there.lock, settings), request.channels, override=request.override_channels)
    return base, replace(asked.asked_for(there.lock, there.location), channels=channels)


def _check_savable(request: CreateRequest) -> None:
    if request.override_channels or request.channels:
        raise UsageError(
            "`update --save` writes versions into the file, and no channels",
            hint="add the channel to the file by hand, or: envmgr install -c CHANNEL PACKAGE --save",
        )
    if len(request.files) > 1:
        raise UsageError(f"--save edits one file, found {len(request.files)}", hint="name it with -f FILE")


def _edited(
    request: CreateRequest, there: Present, now: Lock, names: frozenset[str] | None, settings: Settings
) -> EditedFile:
    """Return the environment file with the bounds of `names` (None: of everything) raised to what `now` has."""
    source = request.files[0].source if request.files else saving.own_file(there.location, there.lock, settings)
    platform = there.lock.platform
    before = saving.edit(source, Edits(), settings, platform=platform)
    return saving.edit(source, _raised(before.spec, now, names), settings, platform=platform)


def _raised(spec: EnvironmentSpec, now: Lock, names: frozenset[str] | None) -> Edits:
    def versions(half: Sequence[CondaPackage | PipPackage]) -> dict[str, str]:
        return {each.name: each.version for each in half if names is None or each.name in names}

    return lower_bounds.raised(spec, versions(now.conda), versions(now.pip))
