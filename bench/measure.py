"""Whole processes, timed by the operating system's own accounting."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One way of doing a thing: `command` is timed, `prepare` runs untimed before each run."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    prepare: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians of the counted runs: wall seconds, those of all processors, and peak resident bytes of the largest
    process."""

    name: str
    seconds: float
    fastest: float
    slowest: float
    processor_seconds: float
    peak_bytes: int


def compare(subjects: Sequence[Subject], *, runs: int, log: Path) -> dict[str, Result]:
    """Run the subjects in turn, A B C A B C, after one uncounted round; a failing run ends the benchmark."""
    seconds: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    processors: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    peaks: dict[str, list[int]] = {subject.name: [] for subject in subjects}
    for turn in range(runs + 1):
        for subject in subjects:
            subject.prepare()
            took, processor, peak = _run(subject, log)
            if turn:
                seconds[subject.name].append(took)
                processors[subject.name].append(processor)
                peaks[subject.name].append(peak)
    return {
        name: Result(
            name=name,
            seconds=statistics.median(times),
            fastest=min(times),
            slowest=max(times),
            processor_seconds=statistics.median(processors[name]),
            peak_bytes=int(statistics.median(peaks[name])),
        )
        for name, times in seconds.items()
    }


def _run(subject: Subject, log: Path) -> tuple[float, float, int]:
    with log.open("ab") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            subject.command, env=dict(subject.environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{subject.name}: exit code {process.returncode}; what it printed is in {log}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
