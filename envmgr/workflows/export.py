"""`export`: an environment, or a lock, in the format that a colleague or another tool reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels import built
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, LockError, PipError, UsageError
from envmgr.lock.model import Lock, PipPackage
from envmgr.platforms.subdirs import validate_subdir
from envmgr.pypi import installed, provided
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec import writing
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.workflows import adoption, asked, exporting
from envmgr.workflows.asked_channels import channels_of
from envmgr.workflows.exporting import SEVERAL, Shape
from envmgr.workflows.locking import Locker
from envmgr.workflows.reading import lock_of, own_lock
from envmgr.workflows.request import WHOLE, Choice, CreateRequest
from envmgr.workflows.sides import Side, side

FORMATS = ("environment", "pinned", "conda-lock", "explicit", "requirements", "pylock", "pixi-lock", "json")
_HASHED = frozenset({*SEVERAL, "pylock"})
_OF_A_DIRECTORY = frozenset({"requirements", "pylock"})


class ExportRequest(NamedTuple):
    """The arguments of `export`, as given.

    `source` is what `side` understands (None: `location`); `form` one of FORMATS; `platforms` are subdirs, none: the
    one that is locked. `with_channels` writes the channels, `channels` are written before the others, or with
    `override_channels` instead of them.
    """

    form: str
    source: str | None = None
    location: Location | None = None
    platforms: tuple[str, ...] = ()
    with_builds: bool = True
    with_channels: bool = True
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    part: Choice = WHOLE


class Exported(NamedTuple):
    """What was exported, as text, and as plain values where the format is made of them."""

    text: str
    mapping: dict[str, Any] | None = None


def export(request: ExportRequest, settings: Settings, reporter: Reporter) -> Exported:
    """Return what `request` asks for in its format.

    Raises UsageError for several platforms in a format of one, LockError and its kinds for a lock that cannot be
    read or is not closed, and where another platform is asked for, everything that locking raises.
    """
    platforms = tuple(dict.fromkeys(validate_subdir(platform) for platform in request.platforms))
    if len(platforms) > 1 and request.form not in SEVERAL:
        raise UsageError(
            f"the format {request.form} holds one platform, and {len(platforms)} are asked for",
            hint=f"use --format {' or '.join(SEVERAL)}, or export one platform at a time",
        )
    sides = _sides(request, platforms, settings, reporter)
    if request.form in _HASHED:
        _check_hashed(sides)
    if request.form in SEVERAL:
        locks = [each.lock for each in sides]
        text = exporting.conda_lock_text(locks) if request.form == "conda-lock" else exporting.pixi_text(locks)
        return Exported(text)
    (only,) = sides
    lock = only.lock
    if request.form in _OF_A_DIRECTORY:
        lock = _with_distributions(only, settings, reporter)
        if request.form == "requirements":
            return Exported(exporting.requirements_text(lock))
        return Exported(exporting.pylock_text(lock, settings, reporter))
    if request.form == "explicit":
        return Exported(exporting.explicit_text(lock, reporter))
    return _environment(request, only, settings)


def _check_hashed(sides: Sequence[Side]) -> None:
    """Raise LockError for what another tool installed with pip: nothing says which file that was."""
    unlocked = [package.name for each in sides for package in each.lock.pip if not package.url]
    if unlocked:
        raise LockError(
            f"{sides[0].label} was made by another tool, and pip does not say which files it installed: "
            f"{', '.join(unlocked)}",
            hint="use --format pinned, and create the environment from that",
        )


def _environment(request: ExportRequest, only: Side, settings: Settings) -> Exported:
    lock = _with_request(only.lock)
    shape = _shape(request, only, lock, settings)
    if request.form == "json":
        document = exporting.json_document(lock, shape)
        return Exported(json.dumps(document, indent=2, ensure_ascii=False) + "\n", document)
    make = exporting.mapping_of_request if request.form == "environment" else exporting.mapping_of_packages
    mapping = make(lock, shape)
    return Exported(writing.dumps(mapping), mapping)


def _sides(
    request: ExportRequest, platforms: Sequence[str], settings: Settings, reporter: Reporter
) -> tuple[Side, ...]:
    if request.source is not None:
        named = [side(request.source, settings, platform=platform, choice=request.part) for platform in platforms]
        first = named[0] if named else side(request.source, settings, choice=request.part)
    elif request.location is not None:
        first = _standing(request.location)
    else:
        raise UsageError("nothing to export is named", hint="add -n NAME or -p PATH")
    if not platforms:
        return (first,)
    if first.location is None:
        return tuple(named) if request.source is not None else (first,)
    return tuple(
        first if platform == first.lock.platform else _solved(first, platform, settings, reporter)
        for platform in platforms
    )


def _standing(location: Location) -> Side:
    """Return an environment with its lock; of one that another tool made, what pip installed there is read as well."""
    lock = lock_of(location)
    if own_lock(location) is None:
        there = adoption.find((), location, lock._replace(pip=()))
        unlocked = tuple(PipPackage(name, version, "", "", "") for name, version in there.versions)
        request = lock.request._replace(pip=there.requirements)
        lock = lock._replace(pip=unlocked, request=request)
    return Side(location.label, lock, location)


def _solved(of: Side, platform: str, settings: Settings, reporter: Reporter) -> Side:
    """Return what was asked for of an environment, locked for another platform than that it stands on."""
    location = of.location
    if location is None:
        raise UsageError(f"{of.label} is not locked for {platform}")
    spec = replace(asked.asked_for(of.lock, location), channels=channels_of(of.lock, settings), platforms=())
    request = CreateRequest(command=(), exclude_newer=of.lock.exclude_newer)
    locker = Locker(request, settings, reporter, platform=platform, channel_files=(), spec=spec)
    return Side(of.label, locker.lock(None))


def _with_request(lock: Lock) -> Lock:
    """Return a lock that says what was asked for: one of another tool asks for what nothing else in it needs."""
    if lock.request.dependencies:
        return lock
    dependencies, pip = asked.roots(lock._replace(pip=()) if lock.request.pip else lock)
    pip = lock.request.pip or pip
    channels = lock.request.channels or lock.channels
    return lock._replace(request=lock.request._replace(dependencies=dependencies, pip=pip, channels=channels))


def _shape(request: ExportRequest, only: Side, lock: Lock, settings: Settings) -> Shape:
    # A directory of this machine's cache means nothing to a colleague; the name of the channel does.
    listed = [built.name_of(name, settings) or name for name in lock.request.channels]
    listed = [] if request.override_channels else listed
    channels = tuple(dict.fromkeys((*request.channels, *listed))) if request.with_channels else ()
    return Shape(
        name=None if only.location is None else only.location.name or _name(only.location),
        channels=channels,
        names=_names(lock, (*request.channels, *lock.request.channels), settings),
        with_builds=request.with_builds,
    )


def _names(lock: Lock, written: Sequence[str], settings: Settings) -> dict[str, str]:
    """Return what users call the channels of a lock, by URL."""
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    found = dict(zip(lock.channels, lock.request.channels, strict=False))
    for name in reversed(written):
        try:
            found.update({channel.url: name for channel in table.resolve((name,))})
        except ChannelError:  # it means something elsewhere
            continue
    return {url: built.name_of(name, settings) or name for url, name in found.items()}


def _with_distributions(of: Side, settings: Settings, reporter: Reporter) -> Lock:
    """Return the lock with the Python distributions of its conda packages: read in the environment, else in artifacts.

    Raises PipError where there is no python.
    """
    lock = of.lock
    if not any(package.name == "python" for package in lock.conda):
        raise PipError(f"{of.label} has no python, so it has no pip view", hint="add `- python` to dependencies")
    if of.location is not None:
        return lock._replace(conda=installed.with_distributions(of.location.prefix, lock.conda))
    if any(package.distributions for package in lock.conda):
        return lock
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    channels = table.resolve(tuple(dict.fromkeys(package.channel for package in lock.conda)))
    artifacts = ArtifactCache(settings).fetch(lock.conda, channels=channels, reporter=reporter)
    pairs = [(package, artifact.directory) for package, artifact in zip(lock.conda, artifacts, strict=True)]
    return lock._replace(conda=provided.with_distributions(lock.conda, provided.read(pairs)))


def _name(location: Location) -> str | None:
    """Return the name that an environment at a path gets elsewhere: that of its directory, where it can be one."""
    try:
        layout.check_name(location.prefix.name)
    except UsageError:
        return None
    return location.prefix.name
