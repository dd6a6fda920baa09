"""What has arrived over the network, as the kernel counts it: rattler tells nobody how its downloads get on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

LEAST_RATE = 1000  # bytes a second: below, a channel is as good as silent
_LOOKS = 8  # at a window
_BUSY = 0.1  # of the window spent computing: it reads what has arrived
_RECEIVED_AT = 128  # tcpi_bytes_received of struct tcp_info (linux/tcp.h), after one byte of state and much else
_OPEN = (1, 2)  # TCP_ESTABLISHED, TCP_SYN_SENT


class Arrivals:
    """The bytes that have come through the TCP connections of this process, those that are closed included."""

    def __init__(self) -> None:
        self._of_socket: dict[str, int] = {}
        self.has_open = False

    def look(self) -> int:
        """Return the bytes so far; `has_open` is whether there is a connection. Nothing is known but on Linux."""
        self.has_open = False
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                name = os.readlink(f"/proc/self/fd/{descriptor}")
                found = _information(int(descriptor)) if name.startswith("socket:") else None
            except OSError:  # closed meanwhile
                continue
            if found is not None:
                state, received = found
                self.has_open = self.has_open or state in _OPEN
                self._of_socket[name] = max(received, self._of_socket.get(name, 0))
        return sum(self._of_socket.values())


async def settled(tasks: Collection[asyncio.Future[Any]], idle: float) -> bool:
    """Wait until all of `tasks`, which read from the network, are done or one failed; return whether that came.

    It did not when next to nothing arrived in `idle` seconds (0: that may last for ever) while nothing was computed and
    no other process was waited for.
    """
    if not idle or sys.platform != "linux":
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        return True
    arrivals = Arrivals()
    begun, before, computed = time.monotonic(), arrivals.look(), time.process_time()
    while True:
        done, pending = await asyncio.wait(tasks, timeout=idle / _LOOKS, return_when=asyncio.FIRST_EXCEPTION)
        if not pending or any(task.exception() is not None for task in done):
            return True
        now, arrived = time.monotonic(), arrivals.look()
        is_moving = arrived - before >= idle * LEAST_RATE or time.process_time() - computed > idle * _BUSY
        if is_moving or not arrivals.has_open or _waits_for_lock():
            begun, before, computed = now, arrived, time.process_time()
        elif now - begun >= idle:
            return False


@contextlib.contextmanager
def no_larger_file(size: int) -> Iterator[None]:
    """Let no file that this process writes grow beyond `size` bytes (0: any size); writing fails there."""
    try:
        import resource  # not on Windows, where nothing bounds it
    except ImportError:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not size or (soft != resource.RLIM_INFINITY and soft <= size):
        yield
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _information(descriptor: int) -> tuple[int, int] | None:
    """Return state and received bytes of a socket, None where it is not TCP; raises OSError."""
    with socket.socket(fileno=os.dup(descriptor)) as end:
        if end.family not in (socket.AF_INET, socket.AF_INET6) or end.type != socket.SOCK_STREAM:
            return None
        data = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if len(data) < _RECEIVED_AT + 8:
        return None
    return data[0], struct.unpack_from("=Q", data, _RECEIVED_AT)[0]


def _waits_for_lock() -> bool:
    """Whether this process waits for a lock that another one holds, as rattler does while another one downloads."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return False
    own = str(os.getpid())
    return any("->" in (fields := line.split()) and own in fields for line in lines)
