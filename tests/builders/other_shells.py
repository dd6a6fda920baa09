"""Real shells of other languages than POSIX, driven by the few lines that mean the same in all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from builders.shells import Result, parse_dump
from envmgr.shell import csh, elvish, fish, nushell, scripts

PROGRAM = (sys.executable, "-m", "envmgr.cli.main")
ENDINGS = {"fish": "fish", "tcsh": "csh", "xonsh": "xsh", "nu": "nu", "elvish": "elv"}


def find(name: str) -> str | None:
    """Return the path of a shell: on PATH, or beside this Python (xonsh)."""
    return shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))


class OtherShell:
    """One real shell with the hook loaded, and a store of its own."""

    def __init__(self, name: str, program: str, directory: Path, environ: dict[str, str]) -> None:
        self.name = name
        self.ending = ENDINGS[name]
        self.root = directory / "ro'ot $x é"
        self.environ = {**environ, "ENVMGR_ROOT": str(self.root), "XONSHRC": "", "PATH": os.environ["PATH"]}
        self.command: tuple[str, ...] = PROGRAM
        self._program = program
        self._directory = directory

    def prefix(self, name: str) -> Path:
        return self.root / "envs" / name

    def setting(self, name: str, value: str) -> str:
        """Return a line that sets an environment variable to a plain word, as a script of a package would."""
        return {
            "fish": f"set -gx {name} {value}",
            "tcsh": f"setenv {name} {value}",
            "xonsh": f"${name} = '{value}'",
            "nu": f"$env.{name} = '{value}'",
            "elvish": f"set-env {name} {value}",
        }[self.name]

    def run(self, *lines: str, **variables: str) -> Result:
        """Run commands after the hook; `snapshot NAME` dumps the environment."""
        dumps = self._directory / "dumps"
        shutil.rmtree(dumps, ignore_errors=True)
        dumps.mkdir()
        hook = scripts.hook(self.name, command=self.command, root=str(self.root), change_prompt=True)
        file = self._directory / f"script.{self.ending}"
        file.write_bytes(os.fsencode("\n".join([self._prelude(hook, dumps), *lines, ""])))
        done = subprocess.run(
            [*self._command(), str(file)],
            env={**self.environ, **variables},
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        snapshots = {path.name: parse_dump(path.read_bytes()) for path in dumps.iterdir()}
        return Result(done.stdout, done.stderr, done.returncode, snapshots, {})

    def _command(self) -> Sequence[str]:
        options = {"fish": ["--no-config"], "tcsh": ["-f"], "xonsh": ["--no-rc"], "nu": ["--no-config-file"]}
        options["elvish"] = ["-norc"]
        return [self._program, *options[self.name]]

    def _prelude(self, hook: str, dumps: Path) -> str:
        if self.name == "fish":
            return f"{hook}\nfunction snapshot; env -0 >{fish.quote(str(dumps))}/$argv[1]; end"
        if self.name == "tcsh":
            file = self._directory / "hook.csh"
            file.write_bytes(os.fsencode(hook))
            into = csh.quote(str(dumps))
            return f"{csh.alias(str(file))}alias snapshot {csh.quote(f'env -0 >{into}/!:1')}"
        if self.name == "elvish":
            file = self._directory / "hook.elv"
            file.write_bytes(os.fsencode(hook))
            into = elvish.quote(f"{dumps}/")
            return (
                "var envmgr~ = $nil\n"
                f"eval (slurp < {elvish.quote(str(file))}) &on-end={{|ns| set envmgr~ = $ns[envmgr~] }}\n"
                f"fn snapshot {{|name| e:env -0 > {into}$name }}"
            )
        if self.name == "nu":
            own = f"env -0 | save --force ([{nushell.quote(str(dumps))} $name] | path join)"
            return f"{hook}\ndef snapshot [name: string] {{ ^{own} }}"
        return (
            f"{hook}\ndef _snapshot(args):\n    import subprocess\n"
            f"    with open({str(dumps)!r} + '/' + args[0], 'wb') as stream:\n"
            "        subprocess.run(['env', '-0'], env=__xonsh__.env.detype(), stdout=stream)\n"
            "aliases['snapshot'] = _snapshot"
        )
