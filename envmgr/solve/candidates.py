"""The records that a solution may be chosen from, for an engine that does not choose them itself.

The rules are those of the rattler engine, so that both engines solve the same problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rattler import MatchSpec, RepoDataRecord
from rattler.exceptions import InvalidMatchSpecError

from envmgr.solve.base import SolveRequest
from envmgr.solve.records import indexed_moment, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, demands_by_name, in_utc, match_spec, without_virtual


def candidates(request: SolveRequest, repodata: Repodata, *, brings_pip: bool) -> list[list[RepoDataRecord]]:
    """Return what may be chosen, one list a channel in channel order, each sorted by file name.

    Left out is what the request forbids by itself: other channels than a spec names, what strict priority hides,
    what is newer than `exclude_newer`, what does not match a spec or constraint on its name, anything but the pinned
    record of a pinned name, the `.tar.bz2` of a `.conda`, records whose dependencies cannot be read or hold only under
    a condition, and what has the name of a virtual package. With `brings_pip`, what pip needs is there as well.

    Raises ChannelError when a channel cannot be read.
    """
    specs = [match_spec(spec, request) for spec in without_virtual(request.specs)]
    pinned = {package.name: record_of_package(package) for package in request.pinned}
    if brings_pip:
        specs.append(MatchSpec("pip"))
    found = repodata.reachable([*specs, *(_exactly(record) for record in pinned.values())])
    demands = demands_by_name(request)
    cutoff = None if request.exclude_newer is None else in_utc(request.exclude_newer)
    chosen = []
    readable: dict[str, bool] = {}
    for records in _by_priority(request, found):
        kept: dict[str, RepoDataRecord] = {}
        for record in records:
            name = record.name.normalized
            if name in pinned or name.startswith("__") or not _is_old_enough(record, cutoff):
                continue
            if not all(spec.matches(record) for spec in demands.get(name, ())):
                continue
            if not all(_is_readable(text, readable) for text in (*record.depends, *record.constrains)):
                continue
            stem = record.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
            if stem not in kept or record.file_name.endswith(".conda"):
                kept[stem] = record
        chosen.append([kept[stem] for stem in sorted(kept)])
    fixed = [
        record for name, record in sorted(pinned.items()) if all(spec.matches(record) for spec in demands.get(name, ()))
    ]
    return [*chosen, fixed]


def _by_priority(request: SolveRequest, found: Sequence[Sequence[RepoDataRecord]]) -> Iterable[list[RepoDataRecord]]:
    named = {
        dependency.name: channel_url(dependency, request)
        for dependency in (*request.specs, *request.constraints)
        if dependency.channel is not None
    }
    owners: dict[str, str] = {}
    for channel, records in zip(request.channels, found, strict=True):
        allowed = []
        for record in records:
            name = record.name.normalized
            if named.get(name, channel.url) != channel.url:
                continue
            if request.channel_priority == "strict" and owners.setdefault(name, channel.url) != channel.url:
                continue
            allowed.append(record)
        yield allowed


def _is_old_enough(record: RepoDataRecord, cutoff: datetime | None) -> bool:
    if cutoff is None:
        return True
    moment = indexed_moment(record)
    return moment is not None and moment <= cutoff


def _is_readable(text: str, known: dict[str, bool]) -> bool:
    if text not in known:
        try:
            spec = MatchSpec(text)
            known[text] = spec.condition is None and not spec.extras
        except InvalidMatchSpecError:
            known[text] = False
    return known[text]


def _exactly(record: RepoDataRecord) -> MatchSpec:
    return MatchSpec(f"{record.name.normalized} =={record.version} {record.build}")
