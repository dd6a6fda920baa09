"""Turns among processes of one user on one machine that are asked for the same thing (light: imports next to nothing).

A head start and no more: what one may rely on is the lease of the environment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LONGEST = 60.0  # seconds; whoever takes longer is waited for at the lease
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.025  # seconds
_LONGEST_TEXT = 4096  # bytes


class Turn:
    """The turn for `key`: a file below TMPDIR, locked by the kernel for as long as its holder lives.

    Where there is no place for it, everybody has it at once. A context manager whose end gives it back.
    """

    def __init__(self, key: str, environ: Mapping[str, str]) -> None:
        """Open the file, without an error whatever happens."""
        self._path = os.path.join(environ.get("TMPDIR") or "/tmp", f"envmgr-create-{key}")  # noqa: S108 see _open
        self._descriptor = _open(self._path)
        self._is_held = False

    def take(self, holder: str) -> bool:
        """Return whether it is ours now, or there is none; `holder` is what the others are told of us then."""
        if self._descriptor is None:
            return True
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        self._is_held = True
        text = f"pid {os.getpid()} ({holder}) on host {os.uname().nodename}"
        os.pwrite(self._descriptor, text.encode("utf-8", "replace")[:_LONGEST_TEXT], 0)
        return True

    def wait(self, tell: Callable[[str], None]) -> bool:
        """Wait until nobody has it, together with all who wait; whether that came to pass within a minute.

        `tell` is called once, with who has it.
        """
        deadline, pause, is_told = time.monotonic() + LONGEST, _FIRST_PAUSE, False
        while self._descriptor is not None:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                pass
            else:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                break
            owner = "" if is_told else os.pread(self._descriptor, _LONGEST_TEXT, 0).decode("utf-8", "replace")
            if owner:
                is_told = True
                tell(owner)
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return True

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is None:
            return
        if self._is_held:
            with suppress(OSError):
                os.unlink(self._path)  # those who wait have it open; whoever comes later finds the work done
        os.close(self._descriptor)


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
