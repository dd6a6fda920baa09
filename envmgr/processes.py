"""Processes: who this one is, and whether another one still lives."""

from __future__ import annotations

import os
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_TAG = re.compile(r".+-(?P<machine>\w{8})-(?P<boot>\w{8})-(?P<space>\w{8})-(?P<pid>[0-9]+)-(?P<start>[0-9]+)")


class Owner(NamedTuple):
    """Who holds a lease: a process, told apart from every other one by host, boot, pid namespace and start.

    `start_ticks` is field 22 of /proc/PID/stat and 0 where that is unknown; `since` is in seconds since the epoch.
    """

    host: str
    pid: int
    boot_id: str
    start_ticks: int
    user: str
    purpose: str
    since: float
    pid_namespace: str = ""

    @classmethod
    def current(cls, purpose: str) -> Owner:
        """Return this process as an owner from now on."""
        pid = os.getpid()
        return cls(
            host=host(),
            pid=pid,
            boot_id=boot_id(),
            start_ticks=_start_ticks(pid) or 0,
            user=_user(),
            purpose=purpose,
            since=time.time(),
            pid_namespace=_pid_namespace(),
        )

    def is_dead(self) -> bool | None:
        """Whether the process has ended; None where this process cannot tell (other host, boot or container)."""
        here = (host(), boot_id(), _pid_namespace())
        if os.name != "posix" or (self.host, self.boot_id, self.pid_namespace) != here:
            return None
        return _process_is_dead(self.pid, self.start_ticks)

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.purpose}) on host {self.host}"


def process_tag() -> str:
    """Return a file name component by which `tag_is_dead` knows this process again."""
    pid = os.getpid()
    name = re.sub(r"[^A-Za-z0-9._]", "_", host())[:64] or "_"
    return f"{name}-{_machine()}-{_digest(boot_id())}-{_digest(_pid_namespace())}-{pid}-{_start_ticks(pid) or 0}"


def tag_is_dead(tag: str) -> bool | None:
    """Whether the process that made `tag` has ended, by a restart of this machine or otherwise.

    None where this process cannot tell (another machine, another container), or where `tag` is none.
    """
    match = _TAG.fullmatch(tag)
    if match is None or os.name != "posix" or match["machine"] != _machine():
        return None
    if match["boot"] != _digest(boot_id()):
        return True
    if match["space"] != _digest(_pid_namespace()):
        return None
    return _process_is_dead(int(match["pid"]), int(match["start"]))


def _process_is_dead(pid: int, start_ticks: int) -> bool | None:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    actual = _start_ticks(pid)
    if actual is None or start_ticks == 0:
        return None  # /proc is absent or hides the processes of other users (hidepid): only the heartbeat tells
    return actual != start_ticks


def _start_ticks(pid: int) -> int | None:
    """Return the start of a process in clock ticks since boot, -1 for a zombie, None where that is unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return -1 if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


@lru_cache(maxsize=1)
def host() -> str:
    """Return the name of this machine."""
    if os.name == "posix":
        return os.uname().nodename
    import platform  # start-up time: it is slow to import, and only needed off POSIX

    return platform.node()


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what tells this boot of the machine from every other one; empty where that is unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=1)
def boot_time() -> int:
    """Return when this machine started, in seconds since the epoch; 0 where that is unknown."""
    try:
        match = re.search(r"^btime ([0-9]+)$", Path("/proc/stat").read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, ValueError):
        return 0
    return int(match[1]) if match else 0


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _machine() -> str:
    try:
        identity = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        identity = ""
    return _digest(f"{host()} {identity}")


def _digest(text: str) -> str:
    from zlib import crc32  # start-up time: only where a temporary name is made

    return f"{crc32(text.encode()):08x}"


def _user() -> str:
    try:
        import pwd  # absent on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return str(os.getuid()) if hasattr(os, "getuid") else os.getlogin()
