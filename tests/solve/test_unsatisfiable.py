"""A sample of what bench/conflicts.py counts: requests without a solution from real repodata get edits that solve."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from rattler import Gateway

from envmgr.errors import SolveError
from envmgr.solve.base import Solver
from solve.checker import faults
from solve.indexes import open_gateway
from solve.test_repairs import edited
from solve.unsatisfiable import lay, requests

CASES = 4


@pytest.mark.parametrize("universe", ["main-and-r-2019", "free-2016"])
def test_edits_of_real_conflicts_solve(
    universe: str, engine: Callable[[Gateway], Solver], shared_data: Path, tmp_path: Path
) -> None:
    laid = lay(shared_data, universe, tmp_path)
    gateway = open_gateway(tmp_path / "cache")
    mended = 0
    for asked in itertools.islice(requests(laid, gateway, 7), CASES):
        with pytest.raises(SolveError) as caught:
            engine(gateway).solve(asked)
        edits = caught.value.details["edits"]
        mended += bool(edits)
        for edit in edits:
            changed = edited(asked, edit)
            assert faults(changed, engine(gateway).solve(changed).packages) == []
    assert mended >= CASES - 1
