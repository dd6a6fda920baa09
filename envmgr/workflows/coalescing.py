"""Identical creates at the same time: the first one works, and the others look again once it is through.

A head start and no more: what one may rely on is the lease of the environment. Without it, sixteen processes that are
asked for one thing read, check and plan it sixteen times before fifteen of them find it done. Light: every create
with something to do asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator

from envmgr.processes import Owner
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.layout import Location

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LONGEST = 60.0  # seconds; whoever takes longer is waited for at the lease, by those who are ready then
_PAUSE = 0.02
_LONGEST_OWNER = 4096  # bytes


@contextlib.contextmanager
def coalesced(location: Location, inputs_digest: str, settings: Settings, reporter: Reporter) -> Iterator[None]:
    """Let the processes of this user on this machine that make the same thing at `location` through one by one.

    Whoever waits tells the reporter for whom. Never for longer than a minute, and never with an error.
    """
    key = hashlib.sha256(os.fsencode(location.prefix) + inputs_digest.encode()).hexdigest()
    path = os.path.join(settings.environ.get("TMPDIR") or "/tmp", f"envmgr-create-{key[:32]}")  # noqa: S108 see _open
    descriptor = _open(path)
    if descriptor is None:
        yield
        return
    try:
        if _has_turn(descriptor, location, reporter):
            os.pwrite(descriptor, str(Owner.current(f"creating {location.label}")).encode("utf-8", "replace"), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)  # those who wait hold it open; whoever comes later finds the work done
        os.close(descriptor)


def _has_turn(descriptor: int, location: Location, reporter: Reporter) -> bool:
    """Wait until no other process holds the file; whether that came to pass in time."""
    deadline = time.monotonic() + _LONGEST
    is_told = False
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        owner = os.pread(descriptor, _LONGEST_OWNER, 0).decode("utf-8", "replace")
        if owner and not is_told:
            is_told = True
            reporter.notice(f"waiting for {owner}, which holds {location.label}")
        time.sleep(_PAUSE)
    return False


def _open(path: str) -> int | None:
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    if os.fstat(descriptor).st_uid != os.getuid():
        os.close(descriptor)  # a stranger's, who could hold it for ever
        return None
    return descriptor
