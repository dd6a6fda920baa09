"""A solve in a process of its own, ended where it takes more memory than a solve may have, and asked in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from rattler import Gateway

from envmgr import apart
from envmgr.errors import SolveError
from envmgr.lock.model import CondaPackage
from envmgr.settings import Settings
from envmgr.solve.aside import Aside, exceeded
from envmgr.solve.base import SolveRequest
from envmgr.solve.explain import Explaining
from envmgr.solve.hopeless import is_hopeless
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.repodata import Repodata
from envmgr.solve.trials import Abandoned

T = TypeVar("T")

_PATIENCE_SECONDS = 8.0  # until it is asked whether there is a solution at all; known solves take less


class Bounded:
    """What is decided about one request, with the repodata that `source` opens in whatever process it is called."""

    def __init__(
        self, request: SolveRequest, explaining: Explaining, settings: Settings, source: Callable[[], Gateway]
    ) -> None:
        self._request, self._explaining, self._source = request, explaining, source
        self._memory = settings.solve_memory_limit << 20  # bytes

    def call(self, decide: Callable[[Explaining], T]) -> T:
        """Return what `decide` finds, which gets how to explain what has no solution.

        It works in a process of its own, which is ended where it needs more memory than it may have, or takes long
        although the request is known to have no solution. Then it is called once more, with every attempt in a process
        for itself, to say what can be said without an engine's words. Raises what `decide` raises, and SolveExceeded.
        Where this process cannot be forked, nothing is bounded but the time.
        """
        if not apart.is_possible():
            return decide(self._explaining)

        def again() -> T:
            return apart.call(lambda: decide(self._aside(has_exceeded=True)), memory=self._memory)

        try:
            try:
                return apart.call(
                    lambda: decide(self._aside(has_exceeded=False)),
                    memory=self._memory,
                    patience=_PATIENCE_SECONDS,
                    is_lost=lambda: apart.call(self._is_hopeless, memory=self._memory),
                )
            except Abandoned:
                return again()
            except apart.Ended as ended:
                if ended.why == "crash":
                    raise
                return again()
        except apart.Ended as ended:
            if ended.why == "crash":
                raise SolveError(f"the solver crashed: {ended}") from ended
            raise exceeded(ended) from ended

    def _aside(self, *, has_exceeded: bool) -> Explaining:
        tried = Aside(self._attempt, memory=self._memory)
        return replace(self._explaining, aside=tried.attempt, has_exceeded=has_exceeded)

    def _attempt(self, trial: SolveRequest) -> tuple[CondaPackage, ...]:
        is_here = {channel.url for channel in trial.channels} <= {channel.url for channel in self._request.channels}
        return (self._trying if is_here else self._explaining.elsewhere).attempt(trial)

    def _is_hopeless(self) -> bool:
        return is_hopeless(self._request, Repodata(self._source(), self._request.channels, self._request.platform))

    @cached_property
    def _trying(self) -> RattlerSolver:
        return RattlerSolver(self._source())
