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
import stat
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
_ATTEMPTS = 1000  # at a directory that others remove; each attempt that fails is one of theirs that succeeded
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
    leases = Leases()
    try:
        leases.acquire(path, purpose, on_wait=on_wait, timeout=timeout)
        yield
    finally:
        leases.close()


def owner_of(path: Path) -> Owner | None:
    """Return who holds a lease, None where nobody does or it does not say; raises OSError."""
    held = _read(path)
    return held.owner if held is not None else None


class Blocker(NamedTuple):
    """Who is in the way of a lease (`owner` None: it does not say), and for how many seconds it gave no sign of life.

    The seconds are those that this process has watched, by its own clock.
    """

    owner: Owner | None
    silence: float


class Leases:
    """Any number of leases of one piece of work, kept alive by one heartbeat; `close` releases them all."""

    def __init__(self) -> None:
        self._held: dict[Path, tuple[str, int]] = {}
        self._patience = _Patience()
        self._stop = threading.Event()
        self._beating = threading.Lock()  # no descriptor is closed, and its number used again, under the heartbeat
        self._heartbeat: threading.Thread | None = None
        self._holder = os.getpid()

    def take(self, path: Path, purpose: str) -> Blocker | None:
        """Hold the lease file `path` and return None, or who is in the way; does not wait. Not reentrant.

        Raises ReadOnlyStore, NoSpace or StoreError where the file cannot be made.
        """
        token = os.urandom(8).hex()
        try:
            blocker = _take_where_directories_vanish(path, token, purpose, self._patience)
            if blocker is not None:
                return Blocker(blocker.owner, self._patience.silence(blocker))
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise _translated(error, path) from error
        with self._beating:
            self._held[path] = (token, descriptor)
        if self._heartbeat is None:
            self._heartbeat = threading.Thread(target=self._beat, name=f"lease {path.name}", daemon=True)
            with contextlib.suppress(RuntimeError):  # no thread to be had: the lease holds all the same on this host
                self._heartbeat.start()
        return None

    def acquire(
        self, path: Path, purpose: str, *, on_wait: Callable[[Owner], None] | None = None, timeout: float | None = None
    ) -> None:
        """Wait until the lease is held; arguments and what is raised as in `lease`."""
        started = time.monotonic()
        told = False
        while True:
            blocker = self.take(path, purpose)
            if blocker is None:
                return
            waited = time.monotonic() - started
            if timeout is not None and waited >= timeout:
                raise _busy(path, blocker, waited)
            if on_wait is not None and not told and blocker.owner is not None:
                told = True
                on_wait(blocker.owner)
            pause = min(max(waited / 20, 0.002), 0.2)
            if timeout is not None:
                pause = min(pause, timeout - waited)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 # waiters must not march in step

    def release(self, path: Path) -> None:
        """Let go of one lease; one that is not held is fine."""
        if os.getpid() != self._holder:  # a forked child that leaves the body does not own the lease
            return
        with self._beating:
            token, descriptor = self._held.pop(path, ("", -1))
            if descriptor >= 0:
                os.close(descriptor)
        if descriptor >= 0:
            _release(path, token)

    def close(self) -> None:
        """Let go of everything."""
        if os.getpid() != self._holder:
            return
        self._stop.set()
        if self._heartbeat is not None and self._heartbeat.ident is not None:
            self._heartbeat.join()
        for path in tuple(self._held):
            self.release(path)

    def _beat(self) -> None:
        # By descriptor, so that a lease that was taken from us (this machine slept) is not kept alive by us.
        while not self._stop.wait(HEARTBEAT):
            with self._beating:
                for _, descriptor in self._held.values():
                    target: Any = descriptor
                    with contextlib.suppress(OSError):
                        os.utime(target)


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
        silence = self.silence(held)
        if held.owner is None:
            return silence >= GRACE
        dead = held.owner.is_dead()
        if dead is not None:
            return dead
        # The same host name with another boot id is this machine before a restart, or another one of that name:
        # that one would have touched its lease since we booted.
        if held.owner.host == host() and held.owner.boot_id != boot_id() and held.modified < boot_time() * 10**9:
            return True
        return silence >= SILENCE

    def silence(self, held: _Held) -> float:
        """Return for how many seconds this holder has not touched its file, as seen from here."""
        now = time.monotonic()
        modified, since = self._seen.get(held.token, (held.modified, now))
        if modified != held.modified:
            modified, since = held.modified, now
        self._seen[held.token] = (modified, since)
        return now - since


def _take_where_directories_vanish(path: Path, token: str, purpose: str, patience: _Patience) -> _Held | None:
    """Take the lease as `_take` does, its directory made again where the holder before us has just removed it."""
    for _ in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _take(path, path, token, purpose, patience)
        except FileNotFoundError:
            continue
        except FileExistsError:  # mkdir found it there, and then not: it is gone again, or no directory
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.stat(path.parent).st_mode):
                    raise
    path.parent.mkdir(parents=True, exist_ok=True)
    return _take(path, path, token, purpose, patience)


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


def _busy(path: Path, blocker: Blocker, waited: float) -> EnvironmentBusy:
    owner = blocker.owner
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
    return StoreError(
        f"{path}: no lock can be made there: {error.strerror or error}",
        hint="name another place: -p PATH for one environment, ENVMGR_ROOT=DIRECTORY for all of them",
    )
