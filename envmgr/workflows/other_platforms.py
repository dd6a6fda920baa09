"""The parts of a lock beside a file that are for other platforms than the one that is being created."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envmgr.errors import EnvmgrError
from envmgr.lock import closure
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.workflows import lock_file
from envmgr.workflows.beside import Beside
from envmgr.workflows.locking import Locker
from envmgr.workflows.request import CreateRequest


def locked(
    found: Beside, locker: Locker, request: CreateRequest, settings: Settings, reporter: Reporter, files: Sequence[Path]
) -> Beside:
    """Return the file with fitting locks of every platform that the environment file lists, or else that it locks.

    One that cannot be locked now is a warning and stays as it was: the environment of this platform is whole.
    """
    locks = dict(found.locks)
    for platform in _others(found, locker):
        try:
            other = Locker(request, settings, reporter, platform=platform, channel_files=files)
            if (lock := _fitting(locks.get(platform), other)) is None:
                locks[platform] = other.lock(locks.get(platform))
            else:
                locks[platform] = lock
        except EnvmgrError as error:
            state = "stays as it was" if platform in locks else "is left out"
            reporter.warning(
                f"{found.path.name}: {platform} {state}, since it cannot be locked now; "
                f"`{lock_file.command(request._replace(platform=platform))}` says why: {error.message.splitlines()[0]}"
            )
    return found._replace(locks=locks)


def say_what_is_missing(found: Beside, locker: Locker, reporter: Reporter, request: CreateRequest) -> None:
    """Name the platforms that the environment file lists and the lock, which is followed, does not have."""
    missing = [platform for platform in locker.platforms if platform not in found.locks and platform != locker.platform]
    if missing:
        reporter.warning(
            f"{found.path.name} does not lock {', '.join(missing)}, for which {request.files[0].source} is too; "
            f"to lock what is missing: {lock_file.command(request)}"
        )


def _others(found: Beside, locker: Locker) -> list[str]:
    return [platform for platform in locker.platforms or sorted(found.locks) if platform != locker.platform]


def _fitting(lock: Lock | None, other: Locker) -> Lock | None:
    """Return the lock of another platform as it is written, where it fits; None where it has to be solved again."""
    if lock is None:
        return None
    closure.check(lock, source=f"the lock for {other.platform}")
    return None if other.outdated(other.here(lock)) else lock
