"""Old dates: a channel as it was at a moment of its own, and solves that give the same answer every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from rattler import Gateway

from envmgr.channels.model import Channel, Dated
from envmgr.errors import Unsatisfiable
from envmgr.solve.base import Solver
from envmgr.spec.cutoff import cutoff
from envmgr.spec.model import Origin
from solve.indexes import open_gateway, request, write_index

Engine = Callable[[Gateway], Solver]

OLD, NEW = 1_600_000_000_000, 1_700_000_000_000
BETWEEN = datetime(2022, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def dated(tmp_path: Path) -> Channel:
    """A channel as it was at the beginning of 2022; it has x 1 and y 1, and later x 2 and only then z."""
    channel = write_index(
        tmp_path / "lab",
        {
            "x-1-0": {"timestamp": OLD, "depends": ["y"]},
            "x-2-0": {"timestamp": NEW, "depends": ["y"]},
            "x-3-0": {"timestamp": None, "depends": ["y"]},
            "y-1-0": {"timestamp": OLD},
            "y-2-0": {"timestamp": OLD, "indexed_timestamp": NEW},
            "z-1-0": {"timestamp": NEW},
        },
    )
    written = Dated(text="2021-12-31", origin=Origin(source="channels.yaml", line=4))
    return replace(channel, exclude_newer=BETWEEN, dated=written)


def solved(engine: Engine, tmp_path: Path, *specs: str, channels: list[Channel], cache: str = "cache") -> list[str]:
    solution = engine(open_gateway(tmp_path / cache)).solve(request(specs, channels))
    return [f"{package.channel.rpartition('/')[2]}/{package.name} {package.version}" for package in solution.packages]


def test_what_came_later_or_has_no_time_does_not_count(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    assert solved(engine, tmp_path, "x", channels=[dated]) == ["lab/x 1", "lab/y 1"]
    whole = replace(dated, exclude_newer=None)
    assert solved(engine, tmp_path, "x", channels=[whole]) == ["lab/x 3", "lab/y 2"]


def test_a_date_however_late_is_one(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    asked = replace(request(["x"], [replace(dated, exclude_newer=None)]), exclude_newer=cutoff("9999-12-31"))
    found = engine(open_gateway(tmp_path / "cache")).solve(asked)
    assert {package.name: package.version for package in found.packages} == {"x": "2", "y": "2"}


def test_a_date_binds_its_channel_alone(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    other = write_index(tmp_path / "other", {"z-9-0": {"timestamp": NEW}, "x-9-0": {"timestamp": NEW}})
    # Under strict priority x is lab's, and z is not: lab had none yet.
    expected = ["lab/x 1", "lab/y 1", "other/z 9"]
    assert solved(engine, tmp_path, "x", "z", channels=[dated, other]) == expected


def test_a_locked_package_that_came_later_does_not_stay(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    solver = engine(open_gateway(tmp_path / "cache"))
    locked = solver.solve(request(["x"], [replace(dated, exclude_newer=None)])).packages
    again = solver.solve(request(["x"], [dated], locked=locked)).packages
    assert [package.version for package in again] == ["1", "1"]


def test_a_conflict_names_the_date_of_the_channel(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    with pytest.raises(Unsatisfiable, match="every build of z came after the date of its channel"):
        solved(engine, tmp_path, "z", channels=[dated])
    with pytest.raises(Unsatisfiable) as caught:
        solved(engine, tmp_path, "x >=2", channels=[dated])
    assert "2022-01-01T00:00:00Z, `exclude-newer` of lab (channels.yaml:4)" in caught.value.message
    assert [entry["where"] for entry in caught.value.details["conflicts"]] == ["environment.yml:1", "channels.yaml:4"]


def test_a_later_date_of_a_channel_is_an_edit_of_its_line(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    whole = write_index(tmp_path / "whole", {"w-1-0": {"depends": ["y >=2"]}})
    with pytest.raises(Unsatisfiable) as caught:
        solved(engine, tmp_path, "w", channels=[dated, whole])
    line = {"where": "channels.yaml:4", "remove": "exclude-newer: 2021-12-31", "add": "exclude-newer: 2023-11-14"}
    assert caught.value.details["edits"][0] == {"remove": [], "add": [], "flags": [], "changes": [line]}
    edit = "channels.yaml:4: `exclude-newer: 2023-11-14` instead of `exclude-newer: 2021-12-31`"
    assert edit in (caught.value.hint or "").splitlines()[1]
    then = replace(dated, exclude_newer=cutoff("2023-11-14"))
    assert solved(engine, tmp_path, "w", channels=[then, whole]) == ["whole/w 1", "lab/y 2"]


def test_only_the_date_that_is_in_the_way_is_named_and_moved(engine: Engine, dated: Channel, tmp_path: Path) -> None:
    other = replace(write_index(tmp_path / "other", {"o-1-0": None}), exclude_newer=BETWEEN)
    moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
    asked = request(["o", "x 2"], [other, dated], exclude_newer=moment)
    with pytest.raises(Unsatisfiable) as caught:
        engine(open_gateway(tmp_path / "cache")).solve(asked)
    assert [entry["where"] for entry in caught.value.details["conflicts"]] == ["environment.yml:2", "channels.yaml:4"]
    asked = replace(asked, exclude_newer=BETWEEN)  # now both are
    with pytest.raises(Unsatisfiable) as caught:
        engine(open_gateway(tmp_path / "cache")).solve(asked)
    edit = next(edit for edit in caught.value.details["edits"] if edit["flags"])
    assert (edit["flags"], len(edit["changes"])) == (["--exclude-newer", "2023-11-14"], 2)


def test_the_same_question_has_the_same_answer(engine: Engine, tmp_path: Path) -> None:
    records = {
        f"{name}-{version}-{build}": {"depends": ["b", "c"] if name == "a" else []}
        for name in "abc"
        for version in (1, 2)
        for build in ("h1_0", "h2_0")  # nothing tells these apart but their names
    }
    channel = write_index(tmp_path / "lab", records)
    answers = {
        tuple(engine(open_gateway(tmp_path / f"cache-{turn}")).solve(request(["a"], [channel])).packages)
        for turn in range(4)
    }
    assert len(answers) == 1
