"""Locks between processes that work without byte-range locking (NFS) and say who holds them.

A lease is a file that exists while it is held; its content names the owner. It appears by `link` (atomic on
every file system that has hard links, NFS included) and its owner touches it every few seconds. Taking over
from a dead owner is a compare-and-swap: see `_take`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import EnvironmentBusy, EnvmgrError, NoSpace, ReadOnlyStore, StoreError
from envmgr.processes import Owner, boot_id, boot_time, host, process_tag, tag_is_dead

__all__ = ["Owner", "lease", "process_tag", "tag_is_dead"]

HEARTBEAT = 5.0  # seconds between two touches by the owner
SILENCE = 60.0  # seconds without a touch after which an owner that cannot be looked up counts as dead
GRACE = 5.0  # seconds that an unreadable lease file gets to become readable
_SCHEMA = 1
_LARGEST = 4096  # bytes of a lease file; ours have about 300
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


@contextlib.contextmanager
def lease(
    path: Path,
    *,
    purpose: str,
    on_wait: Callable[[Owner], None] | None = None,
    timeout: float | None = None,
) -> Iterator[None]:
    """Hold the lease file `path` for the body; no other process or thread holds it meanwhile. Not reentrant.

    Missing directories are made. `on_wait` is called once, with the owner, when waiting begins; `timeout` is in
    seconds (None: wait for ever, 0: do not wait). Raises EnvironmentBusy naming the owner at the timeout,
    ReadOnlyStore, NoSpace or StoreError where the file cannot be made.
    """
    token = os.urandom(8).hex()
    try:
        _acquire(path, token, purpose, on_wait=on_wait, timeout=timeout)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise _translated(error, path) from error
    stop = threading.Event()
    heartbeat = threading.Thread(target=_beat, args=(descriptor, stop), name=f"lease {path.name}", daemon=True)
    holder = os.getpid()
    try:
        with contextlib.suppress(RuntimeError):  # no thread to be had: the lease holds all the same on this host
            heartbeat.start()
        yield
    finally:
        if os.getpid() == holder:  # a forked child that leaves the body does not own the lease
            stop.set()
            if heartbeat.ident is not None:
                heartbeat.join()
            os.close(descriptor)
            _release(path, token)


class _Held(NamedTuple):
    """A lease file as found: `token` is unique to one holding of it, `owner` None when it is unreadable."""

    token: str
    owner: Owner | None
    modified: int  # nanoseconds, by the clock of the file system


class _Patience:
    """What one waiter has seen: how long each holder was silent, by the waiter's own clock alone."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def has_ended(self, held: _Held) -> bool:
        now = time.monotonic()
        modified, since = self._seen.get(held.token, (held.modified, now))
        if modified != held.modified:
            modified, since = held.modified, now
        self._seen[held.token] = (modified, since)
        if held.owner is None:
            return now - since >= GRACE
        dead = held.owner.is_dead()
        if dead is not None:
            return dead
        # The same host name with another boot id is this machine before a restart, or another one of that name:
        # that one would have touched its lease since we booted.
        if held.owner.host == host() and held.owner.boot_id != boot_id() and held.modified < boot_time() * 10**9:
            return True
        return now - since >= SILENCE


def _acquire(
    path: Path, token: str, purpose: str, *, on_wait: Callable[[Owner], None] | None, timeout: float | None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    patience = _Patience()
    started = time.monotonic()
    told = False
    while True:
        blocker = _take(path, path, token, purpose, patience)
        if blocker is None:
            return
        waited = time.monotonic() - started
        if timeout is not None and waited >= timeout:
            raise _busy(path, blocker.owner, waited)
        if on_wait is not None and not told and blocker.owner is not None:
            told = True
            on_wait(blocker.owner)
        pause = min(max(waited / 20, 0.002), 0.2)
        if timeout is not None:
            pause = min(pause, timeout - waited)
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 # waiters must not march in step


def _take(path: Path, lock: Path, token: str, purpose: str, patience: _Patience) -> _Held | None:
    """Become the owner of the file `path` and return None, or return who is in the way.

    A dead holder's file may be replaced only by the one process that owns the claim named after the holder's
    unique token. Moving the claim onto the file is atomic, so whoever gets a claim and *then* still finds the
    dead holder in the file is the first; whoever finds another holder came too late and gives the claim up.
    A claimant can die as well: its claim is itself a file that is taken over in the same way.
    """
    while True:
        if _create(path, token, purpose):
            return None
        held = _read(path)
        if held is None:
            continue
        if not patience.has_ended(held):
            return held
        claim = lock.with_name(f"{lock.name}.{held.token}.claim")
        blocker = _take(claim, lock, token, purpose, patience)
        if blocker is not None:
            return blocker
        now = _read(path)
        if now is None or now.token != held.token:
            claim.unlink(missing_ok=True)
            continue
        try:
            claim.replace(path)
        except OSError:
            claim.unlink(missing_ok=True)
            raise
        if path == lock:
            _remove_strays(lock)
        return None


def _create(path: Path, token: str, purpose: str) -> bool:
    """Make the file `path` with its whole content at once; False when it exists."""
    document = {"schema": _SCHEMA, "token": token, **Owner.current(purpose)._asdict()}
    content = json.dumps(document).encode()
    if path.exists():
        return False  # saves every waiter two directory changes a round
    temporary = path.with_name(f"{path.name}.{token}.new")
    _write_exclusively(temporary, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return os.stat(temporary).st_nlink == 2  # NFS: the answer to a link that worked can be lost and repeated
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with contextlib.suppress(FileExistsError):
            _write_exclusively(path, content)
            return True
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _write_exclusively(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o644)  # whatever the umask: other users of a shared store are told who holds it
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def _read(path: Path) -> _Held | None:
    """Return who holds the file, or None when there is no such file (any more)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ESTALE:
            return None
        raise
    try:
        status = os.fstat(descriptor)
        content = os.read(descriptor, _LARGEST)
    except OSError as error:
        if error.errno == errno.ESTALE:
            return None
        raise
    finally:
        os.close(descriptor)
    parsed = _parse(content)
    if parsed is None:
        return _Held(f"{status.st_ino:x}-{status.st_mtime_ns:x}", None, status.st_mtime_ns)
    return _Held(*parsed, status.st_mtime_ns)


def _parse(content: bytes) -> tuple[str, Owner] | None:
    try:
        document: Any = json.loads(content)
        token, schema = document.pop("token"), document.pop("schema")
        owner = Owner(**document)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    kinds: tuple[Any, ...] = (str, int, str, int, str, str, (int, float), str)
    if schema != _SCHEMA or not all(isinstance(value, kind) for value, kind in zip(owner, kinds, strict=True)):
        return None
    if not isinstance(token, str) or re.fullmatch(r"[0-9a-f]{16}", token) is None or owner.pid <= 0:
        return None
    return token, owner


def _release(path: Path, token: str) -> None:
    with contextlib.suppress(OSError):  # a lease that cannot be removed is found dead by the next process
        held = _read(path)
        if held is not None and held.token == token:
            path.unlink()


def _remove_strays(lock: Path) -> None:
    """Remove what killed processes left of their attempts; only for the holder of the lease."""
    with contextlib.suppress(OSError), os.scandir(lock.parent) as entries:
        for entry in entries:
            if entry.name.startswith(f"{lock.name}.") and entry.name.endswith((".claim", ".new")):
                stray = _read(Path(entry.path))
                if stray is not None and stray.owner is not None and stray.owner.is_dead():
                    Path(entry.path).unlink(missing_ok=True)


def _beat(descriptor: int, stop: threading.Event) -> None:
    # By descriptor, so that a lease that was taken from us (this machine slept) is not kept alive by us.
    target: Any = descriptor
    while not stop.wait(HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(target)


def _busy(path: Path, owner: Owner | None, waited: float) -> EnvironmentBusy:
    if owner is None:
        return EnvironmentBusy(f"{path} is held, but does not say by whom; waited {waited:.0f} s")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return EnvironmentBusy(
        f"{path} is held by {owner} of user {owner.user} since {when}; waited {waited:.0f} s",
        hint=f"wait until it has finished, or end it on {owner.host}: kill {owner.pid}",
        details=owner._asdict(),
    )


def _translated(error: OSError, path: Path) -> EnvmgrError:
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ReadOnlyStore(f"{path}: no lock can be made there: {error.strerror}")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace(f"{path}: no lock can be made there: {error.strerror}")
    return StoreError(f"{path}: no lock can be made there: {error.strerror or error}")
