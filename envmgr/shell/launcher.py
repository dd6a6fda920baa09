"""Launchers: small files on PATH that start a command in an environment of its own, without envmgr."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePath

from envmgr.shell import cmd, posix

_MARK = "written by `envmgr tool`"
_LONGEST = 4096  # bytes


def text(prefix: Path, command: str, tool: str, shell: str = "/bin/sh") -> str:
    """Return the launcher of `command` in the environment at `prefix`, which belongs to `tool`.

    `shell` is the absolute path of a POSIX shell, and sources what packages do at activation.
    """
    if sys.platform == "win32":
        return batch(prefix, command, tool)
    activate, program = posix.quote(f"{prefix}/conda-meta/envmgr/activate.sh"), posix.quote(f"{prefix}/bin/{command}")
    gone = posix.quote(f"error: {command} is gone with its environment, {prefix}\n\nhint: envmgr tool install {tool}\n")
    return (
        f"#!{shell}\n# {_MARK} for {tool}\n"
        f"[ -x {program} ] || {{ printf %s {gone} >&2; exit 127; }}\n"
        f"{{ [ ! -r {activate} ] || . {activate}; }} </dev/null >&2\n"
        f'exec {program} "$@"\n'
    )


def batch(prefix: PurePath, command: str, tool: str) -> str:
    """Return the launcher for Windows: a batch file that enters the environment for the command alone."""
    steps = f"{cmd.quote(str(prefix))}\\conda-meta\\envmgr\\activate.bat"
    lines = (
        f"@rem {_MARK} for {tool}",
        "@setlocal",
        '@set "__envmgr_level=1"',
        f'@call "{steps}" describe',
        '@set "PATH=%__envmgr_path%;%PATH%"',
        f'@call "{steps}" enter',
        f'@"{cmd.quote(command)}" %*',
        "",
    )
    return "\r\n".join(lines)


def file_name(command: str) -> str:
    """Return the name of the launcher of `command`."""
    return f"{command}.bat" if sys.platform == "win32" else command


def owner(path: Path) -> str | None:
    """Return the tool that a launcher belongs to, None for what is no launcher, or is not there."""
    if path.is_symlink():
        return None
    try:
        with open(path, "rb") as stream:
            head = os.fsdecode(stream.read(_LONGEST)).splitlines()[:2]
    except OSError:
        return None
    marked = next((line for line in head if f"{_MARK} for " in line), None)
    return None if marked is None else marked.rpartition(" for ")[2]
