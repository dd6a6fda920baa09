"""Options that several commands share, under conda's names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from envmgr.cli import conda_flags
from envmgr.cli.messages import say
from envmgr.errors import UsageError
from envmgr.settings import CHANNEL_PRIORITIES, SOLVERS, Settings
from envmgr.workflows.request import Choice

_WAIT = "envmgr.wait"  # in click's context
F = TypeVar("F", bound=Callable[..., Any])

# The value goes into the settings of the run, not through each command: see `load_settings`.
SOLVER_DEBUG = click.option(
    "--solver-debug",
    metavar="DIR",
    expose_value=False,
    callback=lambda context, _parameter, value: context.meta.__setitem__("solver_debug", value),
    help="Record the solve in DIR, for `envmgr solve-case DIR` and for a bug report.",
)
EXPLAIN_TIMEOUT = click.option(
    "--explain-timeout",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    expose_value=False,
    callback=lambda context, _parameter, value: context.meta.__setitem__("explain_timeout", value),
    help="How long to look for edits that solve what has no solution; 10 by default.",
)


def examples(*lines: str) -> str:
    """Return the end of a help page: command lines to copy, one a line."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))


def help_without_command(context: click.Context) -> None:
    """Print the help of a group that was called by itself: who does that wants to know, and made no mistake."""
    if context.invoked_subcommand is None:
        say(context.get_help())


def environment(command: F) -> F:
    """Add `-n NAME` and `-p PATH`."""
    command = click.option(
        "-p",
        "--prefix",
        metavar="PATH",
        multiple=True,
        callback=_once,
        help="Path of the environment, instead of a name.",
    )(command)
    return click.option("-n", "--name", metavar="NAME", multiple=True, callback=_once, help="Name of the environment.")(
        command
    )


def _once(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Return the one value of an option; raises UsageError where it was given several times, with others."""
    if len(set(values)) > 1:
        flag = parameter.opts[0]
        raise UsageError(
            f"{' and '.join(f'{flag} {value}' for value in dict.fromkeys(values))} name several environments",
            hint="give one of them",
        )
    return values[0] if values else None


def output(command: F) -> F:
    """Add `--json`, `-q` and `-v`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on stdout, also on failure.")(
        command
    )
    command = click.option("-q", "--quiet", is_flag=True, help="Print only warnings and errors.")(command)
    return click.option(
        "-v", "--verbose", "--debug", "--trace", is_flag=True, cls=_Spellings, help="Print long lists in full."
    )(command)


class _Spellings(click.Option):
    """An option whose help shows its own two names, and not those that other tools have for it."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return f"{self.opts[0]}, {self.opts[1]}", self.help or ""


def confirmation(command: F) -> F:
    """Add `-y` and `--dry-run`."""
    command = click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)
    return click.option("-d", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")(command)


def part_of_lock(command: F) -> F:
    """Add the options that choose a part of a lock file that another tool wrote."""
    for option in reversed(
        (
            click.option("--environment", metavar="NAME", help="The environment of a pixi.lock; by default `default`."),
            click.option(
                "--category",
                "categories",
                multiple=True,
                metavar="NAME",
                help="A category of a conda-lock file, as dev; by default main. Repeatable.",
            ),
            click.option("--dev", is_flag=True, help="Of a conda-lock file, the category dev too."),
        )
    ):
        command = option(command)
    return command


def choice(environment: str | None, categories: tuple[str, ...], *, dev: bool) -> Choice:
    """Return what the options of `part_of_lock` choose."""
    return Choice(environment, (*(categories or ("main",)), "dev") if dev else categories)


def host_profile(command: F) -> F:
    """Add `--host-profile`."""
    return click.option(
        "--host-profile", metavar="NAME", help="Solve for the machine of a profile, see `envmgr host-profile`."
    )(command)


def override_frozen(command: F) -> F:
    """Add `--override-frozen` (CEP 22)."""
    return click.option("--override-frozen", is_flag=True, help="Also where conda-meta/frozen protects it.")(command)


def pristine(command: F) -> F:
    """Add `--pristine`."""
    return click.option(
        "--pristine", is_flag=True, help="Leave behind what people put into it; the state before keeps that."
    )(command)


def waiting(command: F) -> F:
    """Add `--wait[=SECONDS]`, which `load_settings` takes into the settings (a bare `--wait`: see `with_values`)."""
    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        metavar="[=SECONDS]",
        expose_value=False,
        callback=_remember_wait,
        help="Wait until no process uses the environment; at most SECONDS.",
    )(command)


def with_values(arguments: list[str]) -> list[str]:
    """Return a command line in which a bare `--wait` has its value: click would take the next word for it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return ["--wait=inf" if word == "--wait" else word for word in arguments[:end]] + arguments[end:]


def _remember_wait(context: click.Context, _parameter: click.Parameter, value: float | None) -> None:
    context.meta[_WAIT] = value


def channels(command: F, *, several_platforms: bool = False) -> F:
    """Add the options that choose channels and platform; with `several_platforms` `--platform` may be repeated."""
    for option in reversed(
        (
            click.option(
                "-c",
                "--channel",
                "channels",
                multiple=True,
                metavar="CHANNEL",
                help="A channel before those of the file: name, URL or path.",
            ),
            click.option("-O", "--override-channels", is_flag=True, help="Use the -c channels only."),
            click.option(
                "--platform",
                "--subdir",
                "platforms" if several_platforms else "platform",
                multiple=several_platforms,
                metavar="SUBDIR",
                help="For another platform, as osx-arm64.",
            ),
            click.option("--channel-priority", type=click.Choice(CHANNEL_PRIORITIES), help="By default strict."),
            click.option("--solver", type=click.Choice(SOLVERS), help="By default auto: libmamba where present."),
            click.option("--offline", is_flag=True, help="Use only what is on this machine."),
            EXPLAIN_TIMEOUT,
            SOLVER_DEBUG,
        )
    ):
        command = option(command)
    return conda_flags.of_channels(command)


def pip_half(command: F) -> F:
    """Add the options that say how the pip half is made."""
    for option in reversed(
        (
            click.option(
                "--pip-prefer-conda",
                is_flag=True,
                help="Ask conda for what the pip section asks for, where the channels have it.",
            ),
            click.option("--compile-bytecode", is_flag=True, help="Compile Python files, once each, into the cache."),
            click.option(
                "--externally-managed", is_flag=True, help="Let pip refuse to change the environment (PEP 668)."
            ),
        )
    ):
        command = option(command)
    return command


def wanted(command: F) -> F:
    """Add `--python`, `--extra` and `--group`: what is asked for beside a requirements.txt, pyproject.toml or
    pylock.toml."""
    for option in reversed(
        (
            click.option("--python", metavar="VERSION", help="The python, as 3.12 or '>=3.11'."),
            click.option(
                "--extra", "extras", multiple=True, metavar="NAME", help="An extra of a pyproject.toml, pylock.toml."
            ),
            click.option(
                "--group", "groups", multiple=True, metavar="NAME", help="A dependency group of one (PEP 735)."
            ),
        )
    ):
        command = option(command)
    return command


def load_settings(**flags: Any) -> Settings:
    """Return the settings of this run, where each flag that was given (not None, not False) beats the rest."""
    settings = Settings.load()._replace(**{name: value for name, value in flags.items() if value})
    context = click.get_current_context(silent=True)
    settings = settings._replace(wait_for_users=None if context is None else context.meta.get(_WAIT))
    priority = None if context is None else context.meta.get("channel_priority")
    settings = settings if priority is None else settings._replace(channel_priority=priority)
    if conda_flags.ignores_pins():
        settings = settings._replace(pinned_packages=(), ignores_pins=True)
    if conda_flags.copies():
        settings = settings._replace(link="copy")
    recorded = None if context is None else context.meta.get("solver_debug")
    settings = settings._replace(solver_debug=absolute(recorded))
    seconds = None if context is None else context.meta.get("explain_timeout")
    return settings if seconds is None else settings._replace(explain_timeout=seconds)


def command_line() -> tuple[str, ...]:
    """Return the argv of this process as a person would type it, for the history."""
    return ("envmgr", *sys.argv[1:])


def one_of_name_and_prefix(name: str | None, prefix: str | None) -> None:
    """Raise UsageError when both `-n` and `-p` were given, or an empty `-p` (an unset variable in a script)."""
    if name is not None and prefix is not None:
        raise UsageError(
            f"-n {name} and -p {prefix} both name the environment",
            hint="give one of them",
        )
    if prefix == "":
        raise UsageError("-p is empty; expected the path of an environment", hint="write -p PATH or -n NAME")


def file_here(command: str) -> str:
    """Return the environment file of this directory, which a command that needs one takes where none is named."""
    for file in ("environment.yml", "environment.yaml"):
        if Path(file).is_file():
            return file
    raise UsageError("no file is named, and there is no environment.yml in this directory", hint=f"{command} -f FILE")


def condas_files(files: tuple[str, ...], *others: object) -> tuple[str, ...]:
    """Return `files`; for `env create` and `env update` with nothing at all that of this directory, as conda does."""
    if files or any(others) or not is_of_env():
        return files
    return (file_here(f"envmgr env {click.get_current_context().info_name}"),)


def is_of_env() -> bool:
    """Whether a command was called as conda calls it: `env create`, `env update`."""
    context = click.get_current_context()
    return context.parent is not None and context.parent.info_name == "env"


def absolute(path: str | None) -> Path | None:
    """Return `path` as an absolute path with `~` expanded, or None."""
    return None if path is None else Path(path).expanduser().absolute()
