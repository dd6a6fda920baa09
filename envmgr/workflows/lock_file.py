"""The file of the lock beside an environment file: `environment.conda-lock.yml` (light: every create asks).

It belongs to the file, not to an environment: whoever has both gets the same packages.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from envmgr.errors import LockError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.replacing import replace_file
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.workflows.request import CreateRequest

SUFFIX = ".conda-lock.yml"
MAXIMUM_BYTES = 100 * 1024 * 1024


def beside(request: CreateRequest) -> Path | None:
    """Return where the lock of the request is, whether it exists or not: one local file, and nothing beside it."""
    if request.no_lock or request.specs or len(request.files) != 1 or request.manner.only_dependencies:
        return None
    source = request.files[0].source
    if source == "-" or "://" in source or request.files[0].is_lock:
        return None
    if kind_of(source, request.files[0].text) is FileKind.VIRTUAL_ENVIRONMENT:  # taken over once
        return None
    path = Path(source).expanduser()
    if path.exists() and not path.is_file():  # a pipe, as that of the shell's `<(…)`
        return None
    stem = path.name if path.suffix == ".lock" else path.stem  # Pipfile has one beside Pipfile.lock
    return path.with_name(f"{stem}{SUFFIX}")


def command(request: CreateRequest) -> str:
    """Return the command that locks the file of the request anew, as a hint."""
    platform = f" --platform {request.platform}" if request.platform else ""
    return f"envmgr lock -f {shlex.quote(request.files[0].source)}{platform}"


def read_bytes(path: Path) -> bytes | None:
    """Return what is in the lock file, None where there is none; raises LockError for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAXIMUM_BYTES:
        raise LockError(f"{path} is no lock: it has more than {MAXIMUM_BYTES // 2**20} MiB")
    return data


def parse(data: bytes, path: Path, request: CreateRequest) -> dict[str, Lock]:
    """Return the locks in the file of the request by platform.

    Raises LockError for what is no lock and for that of another tool, LockTampered for one that was changed by hand.
    """
    try:
        locks = conda_lock.loads(data, source=str(path), sealed=True, base=str(path.absolute().parent))
    except LockError as error:
        error.hint = error.hint or f"restore the file, or lock anew: {command(request)}"
        raise
    if not locks or any(not lock.spec_digest for lock in locks.values()):
        raise LockError(
            f"{path} was not written by envmgr: it does not say what it was locked for",
            hint="move it away, or leave it alone with --no-lock",
            details={"path": str(path), "foreign": True},
        )
    return locks


def dumps(locks: Mapping[str, Lock], path: Path) -> bytes:
    """Return the bytes of the lock file at `path`: the same locks give the same bytes."""
    return conda_lock.dumps_yaml(locks.values(), base=str(path.absolute().parent))


def partial(locks: Mapping[str, Lock]) -> str | None:
    """Return what to say of a lock that other tools can install in part only, None of one that is whole for them."""
    names = sorted({package.name for lock in locks.values() for package in lock.pip if package.is_local})
    if not names:
        return None
    return f"other tools install this lock without {', '.join(names)}: paths and repositories have no field in it"


def is_writable(path: Path) -> bool:
    """Whether `write` can be expected to work; tried out is nothing."""
    return os.access(path.parent, os.W_OK | os.X_OK)


def write(path: Path, data: bytes) -> bool:
    """Put `data` into the lock file in one step, and return whether it was different before.

    A symbolic link stays one. Raises LockError where the directory cannot be written.
    """
    if read_bytes(path) == data:
        return False
    try:
        replace_file(path, data)
    except OSError as error:
        raise LockError(f"{path} cannot be written: {error.strerror}") from error
    return True
