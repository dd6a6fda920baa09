"""`solve-case`: a recorded solve run again, anywhere, and held against its answer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from envmgr.channels.gateway import gateway
from envmgr.errors import EnvmgrError, SolveError
from envmgr.settings import Settings
from envmgr.solve import case
from envmgr.solve.base import Solution
from envmgr.solve.case import Answer
from envmgr.solve.explain import Explaining
from envmgr.solve.select import solver


class Rerun(NamedTuple):
    """What was recorded and what came now, each with its engine; `error` is what came in place of a solution."""

    recorded: Answer
    recorded_solver: str
    now: Answer
    solver: str
    error: SolveError | None

    @property
    def is_same(self) -> bool:
        """Whether both are the same packages, or the same kind of error."""
        return self.recorded.packages == self.now.packages and self.recorded.error == self.now.error


def solve_again(directory: Path, settings: Settings) -> Rerun:
    """Return how the solve recorded in a directory ends now, with the engine that the settings choose.

    No channel but those in the directory is read. Raises SolveError for what is no recorded solve.
    """
    recorded = case.read(directory)
    with tempfile.TemporaryDirectory(prefix="envmgr-solve-case-") as scratch:
        source = gateway(recorded.request.channels, settings._replace(cache=Path(scratch)))
        engine = solver(settings.solver, source, Explaining(seconds=settings.explain_timeout))
        outcome: Solution | EnvmgrError
        error = None
        try:
            outcome = engine.solve(recorded.request)
        except SolveError as refused:
            outcome = error = refused
    name = outcome.solver if isinstance(outcome, Solution) else engine.name
    return Rerun(recorded.answer, recorded.solver, case.answer_of(recorded.request, outcome), name, error)
