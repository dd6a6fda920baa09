"""`envmgr clean`: what no environment needs any more."""

from __future__ import annotations

import sys

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns, plural, size
from envmgr.errors import UsageError
from envmgr.workflows import clean as workflow


@click.command("clean", epilog=options.examples("envmgr clean --dry-run", "envmgr clean --yes"))
@options.confirmation
@options.output
@click.option("-a", "--all", "everything", is_flag=True, help="The caches of channel indexes and wheels too.")
def clean(yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, everything: bool) -> None:
    """Remove cached packages that no environment and no kept generation needs.

    Leftovers of commands that were killed go as well. Environments are never touched.
    """
    settings = options.load_settings()
    plan = workflow.plan(settings, everything=everything)
    if not as_json and not quiet:
        say(_as_text(plan, everything=everything, in_full=verbose or dry_run))
    freed = 0
    if plan.items and not dry_run:
        if not yes:
            if not sys.stdin.isatty() or as_json:
                raise UsageError(
                    f"{size(plan.size)} would be removed, and there is no terminal to ask on",
                    hint=f"envmgr clean{' --all' if everything else ''} --yes",
                )
            click.confirm("remove them?", abort=True, err=True)
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        freed = workflow.clean(plan, settings, report)
    if as_json:
        items = [{"kind": item.kind, "path": str(item.path), "size": item.size} for item in plan.items]
        bytes_ = plan.size if dry_run else freed
        say_json({"success": True, "dry_run": dry_run, "busy": plan.is_busy, "bytes": bytes_, "items": items})
    elif plan.items and not quiet:
        say(f"removed {size(freed)}" if not dry_run else "dry run: nothing was removed")


def _as_text(plan: workflow.Plan, *, everything: bool, in_full: bool) -> str:
    if plan.is_busy:
        return "nothing to remove now: another envmgr is using the cache; clean again when it has finished"
    if not plan.items:
        rest = "" if everything else " (--all: the caches of channel indexes and wheels too)"
        return f"nothing to remove: every cached package is needed by an environment{rest}"
    artifacts = [item for item in plan.items if item.kind == "artifact"]
    lines = []
    if in_full:
        lines.append(columns([(item.kind, size(item.size), str(item.path)) for item in plan.items], indent="  "))
    if artifacts:
        needless = size(sum(item.size for item in artifacts))
        lines.append(f"{plural(len(artifacts), 'cached package')} that no environment needs, {needless}")
    throwaway = [item for item in plan.items if item.kind == "exec"]
    if throwaway:
        lines.append(f"{plural(len(throwaway), 'environment')} of `exec`, {size(sum(item.size for item in throwaway))}")
    lines += [f"the {item.path.name} cache, {size(item.size)}" for item in plan.items if item.kind == "cache"]
    return "\n".join(lines)
