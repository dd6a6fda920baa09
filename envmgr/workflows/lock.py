"""`lock`: the lock beside an environment file, checked, made, or made anew with some packages moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import LockError, UsageError
from envmgr.lock.difference import Difference, between
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir, validate_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.usage import using_cache
from envmgr.workflows import beside, lock_file
from envmgr.workflows.beside import Beside
from envmgr.workflows.locking import Locker
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import channel_files


class Locked(NamedTuple):
    """What `lock` found and did: `previous` (None: there was none) and the `lock` that stands or would stand now.

    `outdated` says why the previous one did not fit; `is_written` whether the file is new or was changed.
    """

    path: Path
    previous: Lock | None
    lock: Lock
    difference: Difference
    outdated: tuple[str, ...]
    is_written: bool


def lock(
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    update: Sequence[str] = (),
    check: bool = False,
    dry_run: bool = False,
) -> Locked:
    """Make the lock of one local environment file fit it, or with `check` find that it does; changes no environment.

    `update` names packages that are to be as new as the file allows. One that was damaged is made anew.
    Raises LockOutdated, PlatformNotLocked or LockTampered for a check that fails, LockError where the lock is another
    tool's or cannot be written, SpecError, ChannelError, SolveError, PipError and their kinds.
    """
    request = request._replace(locked=check)
    path = lock_file.beside(request)
    if path is None:
        raise UsageError(
            "a lock belongs to one environment file on this machine", hint="envmgr lock -f environment.yml"
        )
    data = lock_file.read_bytes(path)
    if data is None and check:
        raise LockError(f"{path} does not exist", hint=lock_file.command(request))
    platform = validate_subdir(request.platform) if request.platform else current_subdir()
    files = channel_files(request.files, settings)
    locker = Locker(request, settings, reporter, platform=platform, channel_files=files)
    with using_cache(settings):
        found = _found(path, data, locker, request, reporter)
        if found.fitting is not None and not update:
            standing = found.fitting
            return Locked(path, standing, standing, between(standing, standing), (), is_written=False)
        solved = locker.lock(found.lock, update=update)
    is_written = False
    if not dry_run:
        is_written = lock_file.write(path, lock_file.dumps({**found.locks, platform: solved}))
    return Locked(path, found.lock, solved, between(found.lock, solved), found.outdated, is_written)


def _found(path: Path, data: bytes | None, locker: Locker, request: CreateRequest, reporter: Reporter) -> Beside:
    """Return the lock file as it was found; a damaged one is as good as none, except for a check."""
    try:
        locks = lock_file.parse(data, path, request) if data is not None else {}
        return beside.held_against(path, locks, locker, request)
    except LockError as error:
        if request.locked or error.details.get("foreign"):
            raise
        reporter.warning(f"{error.message}\nit is made anew")
        return Beside(path, {}, None, ())
