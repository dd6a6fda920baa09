"""`envmgr env config vars`: the variables that an environment sets, in conda's words."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.outcome import print_outcome
from envmgr.cli.progress import reporter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows import variables as workflow


@click.group("config", invoke_without_command=True, epilog=options.examples("envmgr env config vars list -n science"))
@click.pass_context
def env_config(context: click.Context) -> None:
    """Show and change what an environment sets."""
    options.help_without_command(context)


@env_config.group(
    "vars",
    invoke_without_command=True,
    short_help="The variables of an environment.",
    epilog=options.examples("envmgr env config vars list", "envmgr env config vars set -n science OMP_NUM_THREADS=4"),
)
@click.pass_context
def env_vars(context: click.Context) -> None:
    """Show and change the variables that activation and `run` set."""
    options.help_without_command(context)


@env_vars.command(
    "list", short_help="Show them.", epilog=options.examples("envmgr env config vars list -n science --json")
)
@options.environment
@options.output
def list_variables(name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show the variables of an environment, those of its packages included."""
    options.one_of_name_and_prefix(name, prefix)
    found = workflow.variables(layout.find(Settings.load(), name=name, prefix=prefix))
    if as_json:
        say_json(found)
    elif found:
        say("\n".join(f"{key} = {value}" for key, value in found.items()))


def _changing(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (options.output, options.override_frozen, options.confirmation, options.environment):
        command = option(command)
    return command


@env_vars.command(
    "set",
    short_help="Set some.",
    epilog=options.examples("envmgr env config vars set -n science OMP_NUM_THREADS=4 GREETING='hello you'"),
)
@_changing
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE…")
def set_variables(assignments: tuple[str, ...], **choices: Any) -> None:
    """Set variables as a new generation of the same packages, so that `rollback` takes them back."""
    _change(dict(map(workflow.parse_assignment, assignments)), (), **choices)


@env_vars.command(
    "unset", short_help="Unset some.", epilog=options.examples("envmgr env config vars unset -n science GREETING")
)
@_changing
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def unset_variables(names: tuple[str, ...], **choices: Any) -> None:
    """Take variables out, likewise."""
    _change({}, names, **choices)


def _change(
    set_to: dict[str, str],
    unset: tuple[str, ...],
    *,
    name: str | None,
    prefix: str | None,
    yes: bool,
    dry_run: bool,
    override_frozen: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    started = time.monotonic()
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    location = layout.find(settings, name=name, prefix=prefix)
    outcome = workflow.change(
        location,
        workflow.VariablesRequest(options.command_line(), set_to, unset, override_frozen),
        settings,
        reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json),
        confirm=lambda _plan: True,  # nothing is lost: the state before is kept
        dry_run=dry_run,
    )
    print_outcome(outcome, as_json=as_json, quiet=quiet, dry_run=dry_run, seconds=time.monotonic() - started)
