"""Which engine solves."""

from __future__ import annotations

import importlib.util

from rattler import Gateway

from envmgr.errors import SolverUnavailable, UsageError
from envmgr.settings import SOLVERS
from envmgr.solve.base import Solver
from envmgr.solve.explain import Explaining
from envmgr.solve.rattler import RattlerSolver


def solver(name: str, gateway: Gateway, explaining: Explaining | None = None) -> Solver:
    """Return the engine of that name, reading repodata through `gateway`; `auto` is libmamba where it can be
    imported, and rattler otherwise. `explaining` says what is done for a request that has no solution.

    Raises SolverUnavailable when the engine cannot be imported and UsageError for a name that is none.
    """
    if name not in SOLVERS:
        raise UsageError(f"`{name}` is not a solver; there are {', '.join(SOLVERS)}")
    if name == "rattler" or (name == "auto" and not is_libmamba_present()):
        return RattlerSolver(gateway, explaining)
    try:
        from envmgr.solve.libmamba import LibmambaSolver  # libmambapy is on conda-forge only
    except ImportError as error:
        if name == "auto":  # present but broken: another libmamba's libraries, an old major version
            return RattlerSolver(gateway, explaining)
        raise SolverUnavailable(
            f"the solver libmamba cannot be used: {error}",
            hint="install libmambapy >=2 from conda-forge beside envmgr, or pass `--solver rattler`",
        ) from error
    return LibmambaSolver(gateway, explaining)


def is_libmamba_present() -> bool:
    """Whether libmambapy is installed beside envmgr (not whether its libraries load)."""
    return importlib.util.find_spec("libmambapy") is not None
