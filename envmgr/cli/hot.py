"""What must not wait for click: `run`, `shell-hook`, and the scripts that the shell hook asks for.

Only the plain forms are taken; whatever else stands on the command line is left to the command tree, which knows
`--help`, `-f` and how to complain. Imports are local: each form pays only for its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

_IGNORED = frozenset({"--no-capture-output", "--live-stream", "-s"})
_VALUED = {"-n": "name", "--name": "name", "-p": "prefix", "--prefix": "prefix", "--cwd": "cwd"}


def dispatch(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Do what `argv` (without the program) asks for and return the exit code, or None to leave it to click.

    `run` does not return where it succeeds: the process is replaced. Raises EnvmgrError.
    """
    if not argv:
        return None
    command, arguments = argv[0], argv[1:]
    if command == "run" and sys.platform != "win32":
        return _run(arguments, environ)
    if command in ("_activate", "_deactivate") and len(arguments) == 2:
        return _script(command[1:], arguments[0], arguments[1], environ)
    if command == "shell-hook" and len(arguments) == 1 and not arguments[0].startswith("-"):
        return _shell_hook(arguments[0], environ)
    return None


def own_command() -> tuple[str, ...]:
    """Return the absolute argv by which this envmgr can be started again, from anywhere."""
    script = os.path.abspath(sys.argv[0])
    if os.path.basename(script) == "envmgr" and os.access(script, os.X_OK):
        return (script,)
    return (sys.executable, "-m", "envmgr.cli.main")


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    parsed = _parse_run(arguments)
    if parsed is None:
        return None
    options, argv = parsed
    name, path, cwd = options.get("name"), options.get("prefix"), options.get("cwd")
    if not argv or (name is not None and path is not None):
        return None
    if name is None and path is None and not environ.get("CONDA_PREFIX"):
        return None
    prefix = _prefix(name, path, environ)
    if _is_suspect(prefix):
        return None
    from envmgr.shell import files, process

    plan, command = files.load(prefix), own_command()
    if cwd is not None:
        environ = {**environ, "PWD": _change_directory(cwd)}
    process.run(plan, argv, environ, command=command)


def _parse_run(arguments: Sequence[str]) -> tuple[dict[str, str], Sequence[str]] | None:
    options: dict[str, str] = {}
    index = 0
    while index < len(arguments):
        word = arguments[index]
        key, equals, value = word.partition("=")
        if word == "--":
            return options, arguments[index + 1 :]
        if word in _VALUED and index + 1 < len(arguments):
            index += 1
            key, value = word, arguments[index]
        elif not (equals and key.startswith("--") and key in _VALUED):
            if word in _IGNORED:
                index += 1
                continue
            return None if word.startswith("-") else (options, arguments[index:])
        if _VALUED[key] in options or not value:
            return None
        options[_VALUED[key]] = value
        index += 1
    return None


def _prefix(name: str | None, path: str | None, environ: Mapping[str, str]) -> str:
    """Return the prefix of an existing environment; raises what `layout.find` raises."""
    guess = None
    if name is not None:
        root = _root(environ)
        # A leading dot or a slash is no name; what to say about it is known below.
        if root is not None and name[0] != "." and os.sep not in name:
            guess = os.path.join(root, "envs", name)
    else:
        guess = os.path.abspath(os.path.expanduser(path or environ["CONDA_PREFIX"]))
    if guess is not None and not os.path.islink(guess) and os.path.isfile(os.path.join(guess, "conda-meta", "history")):
        return guess
    from envmgr.settings import Settings
    from envmgr.store import layout

    return str(layout.find(Settings.load(environ), name=name, prefix=path).prefix)


def _root(environ: Mapping[str, str]) -> str | None:
    """Return the store's directory where that needs no settings: the rules of `Settings.load`, in short."""
    root = environ.get("ENVMGR_ROOT")
    return os.path.abspath(os.path.expanduser(root)) if root else None


def _is_suspect(prefix: str) -> bool:
    """Whether the machine restarted before this generation reached the disk, so that `run` must repair it first."""
    own = os.path.join(prefix, "conda-meta", "envmgr")
    try:
        with open(os.path.join(own, "settled-state"), "rb") as stream:
            if stream.read(1) == b"1":
                return False
    except OSError:
        if not os.path.exists(os.path.join(own, "generation.json")):
            return False
    from pathlib import Path

    from envmgr.store import generations

    generation = generations.current(Path(prefix))
    return generation is not None and generations.is_suspect(Path(prefix), generation)


def _change_directory(cwd: str) -> str:
    from envmgr.errors import UsageError

    directory = os.path.abspath(cwd)
    try:
        os.chdir(directory)
    except OSError as error:
        raise UsageError(f"--cwd {cwd}: {error.strerror}") from error
    return directory


def _script(step: str, shell: str, target: str, environ: Mapping[str, str]) -> int:
    from envmgr.shell import scripts

    if step == "deactivate":
        text = scripts.script_for(os.path.abspath(target), shell, "deactivate")
    else:
        is_path = os.sep in target or target in (".", "..")
        prefix = _prefix(None if is_path else target, target if is_path else None, environ)
        text = scripts.script_for(prefix, shell)
    _print(text)
    return 0


def _shell_hook(shell: str, environ: Mapping[str, str]) -> int:
    from envmgr.settings import Settings
    from envmgr.shell import cmd, csh, scripts
    from envmgr.workflows import shells

    settings, family = Settings.load(environ), scripts.family_of(shell)
    if family is scripts.CSH:
        _print(csh.alias(str(shells.write_hook(shell, settings, own_command()))))
    elif family is scripts.CMD:
        _print(cmd.macro(str(shells.write_hook(shell, settings, own_command()))))
    else:
        _print(shells.hook_text(shell, settings, own_command()))
    return 0


def _print(text: str) -> None:
    # As bytes: a prefix need not be text in the encoding of stdout.
    with open(1, "wb", closefd=False) as stdout:
        stdout.write(os.fsencode(text))
