"""`shell`: how an interactive shell is started so that it begins in an environment, after its own startup files.

Each is given a file that reads what the shell would have read, then the hook, and activates; the variables by which it
is told so are taken back by that file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import EnvmgrError
from envmgr.settings import Settings
from envmgr.shell import scripts, startup
from envmgr.workflows import shells

_ENTER = 'envmgr activate "$_ENVMGR_SUBSHELL"; unset _ENVMGR_SUBSHELL\n'
_NOTHING: Mapping[str, str] = {}


class Subshell(NamedTuple):
    """The argv of an interactive shell, and the variables that it is started with beside those of this process."""

    argv: list[str]
    variables: Mapping[str, str] = _NOTHING


class _Wish(NamedTuple):
    shell: str
    program: str
    prefix: str
    hook: Path
    settings: Settings

    @property
    def line(self) -> str:
        return startup.source_line(self.shell, self.hook)

    @property
    def startup_file(self) -> Path:
        return startup.path_of(self.shell, self.settings.environ, self.settings.home)

    def quoted(self, text: str) -> str:
        quoted: str = scripts.family_of(self.shell).module.quote(text)
        return quoted


def plan(shell: str, program: str, prefix: str, settings: Settings, command: tuple[str, ...]) -> Subshell | None:
    """Return how `shell` is started in the environment at `prefix`, and write the files that it reads.

    `command` is the argv that starts envmgr. None for a shell that cannot be told so, tcsh: it is started with the
    variables only. Raises ConfigError.
    """
    try:
        hook = shells.write_hook(shell, settings, command)
    except EnvmgrError:
        return None
    make = _MAKERS.get(shell) or _MAKERS.get(scripts.family_of(shell).name)
    return None if make is None else make(_Wish(shell, program, prefix, hook, settings))


def _bash(wish: _Wish) -> Subshell:
    text = f"if [ -r ~/.bashrc ]; then . ~/.bashrc; fi\n{wish.line}\n{_ENTER}"
    file = _written(wish.hook.with_name("subshell.bash"), text)
    return Subshell([wish.program, "--rcfile", file, "-i"], {"_ENVMGR_SUBSHELL": wish.prefix})


def _zsh(wish: _Wish) -> Subshell:
    directory = wish.hook.parent / "zdotdir"
    _written(
        directory / ".zshrc",
        "ZDOTDIR=${_ENVMGR_ZDOTDIR:-$HOME}; unset _ENVMGR_ZDOTDIR\n"
        f'if [ -r "$ZDOTDIR/.zshrc" ]; then . "$ZDOTDIR/.zshrc"; fi\n{wish.line}\n{_ENTER}',
    )
    own = '"${_ENVMGR_ZDOTDIR:-$HOME}/.zshenv"'
    _written(directory / ".zshenv", f"if [ -r {own} ]; then . {own}; fi\n")
    variables = {"_ENVMGR_SUBSHELL": wish.prefix, "ZDOTDIR": str(directory)}
    before = wish.settings.environ.get("ZDOTDIR")
    return Subshell([wish.program, "-i"], variables | ({"_ENVMGR_ZDOTDIR": before} if before else {}))


def _posix(wish: _Wish) -> Subshell:
    """dash, ksh and their like read the file that ENV names when they are interactive (POSIX sh)."""
    file = _written(
        wish.hook.with_name("subshell.sh"),
        'if [ -n "${_ENVMGR_ENV+x}" ]; then ENV=$_ENVMGR_ENV; export ENV; else unset ENV; fi\n'
        'if [ -r "${_ENVMGR_ENV:-$_ENVMGR_RC}" ]; then . "${_ENVMGR_ENV:-$_ENVMGR_RC}"; fi\n'
        f"unset _ENVMGR_ENV _ENVMGR_RC\n{wish.line}\n{_ENTER}",
    )
    rc = str(wish.startup_file) if wish.shell in ("ksh", "mksh") else ""
    before = wish.settings.environ.get("ENV")
    variables = {"_ENVMGR_SUBSHELL": wish.prefix, "ENV": file, "_ENVMGR_RC": rc}
    return Subshell([wish.program, "-i"], variables | ({} if before is None else {"_ENVMGR_ENV": before}))


def _fish(wish: _Wish) -> Subshell:
    enter = f"envmgr activate {wish.quoted(wish.prefix)}"
    return Subshell([wish.program, "--init-command", f"{wish.line}; {enter}"])


def _nushell(wish: _Wish) -> Subshell:
    enter = f"source {wish.quoted(str(wish.hook))}; envmgr activate {wish.quoted(wish.prefix)}"
    return Subshell([wish.program, "--execute", enter])


def _elvish(wish: _Wish) -> Subshell:
    rc, own = wish.quoted(str(wish.startup_file)), wish.quoted(str(wish.hook))
    # What `eval` defines is not seen by the rest of this file; the interactive shell has it by the first `eval`.
    file = _written(
        wish.hook.with_name("subshell.elv"),
        f"use path\nif (path:is-regular &follow-symlink=$true {rc}) {{ eval (slurp < {rc}) }}\n{wish.line}\n"
        f"eval (slurp < {own}) &on-end={{|ns| $ns[envmgr~] activate $E:_ENVMGR_SUBSHELL }}\n"
        "unset-env _ENVMGR_SUBSHELL\n",
    )
    return Subshell([wish.program, "-rc", file], {"_ENVMGR_SUBSHELL": wish.prefix})


def _xonsh(wish: _Wish) -> Subshell:
    file = _written(
        wish.hook.with_name("subshell.xsh"),
        f"{wish.line}\nenvmgr activate @($_ENVMGR_SUBSHELL)\ndel $_ENVMGR_SUBSHELL\n",
    )
    files = [str(wish.startup_file), file] if wish.startup_file.is_file() else [file]
    return Subshell([wish.program, "-i", "--rc", *files], {"_ENVMGR_SUBSHELL": wish.prefix})


def _powershell(wish: _Wish) -> Subshell:
    enter = f"envmgr activate {wish.quoted(wish.prefix)}"
    return Subshell([wish.program, "-NoExit", "-Command", f"{wish.line}; {enter}"])


def _cmd(wish: _Wish) -> Subshell:
    return Subshell([wish.program, "/k", "call", str(wish.hook), "activate", f"{wish.prefix}\\."])


# By the name of a shell, or of its family.
_MAKERS: Mapping[str, Callable[[_Wish], Subshell]] = {
    "bash": _bash, "zsh": _zsh, "posix": _posix, "fish": _fish, "nushell": _nushell, "elvish": _elvish,
    "xonsh": _xonsh, "powershell": _powershell, "cmd": _cmd,
}  # fmt: skip


def _written(path: Path, text: str) -> str:
    data = os.fsencode(text)
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        shells.replace(path, data, 0o644)
    return str(path)
