"""Where everything is measured: one channel, one work directory on one file system, one process environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from measure import Subject


class Place:
    """The channel and the work directory, and the command lines that are measured in them."""

    def __init__(self, channel: Path, work: Path, runs: int) -> None:
        self.channel, self.work, self.runs = channel, work, runs
        self.url = channel.as_uri()
        self.names, self.leaf = _names_and_leaf(channel)
        self.envmgr = [str(Path(sys.executable).parent / "envmgr")]
        self.log = work / "log.txt"
        self.file = self.write("bench", self.names)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(work / "home"),
            "ENVMGR_ROOT": str(work / "root"),
            "ENVMGR_CACHE": str(work / "cache"),
            "ENVMGR_ADD_PIP_AS_PYTHON_DEPENDENCY": "0",
            "MAMBA_ROOT_PREFIX": str(work / "mamba"),
            "MAMBA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MAMBA_NO_RC": "true",
            "CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "CONDA_PKGS_DIRS": str(work / "conda-pkgs"),
        }
        (work / "home").mkdir(exist_ok=True)

    def write(self, name: str, dependencies: tuple[str, ...], pip: tuple[str, ...] = ()) -> Path:
        """Write an environment file for the environment `name` and return its path."""
        lines = [f"name: {name}", "channels:", f"  - {self.url}", "dependencies:"]
        lines += [f"  - {each}" for each in dependencies]
        lines += ["  - pip:", *(f"      - {each}" for each in pip)] if pip else []
        path = self.work / f"{name}.yml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def subject(
        self,
        name: str,
        command: list[str],
        prepare: Callable[[], None] = lambda: None,
        environ: Mapping[str, str] | None = None,
    ) -> Subject:
        """Return a subject in this place's process environment, or in `environ`."""
        return Subject(name=name, command=command, environ=environ or self.environ, prepare=prepare)

    def bare_python(self) -> Subject:
        """Return the start of the interpreter, which every command of Python pays."""
        return self.subject("python -c pass", [sys.executable, "-c", "pass"])

    def forget(self, *names: str) -> Callable[[], None]:
        """Return what removes files and directories of the work directory."""

        def remove() -> None:
            for name in names:
                shutil.rmtree(self.work / name, ignore_errors=True)
                (self.work / name).unlink(missing_ok=True)

        return remove

    def ours(self, *arguments: str) -> list[str]:
        """Return a command line of envmgr that asks nothing and prints no progress."""
        return [*self.envmgr, *arguments, "--yes", "--quiet"]

    def create(self, file: Path | None = None) -> list[str]:
        """Return the creation of an environment from a file, following the lock beside it where that fits."""
        return self.ours("create", "-f", str(file or self.file))

    def do(self, command: list[str]) -> None:
        """Run a command untimed; raises CalledProcessError where it fails."""
        subprocess.run(command, env=self.environ, check=True, stdout=subprocess.DEVNULL)

    def doing(self, command: list[str]) -> Callable[[], None]:
        """Return what runs a command untimed, until also the old generation that it set aside is removed."""

        def run() -> None:
            self.do(command)
            self.settled()

        return run

    def settled(self) -> None:
        """Wait until no process removes what earlier commands set aside: nobody waits for it, but it needs a processor.

        Raises TimeoutError after a minute.
        """
        staging, until = self.work / "root/envs/.staging", time.monotonic() + 60
        while staging.is_dir() and any(staging.iterdir()):
            if time.monotonic() > until:
                raise TimeoutError(f"{staging} is still in use")
            time.sleep(0.01)


def _names_and_leaf(channel: Path) -> tuple[tuple[str, ...], str]:
    """Return the names of a channel's packages, sorted, and the smallest that none of the others needs."""
    sizes: dict[str, int] = {}
    needed = {"python"}
    for path in channel.glob("*/repodata.json"):
        repodata = json.loads(path.read_text())
        for section in ("packages", "packages.conda"):
            for record in repodata.get(section, {}).values():
                sizes[record["name"]] = record["size"]
                needed |= {spec.partition(" ")[0] for spec in record["depends"]}
    leaves = sizes.keys() - needed
    if not leaves:
        raise SystemExit(f"{channel}: no repodata.json with packages in it")
    # python is pulled in by the others; asked for by name, micromamba wants a pip too
    return tuple(sorted(sizes.keys() - {"python"})), min(leaves, key=sizes.__getitem__)
