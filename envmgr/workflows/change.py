"""`install` and `remove PACKAGE`: edit what is asked for, lock again preferring what is locked, realise.

What is asked for is the request in the environment's own lock. A change solves it with everything that is locked
preferred, so that as little as possible moves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from envmgr.errors import UsageError
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec.edits import Edits, apply
from envmgr.spec.model import EnvironmentSpec
from envmgr.spec.peek import name_and_prefix
from envmgr.store import layout, pinned
from envmgr.store.layout import Location
from envmgr.store.survey_ahead import Ahead
from envmgr.workflows import adoption, asked, freezing, only_dependencies
from envmgr.workflows.adoption import Adoption
from envmgr.workflows.asked_channels import channels_of, with_channels
from envmgr.workflows.create import Outcome, Plan, locate
from envmgr.workflows.locking import Locker
from envmgr.workflows.moving import Aim, Changed, Present, again, base_request, beside_file, move, present_at
from envmgr.workflows.request import ChangeRequest, CreateRequest, Manner, SourceText, inputs_digest
from envmgr.workflows.sources import channel_files, parse_sources, read_sources

if TYPE_CHECKING:  # start-up time: YAML, and what edits files
    from envmgr.workflows.saving import EditedFile


def change(
    request: ChangeRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
    ahead: Ahead | None = None,
) -> Changed:
    """Make the change that was asked for as one new generation; `confirm` and `dry_run` as in `create`.

    `ahead` is a survey of the environment that was begun already (None: none was).

    Raises UsageError, and everything that `create` raises; the environment is then as it was. Where the environment
    file cannot be written after that, SpecError says so. What another command changes meanwhile is changed further.
    """
    return again(lambda: _change(request, settings, reporter, confirm=confirm, dry_run=dry_run, ahead=ahead), reporter)


def _change(
    request: ChangeRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
    ahead: Ahead | None,
) -> Changed:
    there = present_at(_find(request, settings), request.override_frozen)._replace(ahead=ahead)
    location, lock = there.location, there.lock
    settings = pinned.in_force(settings, location.prefix)
    request = request._replace(of_files=parse_sources(request.files, settings, platform=lock.platform))
    found_there = _adopted(request, there, reporter)
    if request.adopted is not None:
        request = request._replace(pip=(*found_there.requirements, *request.pip))
        if not request.pip and not request.specs and not found_there.removed:
            reporter.notice(f"{location.label} has nothing that was installed with pip past its lock")
            return Changed(Outcome(location, up_to_date=True))
    before = replace(asked.asked_for(lock, location), channels=channels_of(lock, settings))
    edits = _adopting(found_there, request, before, there, reporter)
    more = (*request.channels, *edits.channels)
    channels = with_channels(before.channels, more, override=request.override_channels)
    base = base_request(request, lock, settings, reporter)
    if request.manner.freezes:
        settings = freezing.frozen(settings, lock, _named(edits))

    def locker_for(base: CreateRequest, spec: EnvironmentSpec) -> Locker:
        files = channel_files(base.files, settings)
        return Locker(base, settings, reporter, platform=lock.platform, channel_files=files, spec=spec)

    before = replace(before, pip_base=before.pip_base or os.getcwd())
    if request.manner.only_dependencies:
        edits = _for_dependencies(
            edits, before, locker_for(base, replace(apply(before, edits), channels=channels)), lock
        )
    spec = replace(apply(before, edits), channels=channels)
    saved = _saved(request, replace(edits, channels=channels), there, settings) if request.save else None
    if saved is not None and saved.agrees(spec, settings, reporter, location):
        spec = saved.spec
        base = base._replace(files=(SourceText(saved.source, saved.text),))
    locker = locker_for(base, spec)
    found = beside_file(base, locker, reporter)

    def digest_with(new: Lock) -> str:
        content = found.bytes_with(new) if found is not None else None
        files = channel_files(base.files, settings)
        return inputs_digest(base, settings, files, lock.platform, content) or "" if content is not None else ""

    aim = _aim(request.manner, edits, found_there.preferred_in(lock))
    outcome = move(
        there,
        locker,
        settings,
        aim,
        confirm=confirm,
        dry_run=dry_run,
        digest_with=digest_with,
    )
    _say_what_stays(edits, outcome, spec, reporter)
    for sentence in found_there.differences(outcome.plan.lock) if outcome.plan is not None else ():
        reporter.notice(sentence)
    if saved is not None and not dry_run and not outcome.declined and not outcome.is_downloaded:
        if saved.is_changed:
            saved.write()
        now = outcome.plan.lock if outcome.plan is not None else lock
        if found is not None and not locker.outdated(now):
            outcome = outcome._replace(written=found.put(now, reporter))
    return Changed(outcome, saved)


def _find(request: ChangeRequest, settings: Settings) -> Location:
    """Return the environment: as -n and -p say, else as the file that --save names says, else the active one."""
    if request.name is None and request.prefix is None and request.save and request.file is not None:
        files = read_sources([request.file], settings)
        if any(name_and_prefix(files[0].text)):
            found = locate(CreateRequest(command=request.command, files=files), settings)
            by_name = found.name is not None
            return layout.find(settings, name=found.name, prefix=None if by_name else found.prefix)
    return layout.find(settings, name=request.name, prefix=request.prefix)


def _named(edits: Edits) -> tuple[str, ...]:
    names = (*(each.name for each in edits.dependencies), *(each.name for each in edits.pip))
    return tuple(dict.fromkeys(names))


def _for_dependencies(edits: Edits, before: EnvironmentSpec, locker: Locker, lock: Lock) -> Edits:
    """Return the edits that add what the named packages need to what is asked for, and not those themselves."""
    only_dependencies.check(edits.pip)
    needed = only_dependencies.needed_by({each.name for each in edits.dependencies}, locker.lock(lock))
    names = {each.name for each in needed}
    return replace(edits, dependencies=(*(each for each in before.dependencies if each.name in names), *needed))


def _aim(manner: Manner, edits: Edits, preferred: Lock) -> Aim:
    """Return what the solve prefers: what is locked, but for what is to be as new as can be."""
    if manner.updates_all:
        return Aim(preferred._replace(conda=(), pip=()))
    named = _named(edits)
    if not manner.updates_dependencies:
        return Aim(preferred)
    return Aim(preferred, frozenset(asked.with_dependencies(named, preferred)))


def _adopted(request: ChangeRequest, there: Present, reporter: Reporter) -> Adoption:
    """Return what --adopt takes over; what it leaves is told."""
    if request.adopted is None:
        return adoption.NOTHING
    found = adoption.find(request.adopted, there.location, there.lock)
    if found.left:
        names = ", ".join(found.left)
        reporter.notice(
            f"not adopted, since conda's packages provide it: {names} (by name, `--adopt {names}` says more)"
        )
    return found


def _adopting(
    found: Adoption, request: ChangeRequest, before: EnvironmentSpec, there: Present, reporter: Reporter
) -> Edits:
    """Return the edits of a request, with those for what pip removed."""
    is_of_removal_only = bool(found.removed) and not request.pip and not request.specs
    edits = Edits() if is_of_removal_only else _edits(request, before, there, reporter)
    if not found.removed:
        return edits
    reporter.notice(f"removed with pip, and asked for no more: {', '.join(found.removed)}")
    gone = asked.removals(found.removed, there.lock, before, there.location)
    return replace(edits, removed_pip=gone.removed_pip)


def _edits(request: ChangeRequest, before: EnvironmentSpec, there: Present, reporter: Reporter) -> Edits:
    if request.empties:
        return Edits(
            removed=frozenset(each.name for each in before.dependencies),
            removed_pip=frozenset(each.name for each in before.pip),
        )
    if request.removed:
        asked.check_of_pip(request.pip, there.lock, there.location)
        return asked.removals(request.removed, there.lock, before, there.location)
    edits, warnings = asked.additions(request.specs, request.pip, request.of_files, before.pip_base)
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


def _saved(request: ChangeRequest, edits: Edits, there: Present, settings: Settings) -> EditedFile:
    if request.override_channels:
        raise UsageError("--override-channels cannot be saved", hint="edit `channels:` of the file by hand")
    from envmgr.workflows import saving  # start-up time: as above

    source = request.file or saving.own_file(there.location, there.lock, settings)
    platform = there.lock.platform
    edits = saving.with_added_channels(source, edits, request.channels, settings, platform=platform)
    return saving.edit(source, edits, settings, platform=platform)


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
