"""Real shells, driven by scripts that dump what they see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from envmgr.shell import posix, scripts

SHELLS = {
    "bash": ["bash", "--noprofile", "--norc"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "busybox": ["busybox", "sh"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
}


class Result(NamedTuple):
    """What a script printed, and the exported variables and PS1 at each `snapshot NAME` in it."""

    stdout: str
    stderr: str
    code: int
    variables: Mapping[str, Mapping[str, str]]
    prompts: Mapping[str, str]


class Shell:
    """One real shell with the hook loaded, and a store of its own."""

    def __init__(self, name: str, directory: Path, environ: dict[str, str]) -> None:
        self.name = name
        self.root = directory / "ro'ot $x é"
        self.environ = {**environ, "ENVMGR_ROOT": str(self.root), "PATH": os.environ["PATH"]}
        self.command: tuple[str, ...] = (sys.executable, "-m", "envmgr.cli.main")
        self._directory = directory

    def prefix(self, name: str) -> Path:
        return self.root / "envs" / name

    def run(self, script: str, *, options: str = "eu", **variables: str) -> Result:
        """Run `script` after the hook under `set -OPTIONS`; it may call `snapshot NAME`."""
        dumps = self._directory / "dumps"
        shutil.rmtree(dumps, ignore_errors=True)
        dumps.mkdir()
        strict = f"set -{options}\n" if options else ""
        if options and self.name in ("bash", "zsh"):
            strict += "set -o pipefail\n"
        into = posix.quote(str(dumps))
        snapshot = f'snapshot() {{ env -0 >{into}/$1; printf %s "${{PS1-unset}}" >{into}/$1.ps1; }}\n'
        setup = strict + snapshot + scripts.hook("posix", command=self.command, root=str(self.root), change_prompt=True)
        file = self._directory / "script.sh"
        file.write_bytes(os.fsencode(setup + script))
        done = subprocess.run(
            [*SHELLS[self.name], str(file)],
            env={**self.environ, **variables},
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        snapshots = {path.name: parse_dump(path.read_bytes()) for path in dumps.iterdir() if path.suffix != ".ps1"}
        prompts = {path.stem: path.read_text() for path in dumps.iterdir() if path.suffix == ".ps1"}
        return Result(done.stdout, done.stderr, done.returncode, snapshots, prompts)


def parse_dump(dump: bytes) -> dict[str, str]:
    entries = (os.fsdecode(entry).partition("=") for entry in dump.split(b"\0") if entry)
    return {
        name: value
        for name, _, value in entries
        if name not in ("_", "SHLVL", "OLDPWD", "PWD", "LAST_EXIT_CODE", "_AST_FEATURES")
    }
