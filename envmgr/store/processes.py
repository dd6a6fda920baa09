"""Which processes use a prefix, as far as /proc tells within a moment."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PATIENCE = 0.2  # seconds: a busy node has thousands of processes
_NAMED = 5  # processes in one message
_LARGEST_MAP = 4 << 20  # bytes of /proc/PID/maps that are read


class User(NamedTuple):
    """A process that runs from, maps a file of, or stands in a prefix."""

    pid: int
    command: str


def using(prefix: Path) -> tuple[User, ...]:
    """Return the other processes that use `prefix`, by pid; none where there is no /proc or it hides them."""
    deadline = time.monotonic() + _PATIENCE
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


def listed(users: Sequence[User]) -> str:
    """Return the processes as a message names them."""
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return ", ".join(f"{user.command} ({user.pid})" for user in users[:_NAMED]) + more


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
