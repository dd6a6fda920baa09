"""Wheels come over the line once: of the processes that need the same ones at the same time, one fetches them first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from envmgr.errors import EnvmgrError
from envmgr.leases import Leases, Owner
from envmgr.lock.model import PipPackage
from envmgr.reporting import Reporter
from envmgr.settings import Settings

_PATIENCE = 120.0  # seconds: to fetch something twice is better than to wait for a stuck process


@contextlib.contextmanager
def turn(packages: Sequence[PipPackage], settings: Settings, reporter: Reporter) -> Iterator[None]:
    """Hold the turn for the body where some of the wheels are not known to be in the cache, which they are afterwards.

    Where no lease can be had (a cache that cannot be written, a holder that stays too long) the body runs without.
    """
    # In the cache of uv, so that who empties it takes the marks along.
    marks = [settings.cache / "uv" / "envmgr-fetched" / package.sha256 for package in packages if package.sha256]
    if all(mark.exists() for mark in marks):
        yield
        return

    def announce(owner: Owner) -> None:
        reporter.notice(f"waiting for {owner}, which fetches what this command may need as well")

    with contextlib.ExitStack() as stack:
        leases = Leases()
        stack.callback(leases.close)
        with contextlib.suppress(EnvmgrError):
            path = settings.cache / "fetching" / "wheels.lease"
            leases.acquire(path, "fetching wheels", on_wait=announce, timeout=_PATIENCE)
        if all(mark.exists() for mark in marks):
            stack.close()
        yield
        _leave(marks)


def _leave(marks: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):
        for mark in marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
