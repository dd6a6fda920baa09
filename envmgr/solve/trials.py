"""Requests that are solved only to learn whether they have a solution, within a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from envmgr.errors import ChannelError, SolveError, SolveExceeded, SolveTimeout
from envmgr.solve.base import Packages, Refused, SolveRequest
from envmgr.solve.known import Known

_SHARES = 3
_LEAST_SECONDS = 1.0

Attempt = Callable[[SolveRequest], Packages]
"""Solves a request within its time limit; raises Refused when it has no solution, SolveTimeout and ChannelError."""


class OutOfTime(Exception):
    """The seconds of the trials are over."""


class Abandoned(SolveTimeout):
    """A trial did not end at its time limit: the engine goes on in the background, and nothing stops it."""


class Trials:
    """Tries requests until `seconds` are over; none twice, and none to learn what follows from those before.

    No trial gets all of the seconds: one that the engine does not decide in its share is left undecided.
    """

    def __init__(self, attempt: Attempt, seconds: float) -> None:
        self._attempt = attempt
        self._until = time.monotonic() + seconds
        self._tried: dict[SolveRequest, Packages | None] = {}
        self._known = Known()
        self._words: dict[SolveRequest, str] = {}
        self._undecided: set[SolveRequest] = set()

    def seconds_left(self) -> float:
        """Return how many seconds there are still to try something; not less than 0."""
        return max(self._until - time.monotonic(), 0.0)

    def refuses(self, request: SolveRequest, words: str) -> None:
        """Take note of a request that has no solution, and of what the engine says of it."""
        self._known.refuses(request)
        self._words[request] = words

    def words(self, request: SolveRequest) -> str:
        """Return what the engine said of a request that has no solution; nothing where it was not asked."""
        return self._words.get(request, "")

    def solution(self, request: SolveRequest) -> Packages | None:
        """Return the engine's solution of a request, None when none was found.

        Raises OutOfTime; what the engine cannot be asked counts as having no solution.
        """
        if request not in self._tried:
            self._tried[request] = self._try(request)
        return self._tried[request]

    def some_solution(self, request: SolveRequest) -> Packages | None:
        """Return a solution of a request, one that was found for another request if there is such a one.

        Raises OutOfTime, where it does not follow from earlier trials whether there is any.
        """
        if request not in self._tried:
            found = self._known.solution(request)
            if found is not None or self._known.has_none(request):
                return found
        return self.solution(request)

    def _try(self, request: SolveRequest) -> Packages | None:
        left = self.seconds_left()
        if left <= 0:
            raise OutOfTime
        share = min(left, max(left / _SHARES, _LEAST_SECONDS))
        try:
            found = self._attempt(replace(request, time_limit=timedelta(seconds=share)))
        except Refused as refused:
            self.refuses(request, str(refused))
            return None
        except (SolveTimeout, SolveExceeded) as error:
            if isinstance(error, Abandoned):
                # It takes a processor and up to 0.5 GiB a second until this process ends, which is to be soon.
                self._until = time.monotonic()
            if self.seconds_left() <= 0:
                raise OutOfTime from error
            self._undecided.add(request)
            return None
        except (SolveError, ChannelError):
            return None
        self._known.solves(request, found)
        return found

    def has_solution(self, request: SolveRequest) -> bool:
        """Whether a request has a solution, as far as was found; raises OutOfTime."""
        return self.some_solution(request) is not None

    def has_none(self, request: SolveRequest) -> bool:
        """Whether a request was found to have no solution; raises OutOfTime."""
        return self.some_solution(request) is None and request not in self._undecided

    @property
    def is_sure(self) -> bool:
        """Whether the engine decided everything that was tried."""
        return not self._undecided
