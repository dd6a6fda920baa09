"""`install`, `remove PKG`, `update`: edit what is asked for, lock again preferring what is locked, realise.

What is asked for is the request in the environment's own lock. A change solves it with everything that is locked
preferred, so that as little as possible moves; `update` takes the preference off what it is to move.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from envmgr.errors import ChangedMeanwhile, LockError, PrefixError, UsageError
from envmgr.lock import conda_lock
from envmgr.lock.difference import between
from envmgr.lock.model import Lock
from envmgr.platforms.detect import detect
from envmgr.platforms.host_profile import HostProfile
from envmgr.platforms.model import VirtualPackage
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec.edits import Edits, apply
from envmgr.spec.model import EnvironmentSpec
from envmgr.spec.peek import name_and_prefix
from envmgr.store import frozen, generations, layout, pinned, succession
from envmgr.store.layout import Location
from envmgr.store.usage import using_cache
from envmgr.workflows import adoption, asked, beside, lock_file, saving
from envmgr.workflows.asked_channels import channels_of, with_channels
from envmgr.workflows.beside import Beside
from envmgr.workflows.create import Outcome, Plan, create, locate
from envmgr.workflows.locking import Locker
from envmgr.workflows.reading import own_lock
from envmgr.workflows.request import CreateRequest, SourceText, inputs_digest
from envmgr.workflows.saving import EditedFile
from envmgr.workflows.sources import channel_files, read_sources

_ATTEMPTS = 5  # to change what other commands change at the same time
T = TypeVar("T")


class ChangeRequest(NamedTuple):
    """The arguments of `install` and `remove PKG`, as given.

    `specs` and `pip` come (or replace), `removed` are names that go, `adopted` are distributions that were installed
    with pip past the lock (None: none of them; empty: all there are); those of `removed` that are in `pip` as well are
    meant only in the pip half. `channels` are added behind those there are.
    With `save`, `file` is the environment file that is edited too (None: the one that the environment was made
    from). The rest is as in CreateRequest.
    """

    command: tuple[str, ...]
    name: str | None = None
    prefix: Path | None = None
    specs: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    adopted: tuple[str, ...] | None = None
    save: bool = False
    file: str | None = None
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    virtual_packages: tuple[str, ...] = ()
    exclude_newer: str | None = None
    override_frozen: bool = False
    pristine: bool = False


class Changed(NamedTuple):
    """How a change ended, and the environment file that was edited with it (or would be), if any was."""

    outcome: Outcome
    saved: EditedFile | None = None


class Present(NamedTuple):
    """The environment that is to be changed."""

    location: Location
    number: int
    lock: Lock
    is_suspect: bool


class Moves(NamedTuple):
    """What `update` moves: packages of either half by name (`of_pip`: those of them that are meant in the pip half
    alone), or everything."""

    names: tuple[str, ...] = ()
    of_pip: tuple[str, ...] = ()
    everything: bool = False


class _Aim(NamedTuple):
    """What a solve prefers, and which packages of it are to be as new as the spec allows."""

    preferred: Lock
    moving: frozenset[str] = frozenset()


def change(
    request: ChangeRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Changed:
    """Make the change that was asked for as one new generation; `confirm` and `dry_run` as in `create`.

    Raises UsageError, and everything that `create` raises; the environment is then as it was. Where the environment
    file cannot be written after that, SpecError says so. What another command changes meanwhile is changed further.
    """
    return _again(lambda: _change(request, settings, reporter, confirm=confirm, dry_run=dry_run), reporter)


def _change(
    request: ChangeRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
) -> Changed:
    there = present_at(_find(request, settings), request.override_frozen)
    location, lock = there.location, there.lock
    settings = pinned.in_force(settings, location.prefix)
    found_there = adoption.find(request.adopted, location, lock) if request.adopted is not None else adoption.NOTHING
    if request.adopted is not None:
        request = request._replace(pip=(*found_there.requirements, *request.pip))
        if not request.pip and not request.specs:
            reporter.notice(f"{location.label} has nothing that was installed with pip past its lock")
            return Changed(Outcome(location, up_to_date=True))
    before = replace(asked.asked_for(lock, location), channels=channels_of(lock, settings))
    edits = _edits(request, before, there, reporter)
    channels = with_channels(before.channels, request.channels, override=request.override_channels)
    spec = replace(apply(before, edits), channels=channels, pip_base=before.pip_base or os.getcwd())
    saved = _saved(request, replace(edits, channels=channels), there, settings) if request.save else None
    base = _base(request, lock, settings, reporter)
    if saved is not None and saving.agree(saved, spec, settings, reporter, location):
        spec = saved.spec
        base = base._replace(files=(SourceText(saved.source, saved.text),))
    files = channel_files(base.files, settings)
    locker = Locker(base, settings, reporter, platform=lock.platform, channel_files=files, spec=spec)
    found = _beside(base, locker, reporter)

    def digest_with(new: Lock) -> str:
        content = found.bytes_with(new) if found is not None else None
        return inputs_digest(base, settings, files, lock.platform, content) or "" if content is not None else ""

    outcome = _move(
        there,
        locker,
        settings,
        _Aim(found_there.preferred_in(lock)),
        confirm=confirm,
        dry_run=dry_run,
        digest_with=digest_with,
    )
    _say_what_stays(edits, outcome, spec, reporter)
    if outcome.plan is not None:
        for sentence in found_there.differences(outcome.plan.lock):
            reporter.notice(sentence)
    if saved is not None and not dry_run and not outcome.declined:
        if saved.is_changed:
            saving.write(saved)
        now = outcome.plan.lock if outcome.plan is not None else lock
        if found is not None and not locker.outdated(now):
            outcome = outcome._replace(written=found.put(now, reporter))
    return Changed(outcome, saved)


def update(
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    moves: Moves,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Outcome:
    """Move what `moves` names to the newest versions that the spec allows: that of the files of `request`, or the
    environment's own. With files alone it is `create`, for an environment that exists.

    Raises UsageError, EnvironmentNotFound, PackagesNotFound, and everything that `create` raises.
    """
    by_argument = request.name is not None or request.prefix is not None or not request.files
    where = None if by_argument else locate(request, settings)
    location = layout.find(
        settings,
        name=where.name if where else request.name,
        prefix=(where.prefix if where.name is None else None) if where else request.prefix,
    )
    present_at(location, request.override_frozen)
    if request.files and not moves.names and not moves.everything:
        return create(request, settings, reporter, confirm=confirm, dry_run=dry_run)

    def attempt() -> Outcome:
        now = present_at(location, request.override_frozen)
        return _update(now, request, settings, reporter, moves=moves, confirm=confirm, dry_run=dry_run)

    return _again(attempt, reporter)


def _update(
    there: Present,
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    moves: Moves,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
) -> Outcome:
    location, lock = there.location, there.lock
    settings = pinned.in_force(settings, location.prefix)
    asked.check_of_pip(moves.of_pip, lock, location)
    moving = asked.present(moves.names, lock, location)
    spec = None
    if not request.files:
        channels = with_channels(channels_of(lock, settings), request.channels, override=request.override_channels)
        spec = replace(asked.asked_for(lock, location), channels=channels)
    base = _base(request, lock, settings, reporter)
    if request.files:
        base = base._replace(
            files=request.files, channels=request.channels, override_channels=request.override_channels
        )
    files = channel_files(base.files, settings)
    locker = Locker(base, settings, reporter, platform=lock.platform, channel_files=files, spec=spec)
    aim = _Aim(lock._replace(conda=(), pip=())) if moves.everything else _Aim(lock, frozenset(moving))
    found = _beside(base, locker, reporter)
    outcome = _move(there, locker, settings, aim, confirm=confirm, dry_run=dry_run)
    if found is None or outcome.plan is None or outcome.declined or dry_run:
        return outcome
    moved_on = found._replace(outdated=("packages were updated",))  # it fits still, and is to be replaced
    return outcome._replace(written=moved_on.put(outcome.plan.lock, reporter))


def _again(attempt: Callable[[], T], reporter: Reporter) -> T:
    """Return what `attempt` returns; where another command was quicker, it starts anew from what that left."""
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except ChangedMeanwhile as error:
            reporter.notice(f"{error.message}; once more, from there")
    return attempt()


def _beside(base: CreateRequest, locker: Locker, reporter: Reporter) -> Beside | None:
    """Return the lock beside the file that the change follows, None where it follows none."""
    path = lock_file.beside(base) if base.files else None
    return None if path is None else beside.read(path, lock_file.read_bytes(path), locker, base, reporter)


def present_at(location: Location, override_frozen: bool) -> Present:
    """Return the environment that is to be changed; raises PrefixError, LockError and FrozenEnvironment where it
    cannot be."""
    generation = generations.current(location.prefix)
    lock = own_lock(location) if generation is not None else None
    if generation is None:
        raise PrefixError(
            f"{location.prefix} is an environment that another tool made",
            hint=f"give it a lock first: envmgr adopt {location.arguments}",
        )
    if lock is None:
        raise LockError(
            f"{location.prefix} has lost its lock ({layout.LOCK_FILE})",
            hint=f"envmgr create {location.arguments} -f environment.yml",
        )
    frozen.check_thawed(location, override=override_frozen)
    return Present(location, generation.number, lock, generations.is_suspect(location.prefix, generation))


def _find(request: ChangeRequest, settings: Settings) -> Location:
    """Return the environment: as -n and -p say, else as the file that --save names says, else the active one."""
    if request.name is None and request.prefix is None and request.save and request.file is not None:
        files = read_sources([request.file], settings)
        if any(name_and_prefix(files[0].text)):
            found = locate(CreateRequest(command=request.command, files=files), settings)
            by_name = found.name is not None
            return layout.find(settings, name=found.name, prefix=None if by_name else found.prefix)
    return layout.find(settings, name=request.name, prefix=request.prefix)


def _edits(request: ChangeRequest, before: EnvironmentSpec, there: Present, reporter: Reporter) -> Edits:
    if request.removed:
        asked.check_of_pip(request.pip, there.lock, there.location)
        return asked.removals(request.removed, there.lock, before, there.location)
    edits, warnings = asked.additions(request.specs, request.pip, before.pip_base)
    for warning in warnings:
        reporter.warning(warning)
    for old, new in ((before.dependencies, edits.dependencies), (before.pip, edits.pip)):
        for name in dict.fromkeys(each.name for each in new):
            texts = [each.text for each in old if each.name == name]
            wanted = [each.text for each in new if each.name == name]
            if texts and texts != wanted:
                was, now = (" and ".join(f"`{text}`" for text in each) for each in (texts, wanted))
                reporter.notice(f"{now} replaces {was}")
    return edits


def _base(request: ChangeRequest | CreateRequest, lock: Lock, settings: Settings, reporter: Reporter) -> CreateRequest:
    """Return the request that decides the solve, beside the spec, which has the channels already.

    What the lock's machine had and this one lacks (a GPU, seen from a login node) is assumed still, since the
    packages were chosen for it; CONDA_OVERRIDE_… and --virtual-package say otherwise. A lock that was made for a host
    profile stays for that machine.
    """
    if lock.host_profile:
        packages = tuple(VirtualPackage(*text.split("=")) for text in lock.virtual_packages)
        return CreateRequest(
            command=request.command,
            virtual_packages=request.virtual_packages,
            machine=HostProfile(lock.host_profile, lock.platform, packages),
            exclude_newer=request.exclude_newer,
            override_frozen=request.override_frozen,
        )
    found = {each.name for each in detect(lock.platform, settings.environ, request.virtual_packages)}
    found |= {each.partition("=")[0] for each in request.virtual_packages}
    lacking = [each for each in lock.virtual_packages if each.partition("=")[0] not in found]
    kept = tuple(
        each.removesuffix("=0")
        for each in lacking
        if f"CONDA_OVERRIDE_{each.partition('=')[0].lstrip('_').upper()}" not in settings.environ
    )
    for each in kept:
        reporter.notice(f"solved as before for a machine with {each}, which this one lacks")
    return CreateRequest(
        command=request.command,
        virtual_packages=(*request.virtual_packages, *kept),
        exclude_newer=request.exclude_newer,
        override_frozen=request.override_frozen,
        pristine=request.pristine,
    )


def _saved(request: ChangeRequest, edits: Edits, there: Present, settings: Settings) -> EditedFile:
    if request.override_channels:
        raise UsageError("--override-channels cannot be saved", hint="edit `channels:` of the file by hand")
    source = request.file or saving.own_file(there.location, there.lock, settings)
    platform = there.lock.platform
    edits = saving.with_added_channels(source, edits, request.channels, settings, platform=platform)
    return saving.edit(source, edits, settings, platform=platform)


def _move(
    there: Present,
    locker: Locker,
    settings: Settings,
    aim: _Aim,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
    digest_with: Callable[[Lock], str] | None = None,
) -> Outcome:
    location, previous = there.location, there.lock
    locker.check_installable()
    with using_cache(settings):
        lock = locker.lock(aim.preferred, moving=aim.moving)
        is_same = lock.request == previous.request and conda_lock.digest(lock) == conda_lock.digest(previous)
        is_well = not there.is_suspect and not (locker.is_pristine and succession.holds_anything(location))
        if is_same and is_well:
            return Outcome(location, up_to_date=True)
        plan = Plan(location, previous, lock, between(previous, lock), locker.missing(lock))
        if not confirm(plan):
            return Outcome(location, plan=plan, declined=True)
        if dry_run:
            return Outcome(location, plan=plan)
        digest = digest_with(lock) if digest_with is not None else ""
        realised = locker.realise(location, lock, replaces=there.number, inputs_digest=digest)
        return Outcome(location, plan=plan, up_to_date=not realised.is_new, carried=realised.carried)


def _say_what_stays(edits: Edits, outcome: Outcome, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Name what was removed from what is asked for and stays, because something else needs it."""
    if outcome.plan is None:
        return
    lock = outcome.plan.lock
    for half, names, packages in (("conda", edits.removed, lock.conda), ("pip", edits.removed_pip, lock.pip)):
        for package in packages:
            if package.name in names:
                needed = asked.needed_by((half, package.name), lock, spec)
                reporter.notice(f"{package.name} stays: needed by {', '.join(needed) or 'what is asked for'}")
