"""Strict channel priority goes by names, whatever version is asked for (as in conda)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rattler import Gateway

from envmgr.channels.model import Channel
from envmgr.errors import Unsatisfiable
from envmgr.solve.base import Solver
from solve.indexes import named, open_gateway, request, write_index

Engine = Callable[[Gateway], Solver]


@pytest.fixture
def channels(tmp_path: Path) -> list[Channel]:
    first = write_index(tmp_path / "first", {"a-1-0": None, "needs-a-1-0": {"depends": ["a"]}})
    return [first, write_index(tmp_path / "later", {"a-2-0": None, "b-1-0": None})]


@pytest.mark.parametrize("specs", [["a 2.*"], ["a >=2", "b"], ["needs-a", "a 2.*"]])
def test_a_later_channel_gives_no_version_of_what_an_earlier_one_has(
    specs: list[str], channels: list[Channel], engine: Engine, tmp_path: Path
) -> None:
    solver = engine(open_gateway(tmp_path / "cache"))
    with pytest.raises(Unsatisfiable) as caught:
        solver.solve(request(specs, channels))
    assert "strict channel priority hides" in caught.value.message
    assert caught.value.details["conflicts"][-1]["where"] == "--channel-priority"
    edits = caught.value.details["edits"]
    assert ["--channel-priority", "flexible"] in [edit["flags"] for edit in edits]
    spec = next(spec for spec in specs if spec.startswith("a "))
    assert {"remove": [spec], "add": [f"later::{spec}"], "flags": []} in edits
    assert solver.solve(request(specs, channels, channel_priority="flexible"))


def test_what_names_its_channel_or_is_in_one_alone_comes_from_there(
    channels: list[Channel], engine: Engine, tmp_path: Path
) -> None:
    solver = engine(open_gateway(tmp_path / "cache"))
    assert named(solver.solve(request(["later::a", "a >=2", "b 1.*"], channels)).packages) == [
        "later/a-2-0", "later/b-1-0",
    ]  # fmt: skip
