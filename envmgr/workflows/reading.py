"""The lock of an existing environment: its own, or, for one that another tool made, one read from its records.

Light: imported by `list` and `export`.
"""

from __future__ import annotations

from envmgr.errors import LockError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.store.layout import LOCK_FILE, Location


def lock_of(location: Location) -> Lock:
    """Return the lock of the environment at `location`.

    Raises LockError where its lock cannot be read, NotAnEnvironment where a record of another tool cannot.
    """
    path = location.prefix / LOCK_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        from envmgr.store import records  # start-up time: only for an environment of another tool

        return records.read(location.prefix)
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    try:
        locks = conda_lock.loads(data, source=str(path))
    except LockError as error:
        error.hint = error.hint or f"envmgr adopt {location.arguments} makes a lock of what is installed"
        raise
    if len(locks) != 1:
        raise LockError(f"{path}: expected the lock of one platform, found {len(locks)}")
    (lock,) = locks.values()
    return lock


def own_lock(location: Location) -> Lock | None:
    """Return the lock of an environment of ours, None where there is none; raises as `lock_of` does."""
    return lock_of(location) if (location.prefix / LOCK_FILE).is_file() else None
