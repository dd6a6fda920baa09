"""Small worlds of packages for property tests, and what is true of them, found by trying everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from rattler import MatchSpec, Version

from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.candidates import Row, candidates
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import meets, unmet_virtual
from solve.indexes import BUILT, open_gateway, request, write_index

NAMES = "abcde"
DAY = 86_400_000
_BOUNDS = ("", " 1.*", " 2.*", " >=2", " <3", " !=2.0", " ==3.0", " 2.0 h_0")


@dataclass(frozen=True, slots=True)
class World:
    """Records of two channels by artifact name, and what is asked of them."""

    channels: tuple[Mapping[str, Mapping[str, Any]], ...]
    specs: tuple[str, ...]
    constraints: tuple[str, ...]
    priority: str
    cutoff: int | None
    cuda: str | None

    def request(self, directory: Path) -> SolveRequest:
        """Write the channels below a directory, and return what is asked of them."""
        channels = [write_index(directory / name, records) for name, records in zip("xy", self.channels, strict=False)]
        seconds = None if self.cutoff is None else (BUILT + self.cutoff * DAY) / 1000
        return request(
            self.specs,
            channels,
            constraints=self.constraints,
            channel_priority=self.priority,
            exclude_newer=None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc),
            virtual_packages=() if self.cuda is None else (VirtualPackage("__cuda", self.cuda, "0"),),
            add_pip=False,
        )


_specs = st.builds(str.__add__, st.sampled_from(NAMES), st.sampled_from(_BOUNDS))


@st.composite
def _records(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    artifacts = st.builds("{}-{}.0-h_{}".format, st.sampled_from(NAMES), st.integers(1, 4), st.integers(0, 1))
    found: dict[str, dict[str, Any]] = {}
    for artifact in draw(st.lists(artifacts, min_size=3, max_size=14, unique=True)):
        depends = draw(st.lists(_specs, max_size=2))
        if draw(st.integers(0, 9)) == 0:
            depends.append("__cuda >=12")
        found[artifact] = {
            "depends": [text for text in depends if text[0] != artifact[0]],
            "constrains": [text for text in draw(st.lists(_specs, max_size=1)) if text[0] != artifact[0]],
            "timestamp": BUILT + draw(st.integers(0, 3)) * DAY,
        }
    return found


worlds = st.builds(
    World,
    st.lists(_records(), min_size=1, max_size=2).map(tuple),
    st.lists(st.one_of(_specs, _specs, _specs.map("x::{}".format)), min_size=1, max_size=3).map(tuple),
    st.lists(_specs, max_size=1).map(tuple),
    st.sampled_from(["strict", "flexible", "disabled"]),
    st.sampled_from([None, None, 1]),
    st.sampled_from([None, "11.0", "12.4"]),
)


@st.composite
def _full(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        for version in draw(st.lists(st.integers(1, 4), min_size=2, max_size=4, unique=True)):
            found[f"{name}-{version}.0-h_0"] = {
                "depends": [text for text in draw(st.lists(_specs, max_size=2)) if text[0] != name],
                "constrains": [text for text in draw(st.lists(_specs, max_size=1)) if text[0] != name],
                "timestamp": BUILT,
            }
    return found


crowded = st.builds(
    World,
    st.tuples(_full()),
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True).map(tuple),
    st.just(()),
    st.just("strict"),
    st.none(),
    st.none(),
)
"""Worlds in which several packages are asked for, and often cannot all be at their newest."""


def rows_of(asked: SolveRequest, cache: Path) -> list[list[Row]]:
    """Return what a request may be answered with, read from its channels."""
    repodata = Repodata(open_gateway(cache), asked.channels, asked.platform)
    return candidates(asked, repodata, brings_pip=False)


def solutions(asked: SolveRequest, rows: Sequence[Sequence[Row]]) -> Iterator[dict[str, Row]]:
    """Yield every choice of rows that answers a request and holds nothing unneeded, by trying them all."""
    if unmet_virtual(asked) is not None:
        return
    by_name: dict[str, list[Row]] = {}
    for row in itertools.chain.from_iterable(rows):
        by_name.setdefault(row.name, []).append(row)
    yield from _grown({}, tuple(str(spec.match_spec) for spec in asked.specs), by_name, asked)


def _grown(
    chosen: dict[str, Row], waiting: tuple[str, ...], by_name: Mapping[str, Sequence[Row]], asked: SolveRequest
) -> Iterator[dict[str, Row]]:
    """Yield what comes of `chosen` when the specs that are `waiting` are met one after the other."""
    if not waiting:
        if all(_is_content(row, chosen, asked) for row in chosen.values()):
            yield chosen
        return
    spec, rest = MatchSpec(waiting[0]), waiting[1:]
    name = spec.name.normalized
    if name.startswith("__"):
        machine = {package.name: package for package in asked.virtual_packages}
        if meets(machine.get(name), spec):
            yield from _grown(chosen, rest, by_name, asked)
    elif name in chosen:
        if spec.matches(chosen[name].record):
            yield from _grown(chosen, rest, by_name, asked)
    else:
        for row in by_name.get(name, ()):
            if spec.matches(row.record):
                yield from _grown({**chosen, name: row}, (*rest, *row.depends), by_name, asked)


def _is_content(row: Row, chosen: Mapping[str, Row], asked: SolveRequest) -> bool:
    for text in row.constrains:
        spec = MatchSpec(text)
        other = chosen.get(spec.name.normalized)
        if other is not None and not spec.matches(other.record):
            return False
    return True


def newest_in_order(asked: SolveRequest, rows: Sequence[Sequence[Row]]) -> tuple[Version, ...] | None:
    """Return the versions of what is asked for in the answer that has the first of them newest, then the second, and
    so on; None when there is no answer."""
    names = [spec.name for spec in asked.specs]
    return max(
        (tuple(Version(found[name].version) for name in names) for found in solutions(asked, rows)), default=None
    )


def newest_possible(asked: SolveRequest, rows: Sequence[Sequence[Row]], name: str) -> Version | None:
    """Return the newest version that a package has in any answer to a request, None when there is no answer."""
    return max((Version(found[name].version) for found in solutions(asked, rows)), default=None)
