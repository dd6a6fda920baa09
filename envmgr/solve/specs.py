"""What a request asks for, as the engines' own match specs, channel parts resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from rattler import BuildString, MatchSpec, PackageRecord

from envmgr.errors import ChannelError, Unsatisfiable, UsageError
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import SolveRequest
from envmgr.spec.model import Dependency
from envmgr.urls import redact


def channel_url(dependency: Dependency, request: SolveRequest) -> str | None:
    """Return the base URL of the channel that a spec names, or None when it names none.

    Raises ChannelError for a channel that is not in use.
    """
    if dependency.channel is None:
        return None
    written = dependency.channel.rstrip("/")
    for name, url in request.channel_urls:
        if name.rstrip("/") == written:
            return url
    for channel in request.channels:
        if written in {channel.name.rstrip("/"), channel.url}:
            return channel.url
    known = ", ".join(redact(channel.name) for channel in request.channels) or "none"
    raise ChannelError(
        f"{dependency.origin}: `{redact(dependency.text)}` names channel `{redact(dependency.channel)}`,"
        f" which is not in use; in use: {known}",
        hint=f"add `- {redact(dependency.channel)}` to `channels:`, or pass `-c {redact(dependency.channel)}`",
    )


def match_spec(dependency: Dependency, request: SolveRequest) -> MatchSpec:
    """Return the match spec of a dependency, bound to the channel that it names.

    Raises ChannelError for a channel that is not in use.
    """
    url = channel_url(dependency, request)
    return dependency.match_spec if url is None else MatchSpec(f"{url}::{dependency.match_spec}")


def refuse_impossible(request: SolveRequest) -> None:
    """Raise for what no engine can be asked: UsageError for a time limit that is none, Unsatisfiable for two specs,
    or a spec and a pin, that want one package from two channels.

    rattler looks at the first spec with a channel only, and would install what the second one forbids.
    """
    if request.time_limit is not None and request.time_limit <= timedelta(0):
        raise UsageError(f"a time limit is more than 0 s, found {request.time_limit.total_seconds():g} s")
    pinned = {package.name: package for package in request.pinned}
    wanted: dict[str, tuple[Dependency, str]] = {}
    for dependency in (*request.specs, *request.constraints):
        url = channel_url(dependency, request)
        if url is None:
            continue
        first, first_url = wanted.setdefault(dependency.name, (dependency, url))
        pin = pinned.get(dependency.name)
        if first_url != url:
            raise _two_channels((first, dependency), f"{dependency.name} can come from one channel only")
        if pin is not None and pin.channel != url:
            raise _two_channels((dependency,), f"{pin.name} is pinned to {pin.dist_name} from {redact(pin.channel)}")


def _two_channels(dependencies: Sequence[Dependency], reason: str) -> Unsatisfiable:
    asked = ", ".join(f"`{redact(each.text)}` ({each.origin})" for each in dependencies)
    conflicts = [conflict(each, reason) for each in dependencies]
    return Unsatisfiable(f"{reason}, but asked for is {asked}", details={"conflicts": conflicts, "edits": []})


def conflict(dependency: Dependency, reason: str) -> dict[str, Any]:
    """Return one entry of the `conflicts` that `--json` shows."""
    return {"where": str(dependency.origin), "spec": redact(dependency.text), "reason": reason}


def without_virtual(specs: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """Return the specs whose package comes from a channel (a name with `__` is this machine's, CEP 30)."""
    return tuple(spec for spec in specs if not spec.name.startswith("__"))


def demands_by_name(request: SolveRequest) -> dict[str, list[MatchSpec]]:
    """Return the match specs of all specs and constraints by package name, without their channel parts."""
    demands: dict[str, list[MatchSpec]] = {}
    for dependency in (*request.specs, *request.constraints):
        demands.setdefault(dependency.name, []).append(dependency.match_spec)
    return demands


def unmet_virtual(request: SolveRequest) -> Dependency | None:
    """Return a spec or constraint on a virtual package that the request's machine does not meet, if there is one."""
    present = {package.name: package for package in request.virtual_packages}
    for spec in request.specs:
        if spec.name.startswith("__") and not meets(present.get(spec.name), spec.match_spec):
            return spec
    for constraint in request.constraints:
        if constraint.name in present and not meets(present[constraint.name], constraint.match_spec):
            return constraint
    return None


def meets(package: VirtualPackage | None, spec: MatchSpec) -> bool:
    """Whether a virtual package is there and matches a spec."""
    if package is None:
        return False
    build = BuildString.new_unchecked(package.build)
    return spec.matches(PackageRecord(package.name, package.version, build, 0, "noarch"))


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a time zone is taken to be UTC already."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
