"""What the kernel and rattler say when the store cannot be written, as errors that say what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envmgr.errors import EnvmgrError, NoInodes, NoSpace, ReadOnlyStore, StoreError
from envmgr.store.layout import Location
from envmgr.store.room import free_inodes

_OS_ERROR = re.compile(r"\(os error (?P<number>[0-9]+)\)")  # how rust's standard library ends an I/O error


@contextmanager
def told_of(location: Location, doing: str) -> Iterator[None]:
    """Raise NoSpace, NoInodes, ReadOnlyStore or StoreError for any OSError of the body; `doing` is a gerund."""
    try:
        yield
    except OSError as error:
        raise translated(error, location, doing) from error


def translated(error: OSError, location: Location, doing: str) -> EnvmgrError:
    """Return the error that says what could not be done, where and why."""
    where = error.filename2 or error.filename or location.prefix
    reason = error.strerror or str(error)
    return _error(error.errno, f"{doing} {location.label}: {_text(where)}: {reason}", location)


def translated_text(text: str, location: Location, doing: str) -> EnvmgrError | None:
    """Return the error for a message of rattler that carries a number of the kernel, None for any other."""
    match = _OS_ERROR.search(text)
    if match is None or int(match["number"]) in (errno.ENOENT, errno.EINVAL):
        return None
    return _error(int(match["number"]), f"{doing} {location.label}: {text}", location)


def place_hint(location: Location) -> str:
    """Return what to do where the environment cannot be written."""
    own = ", or a store of your own with ENVMGR_ROOT=DIRECTORY" if location.name is not None else ""
    return f"choose a place that you may write, as -p PATH{own}"


def _error(number: int | None, message: str, location: Location) -> EnvmgrError:
    directory = location.staging
    if number in (errno.ENOSPC, errno.EDQUOT):
        if free_inodes(directory) == 0:
            return NoInodes(message, hint="free some inodes, for example with: envmgr clean")
        what = "your quota" if number == errno.EDQUOT else "the file system"
        return NoSpace(message, hint=f"{what} of {directory} is full; free some, for example with: envmgr clean")
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ReadOnlyStore(message, hint=place_hint(location))
    if number == errno.ENAMETOOLONG:
        return StoreError(message, hint="choose a shorter path for the environment")
    if number in (errno.EXDEV, errno.EBUSY):
        return StoreError(
            message, hint=f"is {location.prefix} a mount point? choose a directory below it: -p {location.prefix}/env"
        )
    return StoreError(message)


def _text(path: str | bytes | int | Path) -> str:
    return path.decode(errors="replace") if isinstance(path, bytes) else str(path)
