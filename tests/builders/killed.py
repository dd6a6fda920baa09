"""Command lines that are killed (SIGKILL) while they run, and what must be true afterwards."""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from envmgr.artifacts.cache import ArtifactCache
from envmgr.cli import main
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
from envmgr.store import carried, generations, layout
from envmgr.workflows import verify

# A server that forks costs milliseconds a child where a new interpreter costs the imports each time.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["builders.killed", "builders.store"])


class Machine:
    """Runs command lines in children, in one directory under one environment; `kills` counts those cut off."""

    def __init__(self, directory: Path, environ: Mapping[str, str], seed: int) -> None:
        self.directory, self.environ = directory, dict(environ)
        self.settings = Settings.load(environ)
        self.kills = 0
        self._chance = random.Random(seed)

    def run(self, *arguments: str) -> int:
        """Run to the end and return the exit code."""
        child = self._start(arguments)
        child.join()
        assert isinstance(child.exitcode, int)
        return child.exitcode

    def run_for(self, longest: float, *arguments: str) -> None:
        """Run and kill after a random time of at most `longest` seconds, uvs that it started included."""
        child = self._start(arguments)
        child.join(self._chance.uniform(0, longest))
        if child.exitcode is None:
            child.kill()
            self.kills += 1
        child.join()

    def _start(self, arguments: tuple[str, ...]) -> multiprocessing.process.BaseProcess:
        child = _PROCESSES.Process(target=_run, args=(arguments, self.environ, self.directory))
        child.start()
        return child

    def faults(self, name: str) -> list[str]:
        """Return what `verify` finds wrong with an environment and with the package cache; an absent one is fine."""
        location = layout.named(self.settings, name)
        found = []
        if os.path.lexists(location.prefix):
            problems = verify.verify(location, self.settings, SilentReporter()).faults
            found += [f"{problem.kind} {problem.path}" for problem in problems]
            for kept in generations.kept(location):
                tree = location.generations / str(kept.number)
                if not (tree / "conda-meta/history").is_file():
                    found.append(f"generation {kept.number} has no history")
        found += [f"rotten {each.package}" for each in verify.verify_cache(self.settings, SilentReporter()).rotten]
        return found

    def rubbish(self, name: str) -> list[str]:
        """Return what a killed command left that the next one should have removed."""
        location = layout.named(self.settings, name)
        found = [str(path) for path in location.staging.glob("*")]
        found += [str(path) for path in ArtifactCache(self.settings).directory.glob(".*")]
        found += [str(path) for path in location.prefix.glob("conda-meta/envmgr/*.new")]
        found += [str(path) for path in location.prefix.glob("conda-meta/envmgr/incoming")]
        found += [f"unknown {each}" for each in carried.read(location.prefix).left]
        return found


def _run(arguments: tuple[str, ...], environ: dict[str, str], directory: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(directory)
    sys.argv = ["envmgr", *arguments]
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os._exit(main.run(list(arguments), environ))


def wait_for_settling() -> None:
    """Let the file system's clock move on, so that what is written now is later than what was."""
    time.sleep(0.02)
