"""The records that a solution may be chosen from, for an engine that does not choose them itself.

The rules are those of the rattler engine, so that both engines solve the same problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rattler import MatchSpec, RepoDataRecord
from rattler.exceptions import InvalidMatchSpecError

from envmgr.solve.base import SolveRequest
from envmgr.solve.pip import is_python
from envmgr.solve.priority import owners
from envmgr.solve.records import is_old_enough, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, demands_by_name, in_utc, match_spec, without_virtual

Texts = tuple[str, ...]


class Row(NamedTuple):
    """A record that may be chosen, and what a solve looks at again and again: reading it from the record is slow."""

    record: RepoDataRecord
    name: str
    version: str
    depends: Texts
    constrains: Texts


def candidates(request: SolveRequest, repodata: Repodata, *, brings_pip: bool) -> list[list[Row]]:
    """Return what may be chosen, one list a channel in channel order, each sorted by file name; then what is pinned.

    Left out is what the request forbids by itself: other channels than a spec names, what strict priority hides,
    what is newer than `exclude_newer`, what does not match a spec or constraint on its name, anything but the pinned
    record of a pinned name, the `.tar.bz2` of a `.conda`, records whose dependencies cannot be read or hold only under
    a condition, and what has the name of a virtual package. With `brings_pip`, what pip needs is there as well, and
    python depends on it.

    Raises ChannelError when a channel cannot be read.
    """
    specs = [match_spec(spec, request) for spec in without_virtual(request.specs)]
    pinned = {package.name: record_of_package(package) for package in request.pinned}
    if brings_pip:
        specs.append(MatchSpec("pip"))
    found = repodata.reachable([*specs, *(_exactly(record) for record in pinned.values())])
    demands = demands_by_name(request)
    cutoff = None if request.exclude_newer is None else in_utc(request.exclude_newer)
    reading = _Reading(brings_pip=brings_pip)
    chosen = []
    for records in _by_priority(request, found, owners(request, repodata)):
        kept: dict[str, tuple[str, Row]] = {}
        for name, record in records:
            if name in pinned or name.startswith("__") or not is_old_enough(record, cutoff):
                continue
            if name in demands and not all(spec.matches(record) for spec in demands[name]):
                continue
            row = reading.row(name, record)
            if row is None:
                continue
            file_name = record.file_name
            stem = file_name.removesuffix(".conda").removesuffix(".tar.bz2")
            if stem not in kept or file_name.endswith(".conda"):
                kept[stem] = (file_name, row)
        chosen.append([kept[stem][1] for stem in sorted(kept)])
    fixed = [
        row
        for name, record in sorted(pinned.items())
        if all(spec.matches(record) for spec in demands.get(name, ())) and (row := reading.row(name, record))
    ]
    return [*chosen, fixed]


class _Reading:
    """Reads records into rows; equal texts become one object, since a channel repeats few of them many times."""

    def __init__(self, *, brings_pip: bool) -> None:
        self._brings_pip = brings_pip
        self._readable: dict[str, bool] = {}
        self._lists: dict[Texts, tuple[Texts, bool]] = {(): ((), True)}

    def row(self, name: str, record: RepoDataRecord) -> Row | None:
        """Return the row of a record, None for one with dependencies that cannot be read."""
        depends, is_readable = self._list(tuple(record.depends))
        constrains, is_consistent = self._list(tuple(record.constrains))
        if not is_readable or not is_consistent:
            return None
        version = str(record.version)
        if self._brings_pip and is_python(name, version):
            depends = (*depends, "pip")
        return Row(record, name, version, depends, constrains)

    def _list(self, texts: Texts) -> tuple[Texts, bool]:
        if texts not in self._lists:
            self._lists[texts] = (texts, all(map(self._is_readable, texts)))
        return self._lists[texts]

    def _is_readable(self, text: str) -> bool:
        if text not in self._readable:
            try:
                spec = MatchSpec(text)
                self._readable[text] = spec.condition is None and not spec.extras
            except InvalidMatchSpecError:
                self._readable[text] = False
        return self._readable[text]


def _by_priority(
    request: SolveRequest, found: Sequence[Sequence[RepoDataRecord]], owned: Mapping[str, str]
) -> Iterable[list[tuple[str, RepoDataRecord]]]:
    named = {
        dependency.name: channel_url(dependency, request)
        for dependency in (*request.specs, *request.constraints)
        if dependency.channel is not None
    }
    first = dict(owned)
    for channel, records in zip(request.channels, found, strict=True):
        allowed = []
        for record in records:
            name = record.name.normalized
            if named.get(name, channel.url) != channel.url:
                continue
            if request.channel_priority == "strict" and first.setdefault(name, channel.url) != channel.url:
                continue
            allowed.append((name, record))
        yield allowed


def _exactly(record: RepoDataRecord) -> MatchSpec:
    return MatchSpec(f"{record.name.normalized} =={record.version} {record.build}")
