"""`lock`: the lock beside an environment file, checked, made, or made anew with some packages moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import EnvmgrError, LockError, UsageError
from envmgr.lock.difference import Difference, between
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir, validate_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.usage import using_cache
from envmgr.workflows import beside, lock_file, updating
from envmgr.workflows.beside import Beside
from envmgr.workflows.locking import Locker
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import channel_files, parse_sources


class Locked(NamedTuple):
    """One platform: `previous` (None: there was none), and the `lock` that stands or would stand now.

    `outdated` says why the previous one did not fit.
    """

    previous: Lock | None
    lock: Lock
    difference: Difference
    outdated: tuple[str, ...]

    @property
    def is_unchanged(self) -> bool:
        """Whether the previous lock fits and stays."""
        return self.lock is self.previous


class Report(NamedTuple):
    """What `lock` found and did: each platform, in order, and whether the file at `path` is new or was changed."""

    path: Path
    parts: tuple[Locked, ...]
    is_written: bool


def lock(
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    platforms: Sequence[str] = (),
    update: Sequence[str] = (),
    check: bool = False,
    dry_run: bool = False,
) -> Report:
    """Make the lock of one local environment file fit it, or with `check` find that it does; changes no environment.

    `platforms` are subdirs; none: those that the file lists, or else this machine's and those that are locked
    already. `update` names packages that are to be as new as the file allows. A lock that was damaged is made anew.
    Raises LockOutdated, PlatformNotLocked or LockTampered for a check that fails, LockError where the lock is another
    tool's or cannot be written, SpecError, ChannelError, SolveError, PipError and their kinds; nothing is written then.
    """
    path = lock_file.beside(request)
    if path is None and any(source.is_lock for source in request.files):
        raise UsageError(
            f"{request.files[0].source} is a lock already",
            hint=f"to write it in another format: envmgr export {request.files[0].source} --format conda-lock",
        )
    if path is None:
        raise UsageError(
            "a lock belongs to one environment file on this machine", hint="envmgr lock -f environment.yml"
        )
    data = lock_file.read_bytes(path)
    if data is None and check:
        raise LockError(f"{path} does not exist", hint=lock_file.command(request))
    locks = _locks(data, path, request, reporter, check=check)
    wanted = _platforms(request, settings, platforms, locks)
    with using_cache(settings):
        lockers = [_locker(request, settings, reporter, platform) for platform in wanted]
        found = [_found(path, locks, locker, request, reporter, check=check) for locker in lockers]
        if check:
            _check(found, wanted, request)
        moving = updating.names([each.lock for each in found if each.lock is not None], update)
        several = len(wanted) > 1
        parts = tuple(_part(each, locker, moving, several=several) for each, locker in zip(found, lockers, strict=True))
    is_written = False
    if not dry_run and not all(part.is_unchanged for part in parts):
        locked = {**found[0].locks, **{part.lock.platform: part.lock for part in parts}}
        is_written = lock_file.write(path, lock_file.dumps(locked, path))
        if is_written and (what := lock_file.partial(locked)) is not None:
            reporter.notice(f"{path}: {what}")
    return Report(path, parts, is_written)


def _platforms(
    request: CreateRequest, settings: Settings, platforms: Sequence[str], locks: Mapping[str, Lock]
) -> tuple[str, ...]:
    if platforms:
        return tuple(dict.fromkeys(validate_subdir(platform) for platform in platforms))
    (spec,) = parse_sources(request.files, settings, platform=current_subdir())
    return spec.platforms or tuple(sorted({current_subdir(), *locks}))


def _locker(request: CreateRequest, settings: Settings, reporter: Reporter, platform: str) -> Locker:
    files = channel_files(request.files, settings)
    return Locker(request, settings, reporter, platform=platform, channel_files=files)


def _part(found: Beside, locker: Locker, moving: frozenset[str], *, several: bool) -> Locked:
    names = {package.name for half in (found.lock.conda, found.lock.pip) for package in half} if found.lock else set()
    if found.fitting is not None and not moving & names:
        return Locked(found.fitting, found.fitting, between(found.fitting, found.fitting), ())
    try:
        solved = locker.lock(found.lock, moving=moving)
    except EnvmgrError as error:
        if several:
            error.message = f"{locker.platform}: {error.message}"
        raise
    return Locked(found.lock, solved, between(found.lock, solved), found.outdated)


def _check(found: Sequence[Beside], platforms: Sequence[str], request: CreateRequest) -> None:
    """Raise LockOutdated with what differs on every platform."""
    outdated = {platform: each.outdated for platform, each in zip(platforms, found, strict=True) if each.outdated}
    if outdated:
        raise beside.outdated_error(found[0].path, outdated, request, several=len(platforms) > 1)


def _locks(
    data: bytes | None, path: Path, request: CreateRequest, reporter: Reporter, *, check: bool
) -> Mapping[str, Lock]:
    if data is None:
        return {}
    try:
        return lock_file.parse(data, path, request)
    except LockError as error:
        if check or error.details.get("foreign"):
            raise
        reporter.warning(f"{error.message}\nit is made anew")
        return {}


def _found(
    path: Path, locks: Mapping[str, Lock], locker: Locker, request: CreateRequest, reporter: Reporter, *, check: bool
) -> Beside:
    """Return the lock of one platform as it was found; one that is not whole is as good as none, except for a check."""
    try:
        found = beside.held_against(path, locks, locker, request)
    except LockError as error:
        if check:
            raise
        reporter.warning(f"{error.message}\nit is made anew")
        return Beside(path, {}, None, ())
    if check and found.lock is None:
        raise beside.not_locked_error(path, locks, locker.platform, request)
    return found
