"""Attempts to solve in a process that can be ended, since no engine stops itself whatever it does.

rattler obeys its time limit while it solves. While it words why there is no solution it writes every path through what
clashes, which of 104 records took 17 MB of text and of 130 records more memory than there was.
"""

from __future__ import annotations

from envmgr import apart
from envmgr.errors import SolveExceeded, SolveTimeout
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.trials import Abandoned, Attempt

_GRACE_SECONDS = 0.5  # beyond the time limit, which bounds the solve
_READING_SECONDS = 10.0  # what the first attempt may take for the repodata, which every process reads for itself


class Aside:
    """Attempts in one process, which is forked when this is made; `attempt` opens in it what it needs."""

    def __init__(self, attempt: Attempt, *, memory: int) -> None:
        self._standby = apart.Standby(attempt, memory=memory)
        self._has_read = False

    def attempt(self, request: SolveRequest) -> Packages:
        """Return the packages of a solution of a request, which has a time limit.

        Raises Refused, SolveTimeout, SolveExceeded where it needs more memory than it may have or dies, SolveError
        and ChannelError.
        """
        assert request.time_limit is not None
        seconds = request.time_limit.total_seconds()
        grace, self._has_read = _GRACE_SECONDS if self._has_read else _READING_SECONDS, True
        try:
            found: Packages = self._standby.ask(request, seconds + grace)
        except (Abandoned, apart.Ended) as error:
            self._has_read = False
            self._standby.end()
            if isinstance(error, Abandoned) or error.why == "time":
                raise SolveTimeout(f"no solution was found within {seconds:g} s, nor that there is none") from error
            raise exceeded(error) from error
        return found


def exceeded(ended: apart.Ended) -> SolveExceeded:
    """Return the error for a solve that needed more memory than it may have, or died of something else."""
    what = f"the channels and the solver needed {ended}" if ended.why == "memory" else str(ended)
    return SolveExceeded(
        f"the solve was ended: {what}",
        hint="name versions for the packages that matter, or allow it more: `envmgr config set solve_memory_limit MIB`",
    )
