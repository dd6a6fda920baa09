"""`envmgr clean`: what no environment needs any more."""

from __future__ import annotations

import json
import sys

import click

from envmgr.cli import options
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns, plural, size
from envmgr.errors import UsageError
from envmgr.workflows import clean as workflow


@click.command("clean", epilog="Example: envmgr clean --dry-run")
@options.confirmation
@options.output
@click.option("-a", "--all", "everything", is_flag=True, help="The repodata and pip caches too.")
def clean(yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, everything: bool) -> None:
    """Remove artifacts that no environment and no kept generation needs, and leftovers of processes that died."""
    settings = options.load_settings()
    plan = workflow.plan(settings, everything=everything)
    if not as_json:
        _show(plan, verbose=verbose or dry_run, quiet=quiet)
    if plan.items and not dry_run:
        if not yes:
            if not sys.stdin.isatty() or as_json:
                raise UsageError("cached files would be removed, and there is no terminal to ask on", hint="add --yes")
            click.confirm("remove them?", abort=True, err=True)
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        workflow.clean(plan, settings, report)
    if as_json:
        items = [{"kind": item.kind, "path": str(item.path), "size": item.size} for item in plan.items]
        click.echo(json.dumps({"success": True, "dry_run": dry_run, "bytes": plan.size, "items": items}, indent=2))
    elif plan.items and not dry_run and not quiet:
        click.echo(f"removed {size(plan.size)}")


def _show(plan: workflow.Plan, *, verbose: bool, quiet: bool) -> None:
    if not plan.items:
        if not quiet:
            click.echo("nothing to remove: everything in the cache is in use")
        return
    if verbose:
        click.echo(columns([(item.kind, size(item.size), str(item.path)) for item in plan.items], indent="  "))
    click.echo(f"{plural(len(plan.items), 'item')} that no environment needs, {size(plan.size)}")
