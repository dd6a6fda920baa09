"""What must not wait for click: `run`, `create -f` with nothing to do, `shell-hook`, `--version`, and the scripts that
the shell hook asks for.

Only the plain forms are taken; whatever else stands on the command line is left to the command tree, which knows
`--help`, `-f` and how to complain. Imports are local: each form pays only for its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from envmgr.cli.run_line import RunLine


def dispatch(argv: Sequence[str], environ: Mapping[str, str], rest: Callable[[], int] | None = None) -> int | None:
    """Do what `argv` (without the program) asks for and return the exit code, or None to leave it to click.

    `run` does not return where it succeeds: the process is replaced. `rest` is click, for
    what holds something meanwhile (None: nothing does). Raises EnvmgrError, and what `rest` raises.
    """
    if not argv:
        return None
    command, arguments = argv[0], argv[1:]
    if command in ("--version", "-V") and not arguments:
        return _version()
    if command == "run" and sys.platform != "win32":
        return _run(arguments, environ)
    if command == "create" and rest is not None and sys.platform != "win32":
        return _create(arguments, environ, rest)
    if command in ("_activate", "_deactivate") and len(arguments) == 2:
        return _script(command[1:], arguments[0], arguments[1], environ)
    if command == "_missing" and len(arguments) == 2:
        from envmgr.shell import files, missing

        raise missing.command_not_found(arguments[0], files.load(arguments[1]))
    if command == "shell-hook" and len(arguments) == 1 and not arguments[0].startswith("-"):
        return _shell_hook(arguments[0], environ)
    return None


def _version() -> int:
    from envmgr import __version__

    print(f"envmgr {__version__}")
    return 0


def own_command() -> tuple[str, ...]:
    """Return the absolute argv by which this envmgr can be started again, from anywhere."""
    script = os.path.abspath(sys.argv[0])
    if os.path.basename(script) == "envmgr" and os.access(script, os.X_OK):
        return (script,)
    return (sys.executable, "-m", "envmgr.cli.main")


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    from envmgr.cli import run_line

    line = run_line.parse(arguments)
    if line is None or not line.command or (line.name is not None and line.prefix is not None):
        return None
    written = None
    if line.file is not None:
        prefix, written = _followed(run_line.beside_script(line.file, line.command), line, environ)
    elif line.name is None and line.prefix is None and not environ.get("CONDA_PREFIX"):
        prefix = None
    else:
        prefix = _prefix(line.name, line.prefix, environ)
    if prefix is None or is_suspect(prefix):
        return None
    start(prefix, line, environ, written)


def _create(arguments: Sequence[str], environ: Mapping[str, str], rest: Callable[[], int]) -> int | None:
    from envmgr.cli import create_line

    line = create_line.parse(arguments)
    root = root_of(environ) if line is not None else None
    return None if line is None or root is None else create_line.answer(line, root, environ, rest)


def start(prefix: str, line: RunLine, environ: Mapping[str, str], written: int | None = None) -> NoReturn:
    """Replace this process by the command of `line` in the environment at `prefix`; raises EnvmgrError.

    `written` is the time of its run.json in nanoseconds, where that is known.
    """
    from envmgr.cli import run_line
    from envmgr.shell import files, process

    # Before anything: these are relative to where the user is.
    plan, command = files.load(prefix, written), own_command()
    if os.path.exists(f"{prefix}/conda-meta/envmgr/accelerators"):
        _say_of_gpu(prefix, environ)
    more = run_line.additions(line)
    environ = run_line.environment(line, environ)
    process.run(plan, line.command, environ, command=command, more=more, is_verbose=line.is_verbose)


def _say_of_gpu(prefix: str, environ: Mapping[str, str]) -> None:
    from envmgr.store import gpu_notice

    said = gpu_notice.text(prefix, environ)
    if said is not None:
        print(f"warning: {said}", file=sys.stderr)


def _followed(file: str, line: RunLine, environ: Mapping[str, str]) -> tuple[str, int] | tuple[None, None]:
    """Return the environment of the file, where it is known to be up to date, and the time of its run.json."""
    root = None if file == "-" or "://" in file else root_of(environ)
    if root is None:
        return None, None
    from envmgr.store import followed

    return followed.prefix_of(root, (file, line.name or "", line.prefix or ""), environ) or (None, None)


def _prefix(name: str | None, path: str | None, environ: Mapping[str, str]) -> str:
    """Return the prefix of an existing environment; raises what `layout.find` raises."""
    guess = None
    if name is not None:
        root = root_of(environ)
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


def root_of(environ: Mapping[str, str]) -> str | None:
    """Return the store's directory where that needs no settings: the rules of `Settings.load`, in short."""
    root = environ.get("ENVMGR_ROOT")
    if root:
        return os.path.abspath(os.path.expanduser(root))
    home = environ.get("HOME")
    if sys.platform != "linux" or not home:
        return None
    user = environ.get("ENVMGR_CONFIG") or f"{environ.get('XDG_CONFIG_HOME') or home + '/.config'}/envmgr/config.yaml"
    for file in (environ.get("ENVMGR_SITE_CONFIG") or "/etc/envmgr/config.yaml", user):
        try:
            with open(file, "rb") as stream:
                if b"root" in stream.read(1 << 20):
                    return None
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return os.path.join(environ.get("XDG_DATA_HOME") or f"{home}/.local/share", "envmgr")


def is_suspect(prefix: str) -> bool:
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


def _script(step: str, shell: str, target: str, environ: Mapping[str, str]) -> int:
    from envmgr.shell import scripts

    if step == "deactivate":
        text = scripts.script_for(os.path.abspath(target), shell, "deactivate")
    else:
        is_path = "/" in target or os.sep in target or target in (".", "..")
        prefix = _prefix(None if is_path else target, target if is_path else None, environ)
        text = scripts.script_for(prefix, shell)
    _print(scripts.encoded(shell, text))
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


def _print(text: str | bytes) -> None:
    # As bytes: a prefix need not be text in the encoding of stdout.
    with open(1, "wb", closefd=False) as stdout:
        stdout.write(os.fsencode(text))
