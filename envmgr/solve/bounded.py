"""libmambapy in a process of its own, for solves that may have to be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from threading import Timer
from types import TracebackType

from envmgr.errors import SolveError, SolveTimeout
from envmgr.solve.libsolv import Answer, Problem
from envmgr.urls import redact


class BoundedEngine:
    """Runs problems one after another in one process, started when first needed; a context manager that ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, problem: Problem, limit: timedelta, *, stated: timedelta) -> Answer:
        """Solve a problem. Raises SolveTimeout after `limit`, the rest of what the user has `stated`, and SolveError
        where libmamba fails on it."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "envmgr.solve.libsolv"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        stopped: list[bool] = []

        def stop() -> None:
            stopped.append(True)
            process.kill()

        timer = Timer(limit.total_seconds(), stop)
        timer.start()
        try:
            process.stdin.write(json.dumps(problem) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line.endswith("\n"):
            return Answer(*json.loads(line))
        last = "" if stopped else process.stderr.read().strip().rpartition("\n")[2]
        self.close()
        if stopped:
            raise SolveTimeout(
                f"libmamba found no solution within {stated.total_seconds():g} s, nor that there is none",
                hint="name versions for the packages that matter, or allow more time",
            )
        raise SolveError(f"libmamba cannot solve this request: {redact(last) or 'it ended without an answer'}")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:  # what was still to be written to a process that is gone
                    continue
        process.wait()

    def __enter__(self) -> BoundedEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
