"""`envmgr remove`: an environment as a whole."""

from __future__ import annotations

import shlex
import sys

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.workflows import remove as workflow


@click.command("remove", epilog=options.examples("envmgr remove -n science --all"))
@options.environment
@options.confirmation
@options.override_frozen
@options.output
@click.option("--all", "everything", is_flag=True, help="Remove the environment with everything in it.")
def remove(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool,
    everything: bool, override_frozen: bool,
) -> None:  # fmt: skip
    """Remove an environment, its kept generations included."""
    if not everything:
        raise UsageError(
            "`remove` takes the whole environment away, and only when told so",
            hint=f"envmgr remove {_arguments(name, prefix)} --all",
        )
    _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, override_frozen=override_frozen)


@click.command("remove", epilog=options.examples("envmgr env remove -n science"))
@options.environment
@options.confirmation
@options.override_frozen
@options.output
def remove_environment(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool,
    override_frozen: bool,
) -> None:  # fmt: skip
    """Remove an environment, its kept generations included."""
    _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, override_frozen=override_frozen)


def _remove(
    name: str | None, prefix: str | None, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool, override_frozen: bool
) -> None:
    options.one_of_name_and_prefix(name, prefix)
    if name is None and prefix is None:
        raise UsageError(
            "`remove` does not guess which environment is meant, not even the active one",
            hint="add -n NAME or -p PATH; `envmgr env list` shows them",
        )
    settings = options.load_settings()
    location = workflow.find(settings, name=name, prefix=prefix)
    what = f"{location.label} ({location.prefix})" if location.name is not None else location.label
    if not dry_run and not yes:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"{location.label} would be lost, and there is no terminal to ask on",
                hint=f"envmgr remove {location.arguments} --all --yes",
            )
        click.confirm(f"remove {what} with everything in it?", abort=True, err=True)
    if not dry_run:
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        workflow.remove(location, settings, report, override_frozen=override_frozen)
    if as_json:
        say_json({"success": True, "prefix": str(location.prefix), "dry_run": dry_run})
    elif not quiet:
        say(f"{'dry run: would remove' if dry_run else 'removed'} {what}")


def _arguments(name: str | None, prefix: str | None) -> str:
    if name is not None:
        return f"-n {shlex.quote(name)}"
    return f"-p {shlex.quote(prefix)}" if prefix is not None else "-n NAME"
