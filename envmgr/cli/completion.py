"""`envmgr completion`: what the Tab key knows, made from the command tree once and without a process afterwards."""

from __future__ import annotations

import re
import shlex

import click

from envmgr.cli import options
from envmgr.cli.messages import say
from envmgr.settings import KEYS, Settings
from envmgr.shell import completion as text
from envmgr.shell.completion import Table

# What the words after a command are, where they can be listed.
_ARGUMENTS = {
    "activate": "environments", "clone": "environments", "rename": "environments", "diff": "environments",
    "remove": "packages", "uninstall": "packages", "update": "packages", "upgrade": "packages",
    "why": "packages", "tree": "packages", "run": "command", "exec": "command",
    "tool upgrade": "tools", "tool uninstall": "tools",
}  # fmt: skip
SHELLS = text.SHELLS
_SHELLS = "bash zsh fish tcsh xonsh nushell elvish powershell dash cmd"
_OF_OPTIONS = {
    "name": "environments", "prefix": "directories", "cwd": "directories", "file": "files", "files": "files",
    "paths": "files",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9_.+=-]+")


@click.command(
    "completion",
    short_help="Print the completion of bash, zsh or fish.",
    epilog=options.examples('eval "$(envmgr completion bash)"', "envmgr completion fish | source"),
)
@click.argument("shell", type=click.Choice(text.SHELLS), default="bash")
def completion(shell: str) -> None:
    """Print what the Tab key knows in bash, zsh or fish: commands, options, environments and packages in them.

    The hook of `init` and of `shell-hook` has it already.
    """
    say(script(shell, Settings.load()).rstrip("\n"))


def script(shell: str, settings: Settings) -> str:
    """Return the completion of `shell`, one of bash, zsh and fish."""
    return text.script(shell, table(), str(settings.root))


def table() -> Table:
    """Return the command line as it is now; imports every command."""
    from envmgr.cli.app import main  # it lists this module

    found: dict[str, list[str]] = {}
    groups: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    context = click.Context(main)
    commands = [name for name in main.list_commands(context) if not name.startswith("_")]
    for name in commands:
        command = main.get_command(context, name)
        if command is None:
            continue
        _read_all(name, command, context, found, groups, values)
    keys = " ".join(sorted(KEYS))
    of_settings = {f"config {each}": keys for each in ("get", "set", "add", "remove", "unset")}
    arguments = {key: kind for key, kind in (_ARGUMENTS | of_settings).items() if key in found}
    arguments |= dict.fromkeys(("init", "shell-hook"), _SHELLS) | {"completion": " ".join(text.SHELLS)}
    return Table(commands=commands, groups=groups, options=found, values=values, arguments=arguments)


def _read_all(
    key: str,
    command: click.Command,
    context: click.Context,
    found: dict[str, list[str]],
    groups: dict[str, list[str]],
    values: dict[str, str],
) -> None:
    _read(key, command, found, values)
    if not isinstance(command, click.Group):
        return
    groups[key] = sorted(command.list_commands(context))
    for sub in groups[key]:
        child = command.get_command(context, sub)
        if child is not None:
            _read_all(f"{key} {sub}", child, context, found, groups, values)


def _read(key: str, command: click.Command, found: dict[str, list[str]], values: dict[str, str]) -> None:
    words = ["--help"]
    for parameter in command.params:
        if not isinstance(parameter, click.Option) or parameter.hidden:
            continue
        spellings = [*parameter.opts, *parameter.secondary_opts]
        words += [each for each in spellings if each.startswith("--")]
        if not parameter.is_flag and not parameter.count:
            kind = _OF_OPTIONS.get(parameter.name or "", "files")
            if isinstance(parameter.type, click.Choice):
                choices = [str(choice) for choice in parameter.type.choices]
                kind = " ".join(choices if all(map(_WORD.fullmatch, choices)) else map(shlex.quote, choices))
            for each in spellings:
                values.setdefault(each, kind)
    found[key] = sorted(set(words))
