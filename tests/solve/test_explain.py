from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envmgr.channels.model import Channel
from envmgr.errors import PackagesNotFound, Unsatisfiable
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Refused, Solver, SolveRequest
from envmgr.solve.explain import Explaining, explain
from envmgr.solve.repodata import Repodata
from solve.indexes import open_gateway, request, write_index


def test_the_smallest_clash_is_found_among_many_specs(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    records = {f"p{n}-{version}-0": None for n in range(40) for version in (1, 2)}
    channel = write_index(tmp_path / "a", records | {"q-1-0": {"depends": ["p7 1"]}})
    with pytest.raises(Unsatisfiable) as caught:
        make_solver().solve(request([*(f"p{n} 2" for n in range(40)), "q"], [channel]))
    found = [(entry["where"], entry["spec"], entry["reason"]) for entry in caught.value.details["conflicts"]]
    assert found == [
        ("environment.yml:8", "p7 2", "cannot be met together with `q` (environment.yml:41)"),
        ("environment.yml:41", "q", "cannot be met together with `p7 2` (environment.yml:8)"),
    ]
    assert caught.value.details["edits"][0] == {"remove": ["p7 2"], "add": ["p7==1"], "flags": []}


def test_an_explanation_ends_in_its_time_and_says_that_it_is_not_the_smallest(tmp_path: Path) -> None:
    asked = request([f"p{n}" for n in range(16)], [write_index(tmp_path / "a", {f"p{n}-1-0": None for n in range(16)})])
    repodata = Repodata(open_gateway(tmp_path / "cache"), asked.channels, asked.platform)

    def slow(request: SolveRequest) -> tuple[CondaPackage, ...]:
        assert request.time_limit is not None
        time.sleep(min(0.1, request.time_limit.total_seconds()))
        if len(request.specs) > 14:
            raise Refused("no")
        return ()

    before = time.monotonic()
    error = explain(asked, "the words of the engine", slow, repodata, Explaining(seconds=0.3))
    assert time.monotonic() - before < 3
    assert isinstance(error, Unsatisfiable)
    assert "among these, some" in error.message
    assert "the words of the engine" in error.message


def test_nearest_names_are_data_as_well(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"scikit-learn-1-0": None, "scikit-image-1-0": None})
    with pytest.raises(PackagesNotFound) as caught:
        make_solver().solve(request(["scikit_learn"], [channel]))
    entry = caught.value.details["conflicts"][0]
    assert entry["where"] == "environment.yml:1"
    assert entry["nearest"][0] == "scikit-learn"


def test_no_secret_of_a_channel_is_in_an_explanation(make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    url = write_index(tmp_path / "a", {"x-1-0": None}).url
    channel = Channel(name="https://user:hunter2@example.org/t/tk-hunter2/c", url=url)
    for spec in ("nope", "x >2", "other::x"):
        with pytest.raises(Exception, match="environment") as caught:
            make_solver().solve(request([spec], [channel]))
        shown = f"{caught.value} {vars(caught.value)}"
        assert "hunter2" not in shown
