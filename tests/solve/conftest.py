"""Every solver test runs on each engine that can be imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rattler import Gateway

from envmgr.solve.base import Solver
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.select import is_libmamba_present
from solve.indexes import open_gateway

MakeSolver = Callable[[], Solver]


@pytest.fixture(params=["rattler", "libmamba"])
def engine(request: pytest.FixtureRequest) -> Callable[[Gateway], Solver]:
    """Return what makes a solver of this engine; skips where the engine is absent."""
    if request.param == "rattler":
        return RattlerSolver
    return _libmamba()


@pytest.fixture
def both_engines() -> tuple[Callable[[Gateway], Solver], ...]:
    """Return what makes a solver of each engine; skips where one is absent."""
    return RattlerSolver, _libmamba()


def _libmamba() -> Callable[[Gateway], Solver]:
    if not is_libmamba_present():
        pytest.skip("libmambapy is not installed (it is on conda-forge only)")
    from envmgr.solve.libmamba import LibmambaSolver  # not importable without libmambapy

    return LibmambaSolver


@pytest.fixture
def make_solver(engine: Callable[[Gateway], Solver], tmp_path: Path) -> MakeSolver:
    """Return a function that gives a solver with an empty repodata cache in memory."""
    return lambda: engine(open_gateway(tmp_path / "repodata"))
