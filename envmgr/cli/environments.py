"""`envmgr env`: the environments, and conda's spellings of other commands."""

from __future__ import annotations

import importlib
from typing import Any

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns
from envmgr.settings import Settings
from envmgr.workflows.environments import environments

_SPELLINGS = {
    "config": ("environment_variables", "env_config"),
    "create": ("create", "create"),
    "du": ("du", "du"),
    "export": ("export", "export"),
    "rename": ("clone", "rename"),
    "remove": ("remove", "remove_environment"),
    "update": ("update", "update"),
}


class CondaSpellings(click.Group):
    """`env list`, `env config vars`, and `env create|export|remove|update` for those whose fingers know conda."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({"list", *_SPELLINGS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _SPELLINGS:
            module, attribute = _SPELLINGS[cmd_name]
            command: click.Command = getattr(importlib.import_module(f"envmgr.cli.{module}"), attribute)
            return command
        return super().get_command(ctx, cmd_name)


@click.group("env", cls=CondaSpellings, invoke_without_command=True, epilog=options.examples("envmgr env list"))
@click.pass_context
def env(context: click.Context) -> None:
    """List environments; conda's spellings of other commands."""
    options.help_without_command(context)


@env.command(
    "list", short_help="List the environments.", epilog=options.examples("envmgr env list", "envmgr env list --json")
)
@options.output
def list_environments(as_json: bool, quiet: bool, verbose: bool) -> None:
    """List the environments of the store, and those that other tools registered."""
    found = environments(Settings.load())
    if as_json:
        say_json(found)
    else:
        say(environments_text(found))


def environments_text(found: dict[str, Any]) -> str:
    """Return the lines of `env list`; the active one is marked with *."""
    if not found["envs"]:
        return "there are no environments yet; make one with: envmgr create -f environment.yml"
    rows = [
        (described["name"] or "", "*" if described["active"] else "", prefix)
        for prefix, described in found["environments"].items()
    ]
    return columns([("# name", "", "prefix"), *rows])
