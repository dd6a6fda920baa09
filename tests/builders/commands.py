"""envmgr as a user runs it: one command line in, exit code and both streams out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from envmgr.cli import main

PROGRAM = (sys.executable, "-m", "envmgr.cli.main")


class Done(NamedTuple):
    """How a command line ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)


class Envmgr:
    """Runs command lines in one directory under one environment: in this process, which is quick, or in another."""

    def __init__(
        self,
        directory: Path,
        environ: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.directory = directory
        self.environ = environ
        self.root = Path(environ["ENVMGR_ROOT"])
        self.cache = Path(environ["ENVMGR_CACHE"])
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """Run in this process; never for `run`, which would replace it."""
        environ = {**self.environ, **variables}
        before = dict(os.environ)
        with self._monkeypatch.context() as patch:
            for name in set(os.environ) - set(environ):
                patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.chdir(self.directory)
            patch.setattr(sys, "argv", ["envmgr", *arguments])
            self._capfd.readouterr()
            code = main.run(list(arguments), environ)
            out, err = self._capfd.readouterr()
        for name in set(os.environ) - set(before):  # proxies and certificates of a configuration are the process's
            del os.environ[name]
        return Done(code, out, err)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a process of its own (and of its own group, for signals)."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            env={**self.environ, **variables},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def process(self, *arguments: str, **variables: str) -> Done:
        """Run in a process of its own."""
        with self.start(*arguments, **variables) as process:
            out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def ok(self, *arguments: str, **variables: str) -> str:
        """Run in this process and return stdout; anything but success fails the test."""
        done = self(*arguments, **variables)
        assert (done.code, done.err) == (0, ""), done
        return done.out

    def write(self, name: str, text: str) -> Path:
        """Write a file beside which the commands run."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def prefix(self, name: str) -> Path:
        """Return the prefix of a named environment."""
        return self.root / "envs" / name


def tools(channel: LocalChannel) -> LocalChannel:
    """Add what the commands are tried on: dependencies, a command, activation, versions, and what cannot be had."""
    activation = {
        "etc/conda/activate.d/greet.sh": "export GREETING=hello\n",
        "etc/conda/deactivate.d/greet.sh": "unset GREETING\n",
    }
    return channel.add(
        Package(name="base-files", files={"share/base.txt": "base\n"}),
        _tool("1.0"),
        _tool("2.0"),
        Package(name="greet", files=activation),
        Package(name="numpy", version="1.26", files={"share/numpy.txt": "0" * 5000}),
        Package(name="too-new", depends=["base-files >=9"], files={"share/new.txt": ""}),
        Package(name="old-only", depends=["tool <2"], files={"share/old.txt": ""}),
    )


def _tool(version: str) -> Package:
    return Package(
        name="tool",
        version=version,
        depends=["base-files"],
        files={"bin/tool": f"#!/bin/sh\necho tool {version} $*\n"},
        executable=["bin/tool"],
    )


def environment_file(channel: LocalChannel, *dependencies: str, name: str | None = "science", more: str = "") -> str:
    """Return the text of an environment file, one dependency a line from line 5 on (line 4 without a name)."""
    lines = [f"name: {name}"] if name else []
    lines += ["channels:", f"  - {channel.url}", "dependencies:", *(f"  - {spec}" for spec in dependencies)]
    return "\n".join(lines) + f"\n{more}"


def entries(directory: Path) -> Mapping[str, int]:
    """Return every file below a directory with the nanosecond of its last change: equal when nothing happened.

    Without the mark that a generation has reached the disk, which a process of its own makes at its leisure, and
    without what `run -f` remembers, which is written only when the last change is old enough to be told apart.
    """
    return {
        str(path.relative_to(directory)): path.lstat().st_mtime_ns
        for path in sorted(directory.rglob("*"))
        if not path.is_dir() and path.name != "settled-state" and path.parent.name != "followed"
    }
