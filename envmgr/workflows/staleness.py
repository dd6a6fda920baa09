"""Why a lock no longer fits: what is asked for now, held against what the lock was made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone

from envmgr.channels.model import Channel
from envmgr.errors import SpecError
from envmgr.lock.model import Lock, Request
from envmgr.platforms.model import VirtualPackage
from envmgr.settings import Settings
from envmgr.solve.records import record_of_package
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.digest import canonical_dependency, canonical_requirement
from envmgr.spec.model import COMMAND_LINE, Dependency, Requirement
from envmgr.urls import redact

Parsed = tuple[str, str]  # name and canonical form


def of_request(lock: Lock, wanted: Request, settings: Settings) -> Iterator[str]:
    """Yield what differs between the request of `lock` and `wanted`, one sentence a difference; order does not count.

    At least one sentence comes: the digests have told already that something differs.
    """
    found = [
        *_members("", _dependency, lock.request.dependencies, wanted.dependencies),
        *_members("pip: ", _requirement, lock.request.pip, wanted.pip),
        *_variables(lock.request.variables, wanted.variables),
    ]
    if lock.request.channels != wanted.channels:
        found.append(f"channels: {_listed(lock.request.channels)} → {_listed(wanted.channels)}")
    if lock.channel_priority != settings.channel_priority:
        found.append(f"channel priority: {lock.channel_priority} → {settings.channel_priority}")
    yield from found or [
        "what channels.yaml means by its names and pins, what a constraints file says, or whether python brings pip, "
        "is not as it was"
    ]


def of_machine(lock: Lock, stated: Iterable[str], virtual_packages: Sequence[VirtualPackage]) -> Iterator[str]:
    """Yield where virtual packages that were `stated` (their names) are not those that the lock was made for."""
    locked = {text.partition("=")[0]: text for text in lock.virtual_packages}
    now = {package.name: str(package) for package in virtual_packages}
    for name in sorted(set(stated)):
        if locked.get(name) != now.get(name):
            yield f"{name}: {_shown(locked.get(name))} → {_shown(now.get(name))}"


def of_cutoff(lock: Lock, cutoff: datetime | None, *, is_moving: bool) -> Iterator[str]:
    """Yield whether `cutoff` (None: none was given) is not the lock's; a moving one (`14d`) allows any before it."""
    if cutoff is None:
        return
    locked = _moment(lock.exclude_newer)
    if locked is None or (locked > cutoff if is_moving else locked != cutoff):
        yield f"exclude newer: {lock.exclude_newer or 'none'} → {cutoff.isoformat()}"


def of_channels(lock: Lock, channels: Iterable[Channel]) -> Iterator[str]:
    """Yield the channels whose `exclude-newer` in channels.yaml is not the lock's; where none is, any is fine."""
    locked = dict(text.split(" ", 1) for text in lock.channels_until if " " in text)
    for channel in channels:
        moment, before = channel.exclude_newer, _moment(locked.get(channel.url))
        if moment is not None and (before is None or (before > moment if channel.is_moving else before != moment)):
            yield f"exclude newer of {redact(channel.name)}: {locked.get(channel.url, 'none')} → {moment.isoformat()}"


def of_pins(lock: Lock, pins: Iterable[Dependency]) -> Iterator[str]:
    """Yield the locked packages that a pin of the configuration forbids."""
    packages = {package.name: package for package in lock.conda}
    for pin in pins:
        package = packages.get(pin.name)
        if package is not None and not pin.match_spec.matches(record_of_package(package)):
            yield f"`{pin.text}` ({pin.origin}) forbids {package.dist_name}"


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc) if moment is not None and moment.tzinfo is None else moment


def _members(mark: str, parse: Callable[[str], Parsed], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    before, after = _by_name(parse, old), _by_name(parse, new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, {}), after.get(name, {})
        if was.keys() == now.keys():
            continue
        if not was:
            yield f"{mark}{_listed(now.values())} is new"
        elif not now:
            yield f"{mark}{_listed(was.values())} is gone"
        else:
            yield f"{mark}{_listed(was.values())} → {_listed(now.values())}"


def _by_name(parse: Callable[[str], Parsed], texts: Sequence[str]) -> Mapping[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, canonical = parse(text)
        found.setdefault(name, {})[canonical] = text
    return found


def _dependency(text: str) -> Parsed:
    try:
        dependency = parse_dependency(text)
    except SpecError:
        return text, text
    return dependency.name, canonical_dependency(dependency)


def _requirement(text: str) -> Parsed:
    from packaging.requirements import InvalidRequirement  # start-up time: only for a pip half that changed
    from packaging.requirements import Requirement as ParsedRequirement
    from packaging.utils import canonicalize_name

    try:
        name = canonicalize_name(ParsedRequirement(text).name)
    except InvalidRequirement:
        return text, text
    return name, canonical_requirement(Requirement(text=text, name=name, origin=COMMAND_LINE))


def _variables(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> Iterator[str]:
    before, after = dict(old), dict(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"the variable {name} is gone"
        elif name not in before:
            yield f"the variable {name} is new"
        elif before[name] != after[name]:
            yield f"the variable {name} has another value"


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "none"


def _shown(text: str | None) -> str:
    return "none" if text is None else text.partition("=")[2]
