"""The processes that unpack archives, in parallel and apart from this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from envmgr import errors
from envmgr.artifacts.distrust import corrupt
from envmgr.artifacts.manifest import Manifest, parse_manifest
from envmgr.artifacts.trees import measure
from envmgr.errors import CorruptPackage, EnvmgrError, StoreError
from envmgr.lock.model import CondaPackage

MOST = 8  # processes
SMALLEST_BOUND = 2 * 1024**3  # bytes that any archive may unpack to
LARGEST_RATIO = 100  # bytes unpacked by byte of archive; the best real packages reach 20
MOST_ENTRIES = 2_000_000  # files and directories
_LOOK_AFTER = 2.0  # seconds of unpacking before the first look at how much it has become
_LONGEST_ANSWER = 2**28  # bytes
_SERVE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from envmgr.artifacts.unpack import serve; serve()"


class Unpacker:
    """One unpacking process, for one archive at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answer: asyncio.Future[bytes] | None = None
        self._is_killed = False

    @classmethod
    async def start(cls) -> Unpacker:
        """Start the process; raises OSError when there can be none."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-c", _SERVE, json.dumps(sys.path),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                limit=_LONGEST_ANSWER,
                start_new_session=True,  # Ctrl-C is for this process alone, which then ends the others in order
            )
        )  # fmt: skip

    async def unpack(
        self, archive: Path, destination: Path, package: CondaPackage, *, smallest_bound: int = SMALLEST_BOUND
    ) -> Manifest:
        """Extract `archive` into the absent directory `destination` and return its manifest.

        It may unpack to LARGEST_RATIO times its size, and in any case to `smallest_bound` bytes.

        Raises what `envmgr.artifacts.unpack.unpack` raises, and CorruptPackage for an archive that unpacks to
        absurdly much or brings the process down.
        """
        with contextlib.suppress(FileNotFoundError):  # the unpacking process words what is missing
            smallest_bound = max(smallest_bound, LARGEST_RATIO * archive.stat().st_size)
        request = {
            "archive": str(archive),
            "destination": str(destination),
            "package": package._asdict(),
            "bound": smallest_bound,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died; the missing answer tells
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
        self._answer = asyncio.ensure_future(self._process.stdout.readline())
        await self._watch(self._answer, destination, package, smallest_bound)
        line = self._answer.result()
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            raise CorruptPackage(
                f"{package.filename} cannot be unpacked: the unpacking process ended with "
                + (f"signal {-code}" if code < 0 else f"exit code {code}"),
                details={"package": package.dist_name},
            )
        return _answered(json.loads(line))

    async def end(self) -> None:
        """End the process, whatever it does."""
        self._kill()
        if self._answer is not None:
            # An interrupted `unpack` may still hold the stream, of which only one may read.
            self._answer.cancel()
            await asyncio.wait({self._answer})
        await self._process.communicate()

    def _kill(self) -> None:
        """Kill the process, once: asking about one that has ended takes its exit code from asyncio's own watcher."""
        if not self._is_killed:
            self._is_killed = True
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _watch(self, answer: asyncio.Future[bytes], destination: Path, package: CondaPackage, bound: int) -> None:
        """Wait for the answer, looking now and then whether the archive is a bomb."""
        pause = _LOOK_AFTER
        try:
            while not (await asyncio.wait({answer}, timeout=pause))[0]:
                pause *= 1.5
                size, count = await asyncio.to_thread(measure, destination)
                if size > bound or count > MOST_ENTRIES:
                    much = f"unpacks to more than {bound:,} bytes or {MOST_ENTRIES:,} files"
                    raise corrupt(package, [("the archive", much)])
        except BaseException:
            self._kill()  # it would go on writing
            await self._process.wait()
            raise


@contextlib.asynccontextmanager
async def unpackers(most: int) -> AsyncIterator[asyncio.Queue[Unpacker]]:
    """Yield a queue of idle unpacking processes, at most `most` and as many as there are processors.

    Who takes one puts it back. Raises StoreError when no process can be started.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    started: list[Unpacker] = []
    idle: asyncio.Queue[Unpacker] = asyncio.Queue()
    try:
        for _ in range(max(1, min(most, processors, MOST))):
            try:
                started.append(await Unpacker.start())
            except OSError as error:
                if not started:
                    raise StoreError(f"no process can be started to unpack packages: {error.strerror}") from error
                break
            idle.put_nowait(started[-1])
        yield idle
    finally:
        await asyncio.gather(*(unpacker.end() for unpacker in started))


def _answered(answer: dict[str, Any]) -> Manifest:
    if "error" in answer:
        kind, message, hint, details = answer["error"]
        error_type: type[EnvmgrError] = getattr(errors, kind)
        raise error_type(message, hint=hint, details=details)
    manifest = parse_manifest(answer["manifest"])
    assert manifest is not None
    return manifest
