"""Holding an environment: one process at a time changes it, and the others say whom they wait for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from envmgr.errors import ReadOnlyStore
from envmgr.leases import SILENCE, Owner, lease
from envmgr.reporting import Reporter
from envmgr.store import faults
from envmgr.store.layout import Location


@contextlib.contextmanager
def held(location: Location, *, doing: str, reporter: Reporter, timeout: float | None = None) -> Iterator[None]:
    """Hold the environment's lease for the body and tell the reporter once whom one waits for; `doing` is a gerund.

    The directories made for this environment alone vanish again where they stay empty. Raises ReadOnlyStore,
    NoSpace or StoreError where the lease cannot be made, EnvironmentBusy after `timeout` seconds (None: never).
    """

    def announce(owner: Owner) -> None:
        reporter.notice(f"waiting for {owner}, which holds {location.label}{elsewhere(owner)}")

    with contextlib.ExitStack() as stack:
        stack.callback(_remove_hidden, location)
        try:
            purpose = f"{doing} {location.label}"
            stack.enter_context(lease(location.lease, purpose=purpose, on_wait=announce, timeout=timeout))
        except ReadOnlyStore as error:
            error.hint = error.hint or faults.place_hint(location)
            raise
        stack.callback(_remove_empty, location)
        yield


def elsewhere(owner: Owner) -> str:
    """Return how one decides about a holder that cannot be looked up from here; empty for one of this machine."""
    if owner.is_dead() is not None:
        return ""
    return f" (it counts as dead after {SILENCE:.0f} s without a sign of life)"


def _remove_empty(location: Location) -> None:
    directories = [location.generations]
    if location.hidden is not None:
        directories.append(location.staging)
    for directory in directories:
        with contextlib.suppress(OSError):
            directory.rmdir()


def _remove_hidden(location: Location) -> None:
    """Remove the directory that also held the lease; others who wait for it put something there."""
    if location.hidden is not None:
        with contextlib.suppress(OSError):
            location.hidden.rmdir()
