"""A survey that a process of its own makes while the command reads, asks channels and solves: both take as long.

It counts for the very generation that it looked at, and whatever is written after it began is found as what was
written late is (`bringing.late`). Where anything is in the way, there is none, and the command looks itself. Light.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from envmgr.errors import StoreError
from envmgr.store import generations
from envmgr.store.carrying import Source
from envmgr.store.layout import Location

_CHUNK = 1 << 20
_FRESH = 10.0  # seconds
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Ahead:
    """The survey of `prefix`, on its way; a context manager whose end is that of the process.

    `number` is that of the generation that is looked at, `since` when that began (ns, by the clock of the file system),
    `pid` that of the process (0: it has ended).
    """

    def __init__(self, prefix: Path, number: int, since: int) -> None:
        """Start the process, in which nothing but this happens; raises OSError."""
        self.prefix, self.number, self.since = prefix, number, since
        self._started = time.monotonic()
        reading, writing = os.pipe()
        # Whoever is interrupted between the two processes would otherwise end the command twice.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _survey(prefix, writing)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(writing)
        self._reading = reading

    @classmethod
    def of(cls, location: Location) -> Ahead | None:
        """Begin to look through the environment at `location`; None where that cannot be done ahead."""
        if not _can_fork():
            return None
        try:
            present = generations.current(location.prefix)
            return None if present is None else cls(location.prefix, present.number, _now(location))
        except (OSError, StoreError):
            return None

    def source(self) -> Source | None:
        """Return what the environment held, waiting for it; None where the process did not get through. Once only.

        None also where that was a while ago: a user thought about the plan, and what was done meanwhile is not late.
        """
        if time.monotonic() - self._started > _FRESH:
            return None
        import pickle  # start-up time

        chunks = []
        with contextlib.suppress(OSError):
            while chunk := os.read(self._reading, _CHUNK):
                chunks.append(chunk)
        pid, self.pid = self.pid, 0
        if pid == 0 or os.waitpid(pid, 0)[1] != 0:
            return None
        found = pickle.loads(b"".join(chunks))  # noqa: S301 our own process wrote it
        return found if isinstance(found, Source) else None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)
        if self.pid:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)


def _survey(prefix: Path, writing: int) -> NoReturn:
    """Write the survey to the descriptor and end, whatever happens: nothing of the command's own end happens here."""
    code = 1
    try:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        import pickle  # start-up time

        from envmgr.store import metadata, survey

        lock = metadata.read_lock(prefix)
        with open(writing, "wb") as pipe:
            pickle.dump(Source(survey.read(prefix, lock), lock), pipe, protocol=5)
        code = 0
    finally:
        os._exit(code)


def _can_fork() -> bool:
    """Whether this process has one thread, which alone goes on in a child."""
    try:
        return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1 and len(os.sched_getaffinity(0)) > 1
    except OSError:
        return False


def _now(location: Location) -> int:
    """Return the time by the clock of the environment's file system, from a file that has no name; raises OSError."""
    descriptor = os.open(location.prefix.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
