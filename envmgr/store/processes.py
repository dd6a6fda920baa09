"""Which processes use a prefix, as far as /proc tells within a moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

_PATIENCE = 0.2  # seconds: a busy node has thousands of processes
_THOROUGH = 10.0  # seconds for a look at all of them, where somebody waits for the answer
_PAUSE = 0.3  # seconds between two looks
_NAMED = 5  # processes in one message
_LARGEST_MAP = 4 << 20  # bytes of /proc/PID/maps that are read


class User(NamedTuple):
    """A process that runs from, maps a file of, or stands in a prefix."""

    pid: int
    command: str


def using(prefix: Path, *, patience: float = _PATIENCE) -> tuple[User, ...]:
    """Return the other processes that use `prefix`, by pid; none where there is no /proc or it hides them.

    After `patience` (seconds) those that were not looked at are left out.
    """
    deadline = time.monotonic() + patience
    root = os.path.realpath(prefix)
    found = []
    try:
        entries = os.listdir("/proc")
    except OSError:
        return ()
    pids = sorted((int(entry) for entry in entries if entry.isdigit()), reverse=True)
    for pid in pids:
        if time.monotonic() > deadline:
            break
        if pid != os.getpid() and _uses(pid, root):
            found.append(User(pid, _command(pid)))
    return tuple(sorted(found))


def wait(prefix: Path, seconds: float, on_wait: Callable[[Sequence[User]], None]) -> tuple[User, ...]:
    """Wait until no process uses `prefix`, at most `seconds`, and return those that still do.

    `on_wait` is told once whom one waits for. Whoever started this process, directly or not, is not waited for: it
    may be waiting for us.
    """
    ancestors, told = _ancestors(), False
    started = time.monotonic()
    while True:
        users = tuple(user for user in using(prefix, patience=_THOROUGH) if user.pid not in ancestors)
        waited = time.monotonic() - started
        if not users or waited >= seconds:
            return users
        if not told:
            told = True
            on_wait(users)
        time.sleep(min(_PAUSE, seconds - waited))


def listed(users: Sequence[User]) -> str:
    """Return the processes as a message names them."""
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return ", ".join(f"{user.command} ({user.pid})" for user in users[:_NAMED]) + more


def _ancestors() -> frozenset[int]:
    """Return the parent of this process, its parent, and so on."""
    found: list[int] = []
    pid = os.getpid()
    while pid > 1 and pid not in found:
        found.append(pid)
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return frozenset(found)


def _uses(pid: int, root: str) -> bool:
    below = root + "/"
    for link in ("exe", "cwd"):
        try:
            target = os.readlink(f"/proc/{pid}/{link}")
        except OSError:
            continue
        if target == root or target.startswith(below):
            return True
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return b" " + os.fsencode(below) in file.read(_LARGEST_MAP)
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read(4096).split(b"\0")
    except OSError:
        return "?"
    return os.fsdecode(os.path.basename(arguments[0])) if arguments[0] else "?"
