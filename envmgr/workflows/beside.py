"""The lock beside an environment file, as it was found and held against what is asked for now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.errors import LockError, LockOutdated, PlatformNotLocked
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.workflows import lock_file
from envmgr.workflows.request import CreateRequest

if TYPE_CHECKING:  # start-up time: what solves
    from envmgr.workflows.locking import Locker


class Beside(NamedTuple):
    """A lock file at `path` (which may not exist yet) with the `locks` of its platforms, as written.

    `lock` is the one for the platform that is asked for, as it is on this machine (None: the file has none), and
    `outdated` says why that one no longer fits, one sentence a reason; empty: it fits, or there is none.
    """

    path: Path
    locks: Mapping[str, Lock]
    lock: Lock | None
    outdated: tuple[str, ...]

    @property
    def fitting(self) -> Lock | None:
        """The lock to follow, None where one has to be solved for."""
        return None if self.outdated else self.lock

    def asks_for(self, own: Lock) -> bool:
        """Whether an environment with the lock `own` is what the file asks for; one that locks nothing yet takes it."""
        return self.lock is None or (not self.outdated and conda_lock.digest(self.lock) == conda_lock.digest(own))

    def bytes_with(self, lock: Lock) -> bytes | None:
        """Return what the file will hold once `lock` is put into it; None where nothing can be written."""
        return (
            lock_file.dumps({**self.locks, lock.platform: lock}, self.path)
            if lock_file.is_writable(self.path)
            else None
        )

    def put(self, lock: Lock, reporter: Reporter) -> Path | None:
        """Write `lock` into the file beside those of other platforms, and return its path if that changed it.

        Where it is there already, or cannot be written, which is a warning, None is returned.
        """
        if self.fitting is not None:
            return None
        try:
            locks = {**self.locks, lock.platform: lock}
            changed = lock_file.write(self.path, lock_file.dumps(locks, self.path))
        except LockError as error:
            reporter.warning(f"{error.message}: the environment is locked, its file is not")
            return None
        if changed and (what := lock_file.partial(locks)) is not None:
            reporter.notice(f"{self.path}: {what}")
        return self.path if changed else None


def read(path: Path, data: bytes | None, locker: Locker, request: CreateRequest, reporter: Reporter) -> Beside | None:
    """Return the lock file at `path` with the content `data` (None: there is none).

    None where it is another tool's: that one is left alone, with a warning. Raises LockTampered for one that was
    changed by hand or is not whole, LockError for what is no lock; where the request is to follow it, LockOutdated
    that lists what differs, and PlatformNotLocked.
    """
    try:
        locks = lock_file.parse(data, path, request) if data is not None else {}
    except LockError as error:
        if request.locked or not error.details.get("foreign"):
            raise
        reporter.warning(f"{error.message}; it is neither followed nor changed")
        return None
    return held_against(path, locks, locker, request)


def held_against(path: Path, locks: Mapping[str, Lock], locker: Locker, request: CreateRequest) -> Beside:
    """Return the lock file at `path`, which holds `locks`, held against what is asked for; raises as `read` does."""
    from envmgr.lock import closure  # start-up time: rattler

    for each in locks.values():
        closure.check(each, source=str(path))
    lock = locks.get(locker.platform)
    if lock is None:
        if request.locked:
            raise not_locked_error(path, locks, locker.platform, request)
        return Beside(path, locks, None, ())
    lock = locker.here(lock)
    outdated = locker.outdated(lock) or locker.unbuilt(lock)
    if outdated and request.locked:
        raise outdated_error(path, {locker.platform: outdated}, request)
    return Beside(path, locks, lock, outdated)


def not_locked_error(path: Path, locks: Mapping[str, Lock], platform: str, request: CreateRequest) -> PlatformNotLocked:
    """Return the error for a lock that has no part for `platform`."""
    return PlatformNotLocked(
        f"{path} locks {', '.join(locks) or 'nothing'}, not {platform}",
        hint=lock_file.command(request._replace(platform=platform)),
        details={"path": str(path), "platform": platform, "locked": list(locks)},
    )


def outdated_error(
    path: Path, outdated: Mapping[str, Sequence[str]], request: CreateRequest, *, several: bool = False
) -> LockOutdated:
    """Return the error for a lock that does not fit on the platforms in `outdated`, with the reasons of each."""
    lines = [
        f"  {platform}: {reason}" if several else f"  {reason}"
        for platform, reasons in outdated.items()
        for reason in reasons
    ]
    return LockOutdated(
        "\n".join((f"{path} no longer fits {request.files[0].source}", *lines)),
        hint=lock_file.command(request),
        details={"path": str(path), "differences": {platform: list(each) for platform, each in outdated.items()}},
    )
