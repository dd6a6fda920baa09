"""`solve-case`: a recorded solve run again, anywhere, and held against its answer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from rattler import Gateway

from envmgr.channels.gateway import gateway
from envmgr.errors import EnvmgrError, SolveError
from envmgr.settings import Settings
from envmgr.solve import case
from envmgr.solve.base import Solution
from envmgr.solve.case import Answer
from envmgr.solve.explain import Explaining
from envmgr.solve.select import solver
from envmgr.workflows.bounding import Bounded


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
        settings = settings._replace(cache=Path(scratch))

        def source() -> Gateway:
            return gateway(recorded.request.channels, settings)

        def solve(explaining: Explaining) -> Solution:
            return solver(settings.solver, source(), explaining).solve(recorded.request)

        outcome: Solution | EnvmgrError
        error = None
        explaining = Explaining(seconds=settings.explain_timeout)
        try:
            outcome = Bounded(recorded.request, explaining, settings, source).call(solve)
        except SolveError as refused:
            outcome = error = refused
    name = outcome.solver if isinstance(outcome, Solution) else solver(settings.solver, source()).name
    return Rerun(recorded.answer, recorded.solver, case.answer_of(recorded.request, outcome), name, error)
