"""Which locked packages a solve may prefer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rattler import MatchSpec

from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.pip import with_pip
from envmgr.solve.records import indexed_at, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, demands_by_name, in_utc


def admissible(request: SolveRequest, repodata: Repodata) -> tuple[CondaPackage, ...]:
    """Return the locked packages that the rest of the request allows, in their order.

    An engine takes a preferred record from the lock, not from the repodata, so it would not see that the record's
    channel is no longer in use, that a spec names another channel or version, that the record is newer than
    `exclude_newer`, or that strict priority hides it. A record that its channel has withdrawn stays allowed, since
    the lock has all of it.

    Raises ChannelError when a channel cannot be read.
    """
    if not request.locked:
        return ()
    ranks = {channel.url: rank for rank, channel in reversed(list(enumerate(request.channels)))}
    named = {spec.name: channel_url(spec, request) for spec in request.specs if spec.channel is not None}
    cutoff = None if request.exclude_newer is None else in_utc(request.exclude_newer).timestamp() * 1000
    pinned = {package.name for package in request.pinned}
    demands = demands_by_name(request)
    allowed = []
    for package in request.locked:
        rank = ranks.get(package.channel)
        if rank is None or package.name in pinned or package.subdir not in {request.platform, "noarch"}:
            continue
        wanted = demands.get(package.name)
        if wanted and not all(spec.matches(record_of_package(package)) for spec in wanted):
            continue
        if package.name in named:
            if named[package.name] != package.channel:
                continue
        elif rank and request.channel_priority == "strict" and any(repodata.named(package.name)[:rank]):
            continue
        own = request.channels[rank].exclude_newer
        limits = [limit for limit in (cutoff, own.timestamp() * 1000 if own is not None else None) if limit is not None]
        moment = indexed_at(package)
        if limits and (moment is None or moment > min(limits)):
            continue
        allowed.append(package)
    return tuple(allowed)


def reached(names: Iterable[str], packages: Mapping[str, CondaPackage], *, brings_pip: bool) -> tuple[str, ...]:
    """Return, sorted, those names of `packages` that `names` lead to through their dependencies."""
    found: set[str] = set()
    left = [name for name in names if name in packages]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        package = with_pip(packages[name]) if brings_pip else packages[name]
        for text in package.depends:
            dependency = MatchSpec(text).name.normalized
            if dependency in packages and dependency not in found:
                left.append(dependency)
    return tuple(sorted(found))
