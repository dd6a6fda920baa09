"""Requests that are solved only to learn whether they have a solution, within a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from envmgr.errors import ChannelError, SolveError, SolveTimeout
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Refused, SolveRequest

_SHARES = 4
_LEAST_SECONDS = 1.0

Packages = tuple[CondaPackage, ...]
Attempt = Callable[[SolveRequest], Packages]
"""Solves a request within its time limit; raises Refused when it has no solution, SolveTimeout and ChannelError."""


class OutOfTime(Exception):
    """The seconds of the trials are over."""


class Abandoned(SolveTimeout):
    """A trial did not end at its time limit: the engine goes on in the background, and nothing stops it."""


class Trials:
    """Tries requests until `seconds` are over; a request that was tried is not tried again.

    No trial gets all of the seconds: one that the engine does not decide in its share is left undecided.
    """

    def __init__(self, attempt: Attempt, seconds: float) -> None:
        self._attempt = attempt
        self._until = time.monotonic() + seconds
        self._known: dict[SolveRequest, Packages | None] = {}
        self._undecided: set[SolveRequest] = set()

    def seconds_left(self) -> float:
        """Return how many seconds there are still to try something; not less than 0."""
        return max(self._until - time.monotonic(), 0.0)

    def solution(self, request: SolveRequest) -> Packages | None:
        """Return a solution of a request, None when none was found.

        Raises OutOfTime; what the engine cannot be asked counts as having no solution.
        """
        if request in self._known:
            return self._known[request]
        left = self.seconds_left()
        if left <= 0:
            raise OutOfTime
        share = min(left, max(left / _SHARES, _LEAST_SECONDS))
        found = None
        try:
            found = self._attempt(replace(request, time_limit=timedelta(seconds=share)))
        except SolveTimeout as error:
            if isinstance(error, Abandoned):
                # It takes a processor and up to 0.5 GiB a second until this process ends, which is to be soon.
                self._until = time.monotonic()
            if self.seconds_left() <= 0:
                raise OutOfTime from error
            self._undecided.add(request)
        except (Refused, SolveError, ChannelError):
            pass
        self._known[request] = found
        return found

    def has_solution(self, request: SolveRequest) -> bool:
        """Whether a solution of a request was found; raises OutOfTime."""
        return self.solution(request) is not None

    def has_none(self, request: SolveRequest) -> bool:
        """Whether a request was found to have no solution; raises OutOfTime."""
        return self.solution(request) is None and request not in self._undecided

    @property
    def is_sure(self) -> bool:
        """Whether the engine decided everything that was tried."""
        return not self._undecided
