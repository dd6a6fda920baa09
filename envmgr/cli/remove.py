"""`envmgr remove`: an environment as a whole."""

from __future__ import annotations

import json
import sys

import click

from envmgr.cli import options
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.workflows import remove as workflow


@click.command("remove", epilog="Example: envmgr remove -n science --all --yes")
@options.environment
@options.confirmation
@options.output
@click.option("--all", "everything", is_flag=True, help="Remove the environment with everything in it.")
def remove(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool,
    everything: bool,
) -> None:  # fmt: skip
    """Remove an environment, its kept generations included."""
    if not everything:
        raise UsageError("`remove` takes the whole environment away and wants to hear it", hint="add --all")
    _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet)


@click.command("remove")
@options.environment
@options.confirmation
@options.output
def remove_environment(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Remove an environment, its kept generations included."""
    _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet)


def _remove(name: str | None, prefix: str | None, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool) -> None:
    options.one_of_name_and_prefix(name, prefix)
    if name is None and prefix is None:
        raise UsageError("`remove` takes no guess: it wants the environment named", hint="add -n NAME or -p PATH")
    settings = options.load_settings()
    location = workflow.find(settings, name=name, prefix=prefix)
    if not dry_run and not yes:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"{location.label} would be lost, and there is no terminal to ask on",
                hint=f"envmgr remove {location.arguments} --all --yes",
            )
        click.confirm(f"remove {location.label} ({location.prefix}) with everything in it?", abort=True, err=True)
    if not dry_run:
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        workflow.remove(location, settings, report)
    if as_json:
        click.echo(json.dumps({"success": True, "prefix": str(location.prefix), "dry_run": dry_run}, indent=2))
    elif not quiet:
        click.echo(f"{'would remove' if dry_run else 'removed'} {location.label} ({location.prefix})")
