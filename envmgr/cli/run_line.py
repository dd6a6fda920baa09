"""The command line of `run`, for the path that does not wait for click, and what its options do to a process.

On the path of `run`: imports nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from envmgr.errors import UsageError
from envmgr.shell.plan import is_name

_IGNORED = frozenset({"--no-capture-output", "--live-stream", "-s", "--dev", "--debug-wrapper-scripts"})
_VALUED = {
    "-n": "name", "--name": "name", "-p": "prefix", "--prefix": "prefix", "-f": "file", "--file": "file",
    "--cwd": "cwd", "--env": "env",
}  # fmt: skip
_FLAGS = {"--clean-env": "is_clean", "-v": "is_verbose", "--verbose": "is_verbose"}
# What a process needs to find its user, terminal and display; and envmgr's own settings, for envmgr inside of it.
_KEPT = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "TZ", "TMPDIR", "LANG", "LANGUAGE", "HOSTNAME"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SYSTEMROOT", "PWD"),
    }
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST_FIRST_LINE = 512  # bytes


class RunLine(NamedTuple):
    """What `run` was given, as it was written; `env` are `NAME=VALUE`."""

    command: Sequence[str] = ()
    name: str | None = None
    prefix: str | None = None
    file: str | None = None
    cwd: str | None = None
    env: tuple[str, ...] = ()
    is_clean: bool = False
    is_verbose: bool = False


def parse(arguments: Sequence[str]) -> RunLine | None:
    """Return what the arguments of `run` say, or None for what needs click: help, mistakes, several files."""
    values: dict[str, str] = {}
    flags: dict[str, bool] = {}
    env: list[str] = []
    index = 0
    while index < len(arguments):
        word = arguments[index]
        key, equals, value = word.partition("=")
        if word == "--":
            index += 1
            break
        if not word.startswith("-"):
            break
        if word in _VALUED and index + 1 < len(arguments):
            index += 1
            key, value = word, arguments[index]
        elif word in _FLAGS or word in _IGNORED:
            if word in _FLAGS:
                flags[_FLAGS[word]] = True
            index += 1
            continue
        elif not (equals and key.startswith("--") and key in _VALUED):
            return None
        if _VALUED[key] == "env":
            env.append(value)
        elif _VALUED[key] in values or not value:
            return None
        else:
            values[_VALUED[key]] = value
        index += 1
    return RunLine(command=arguments[index:], env=tuple(env), **values, **flags)  # type: ignore[arg-type]


def environment(line: RunLine, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to activate upon; changes into the directory of `--cwd`.

    Raises UsageError for a directory that cannot be entered, and for what is no `NAME=VALUE`.
    """
    variables = dict(environ)
    if line.is_clean:
        kept = {name for name in environ if name in _KEPT or name.startswith(("LC_", "ENVMGR_"))}
        variables = {name: environ[name] for name in kept} | {"PATH": _SYSTEM_PATH}
    if line.cwd is not None:
        directory = os.path.abspath(line.cwd)
        try:
            os.chdir(directory)
        except OSError as error:
            raise UsageError(f"--cwd {line.cwd}: {error.strerror}") from error
        variables["PWD"] = directory
    return variables


def additions(line: RunLine) -> dict[str, str]:
    """Return the variables of `--env`, which beat those of the environment; raises UsageError."""
    found = {}
    for text in line.env:
        name, equals, value = text.partition("=")
        if not equals or not is_name(name):
            raise UsageError(f"--env {text}: expected NAME=VALUE", hint=f"--env {name or 'NAME'}=VALUE")
        found[name] = value
    return found


def beside_script(file: str, command: Sequence[str]) -> str:
    """Return where the environment file is that `-f` names.

    In the first line of a script (`#!/usr/bin/env -S envmgr run -f environment.yml python`) a path is relative to
    the script, wherever that is started from; on a command line it is relative to the current directory.
    """
    if os.path.isabs(file) or file == "-" or "://" in file:
        return file
    for word in command[1:]:
        if word.startswith("-"):
            continue
        try:
            with open(word, "rb") as stream:
                first = stream.read(_LONGEST_FIRST_LINE).split(b"\n", 1)[0]
        except (OSError, ValueError):
            return file
        words = os.fsdecode(first).split()
        names_file = any(each == file or each.endswith(f"={file}") for each in words)
        if first.startswith(b"#!") and "run" in words and names_file and any("envmgr" in each for each in words):
            return os.path.join(os.path.dirname(os.path.realpath(word)), file)
        return file
    return file
