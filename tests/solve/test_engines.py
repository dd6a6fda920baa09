"""What every engine promises beyond its answers: time, order, cleanliness."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rattler import Gateway

from builders.channels import LocalChannel
from builders.packages import Package
from envmgr.channels.gateway import gateway
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, SolveTimeout, Unsatisfiable, UsageError
from envmgr.settings import Settings
from envmgr.solve.base import Solver
from solve.indexes import dependency, named, request, write_index


def _pigeons(directory: Path, holes: int) -> Channel:
    """A channel whose `all` needs one bird more than there are holes: no solution, and no short proof of it."""
    birds = {
        f"bird{bird}-{hole}-0": {"constrains": [f"bird{other} !={hole}" for other in range(holes + 1) if other != bird]}
        for bird in range(holes + 1)
        for hole in range(1, holes + 1)
    }
    return write_index(directory, birds | {"all-1-0": {"depends": [f"bird{bird}" for bird in range(holes + 1)]}})


def test_a_solve_that_takes_too_long_ends(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    asked = request(["all"], [_pigeons(tmp_path / "a", 13)], time_limit=timedelta(seconds=0.5))
    before = time.monotonic()
    with pytest.raises(SolveTimeout, match=r"0\.5 s"):
        make_solver().solve(asked)
    assert time.monotonic() - before < 30


def test_a_time_limit_that_suffices_changes_nothing(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"x-1-0": {"depends": ["y"]}, "y-1-0": None})
    limited = make_solver().solve(request(["x"], [channel], time_limit=timedelta(seconds=60)))
    assert limited == make_solver().solve(request(["x"], [channel]))


@pytest.mark.parametrize("limit", [timedelta(0), timedelta(seconds=-1)])
def test_a_time_limit_that_is_none_is_refused(
    limit: timedelta, make_solver: Callable[[], Solver], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="time limit"):
        make_solver().solve(request([], [write_index(tmp_path / "a", {})], time_limit=limit))


def test_the_order_of_specs_and_a_second_solve_on_one_solver_change_nothing(
    make_solver: Callable[[], Solver], tmp_path: Path
) -> None:
    records = {
        f"p{n}-{version}-0": {"depends": [f"p{n + 1}", f"p{(n * 7) % 30 + 31}"] if n < 30 else []}
        for n in range(62)
        for version in (1, 2)
    }
    channel = write_index(tmp_path / "a", records)
    specs = [f"p{n}" for n in range(20)]
    solver = make_solver()
    first = solver.solve(request(specs, [channel])).packages
    assert solver.solve(request(specs, [channel])).packages == first
    assert make_solver().solve(request(specs[::-1], [channel])).packages == first


def test_a_pin_of_one_solve_is_forgotten_by_the_next(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"x-1-0": None, "x-2-0": None})
    solver = make_solver()
    old = solver.solve(request(["x 1"], [channel])).packages
    assert named(solver.solve(request(["x"], [channel], pinned=old)).packages) == ["a/x-1-0"]
    assert named(solver.solve(request(["x"], [channel])).packages) == ["a/x-2-0"]


def test_a_channel_in_a_spec_is_found_by_the_name_that_the_workflow_gives_it(
    make_solver: Callable[[], Solver], tmp_path: Path
) -> None:
    one = write_index(tmp_path / "one", {"x-1-0": None})
    two = write_index(tmp_path / "two", {"x-2-0": None})
    asked = request(["my-mirror::x"], [two, one], channel_urls=(("my-mirror", one.url),))
    assert named(make_solver().solve(asked).packages) == ["one/x-1-0"]


def test_a_pin_and_a_spec_of_two_channels_cannot_both_hold(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    one = write_index(tmp_path / "one", {"x-1-0": None})
    two = write_index(tmp_path / "two", {"x-2-0": None})
    pinned = make_solver().solve(request(["x"], [one])).packages
    with pytest.raises(Unsatisfiable, match="pinned to x-1-0"):
        make_solver().solve(request(["two::x"], [one, two], pinned=pinned))


@pytest.mark.parametrize(
    "content", ["", '{"packages": ', "<html>proxy</html>", "[1, 2]", '{"packages": {"x-1-0.conda": 7}}']
)
def test_an_index_that_cannot_be_read_is_an_error_that_names_it(
    content: str, make_solver: Callable[[], Solver], tmp_path: Path
) -> None:
    channel = write_index(tmp_path / "a", {"x-1-0": None})
    (tmp_path / "a" / "noarch" / "repodata.json").write_text(content)
    with pytest.raises((ChannelError, Unsatisfiable)):
        make_solver().solve(request(["x"], [channel]))


def test_a_directory_that_is_no_channel_is_named(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="nowhere"):
        make_solver().solve(request(["x"], [Channel(name="nowhere", url=(tmp_path / "nowhere").as_uri())]))


def test_the_answer_says_which_engine_gave_it(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    solver = make_solver()
    answer = solver.solve(request(["x"], [write_index(tmp_path / "a", {"x-1-0": None})]))
    name, _, version = answer.solver.partition(" ")
    assert name == solver.name
    assert version[0].isdigit()


def test_a_spec_from_the_command_line_is_named_as_such(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    asked = request([], [write_index(tmp_path / "a", {"x-1-0": None})])
    with pytest.raises(Unsatisfiable) as caught:
        make_solver().solve(replace(asked, specs=(dependency("x >7"),)))
    assert caught.value.details["conflicts"][0]["where"] == "command line"


def test_the_gateway_that_envmgr_opens_serves_both_engines(
    engine: Callable[[Gateway], Solver], settings: Settings, make_channel: Callable[..., LocalChannel]
) -> None:
    local = make_channel("real").add(Package(name="x", depends=["y >=1"]), Package(name="y", version="1.5"))
    channel = Channel(name="real", url=local.url)
    packages = engine(gateway([channel], settings)).solve(request(["x"], [channel])).packages
    assert [package._replace(requested=(), other="") for package in packages] == [
        local.package("x"),
        local.package("y"),
    ]
