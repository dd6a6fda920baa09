"""Requests that are solved only to learn whether they have a solution, within a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from envmgr.errors import ChannelError, SolveError, SolveTimeout
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Refused, SolveRequest

Packages = tuple[CondaPackage, ...]
Attempt = Callable[[SolveRequest], Packages]
"""Solves a request within its time limit; raises Refused when it has no solution, SolveTimeout and ChannelError."""


class OutOfTime(Exception):
    """The seconds of the trials are over."""


class Trials:
    """Tries requests until `seconds` are over; a request that was tried is not tried again."""

    def __init__(self, attempt: Attempt, seconds: float) -> None:
        self._attempt = attempt
        self._until = time.monotonic() + seconds
        self._known: dict[SolveRequest, Packages | None] = {}

    def seconds_left(self) -> float:
        """Return how many seconds there are still to try something; not less than 0."""
        return max(self._until - time.monotonic(), 0.0)

    def solution(self, request: SolveRequest) -> Packages | None:
        """Return a solution of a request, None when there is none.

        Raises OutOfTime; what the engine cannot be asked counts as having no solution.
        """
        if request in self._known:
            return self._known[request]
        left = self.seconds_left()
        if left <= 0:
            raise OutOfTime
        try:
            found = self._attempt(replace(request, time_limit=timedelta(seconds=left)))
        except SolveTimeout as error:
            raise OutOfTime from error
        except (Refused, SolveError, ChannelError):
            found = None
        self._known[request] = found
        return found

    def has_solution(self, request: SolveRequest) -> bool:
        """Whether a request has a solution; raises OutOfTime."""
        return self.solution(request) is not None
