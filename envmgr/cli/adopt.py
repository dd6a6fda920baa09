"""`envmgr adopt`: a lock for an environment that another tool made, or that was changed by hand."""

from __future__ import annotations

import sys

import click

from envmgr.cli import options
from envmgr.cli.findings import as_text as findings_text
from envmgr.cli.findings import listed
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.shapes import linked, pip_linked
from envmgr.cli.tables import plural
from envmgr.errors import UsageError
from envmgr.store import layout
from envmgr.workflows import adopt as workflow


@click.command(
    "adopt",
    short_help="Give an environment of another tool, or one changed by hand, a lock.",
    epilog=options.examples("envmgr adopt -n science", "envmgr adopt -p ~/miniconda3/envs/science --dry-run"),
)
@options.environment
@click.option("-c", "--channel", "channels", multiple=True, metavar="CHANNEL", help="Before those of the records.")
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@options.confirmation
@options.override_frozen
@options.output
def adopt(
    name: str | None, prefix: str | None, channels: tuple[str, ...], offline: bool, yes: bool, dry_run: bool,
    override_frozen: bool, as_json: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Write the lock of what is there, so that every other command works on it; no file of a package is touched.

    The conda half is read from conda-meta, what was asked for from its history, and the pip half is found again in the
    package index, by exact version. What cannot be locked, and what is not as the packages brought it, is named, and
    needs a yes.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(offline=offline)
    location = layout.find(settings, name=name, prefix=prefix)
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    plan = workflow.plan(location, settings, report, channels=channels, override_frozen=override_frozen)
    if plan is None:
        if as_json:
            say_json({"success": True, "prefix": str(location.prefix), "up_to_date": True, "dry_run": dry_run})
        elif not quiet:
            say(f"{location.label} has a lock already, and that is what is there")
        return
    if not as_json and not quiet:
        say(_as_text(plan, in_full=verbose))
    if plan.is_lossy and not (yes or settings.always_yes) and not dry_run:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"the next change of {location.label} would not keep it as it is ({_lossy(plan)}), and there is no "
                "terminal to ask on",
                hint=f"envmgr adopt {location.arguments} --yes",
            )
        click.confirm("adopt it all the same?", abort=True, err=True)
    number = None
    if not dry_run:
        made = workflow.adopt(plan, settings, report, command=options.command_line(), override_frozen=override_frozen)
        number = made.number
    if as_json:
        say_json(_as_json(plan, dry_run=dry_run) | {"generation": number})
    elif not quiet:
        end = "dry run: nothing was written" if dry_run else f"{location.label} is adopted, at generation {number}"
        say(end)


def _as_text(plan: workflow.Plan, *, in_full: bool) -> str:
    lock = plan.lock
    lines = [f"{plan.location.label}: {plural(len(lock.conda), 'conda package')}, {len(lock.pip)} of pip"]
    asked = (*lock.request.dependencies, *lock.request.pip)
    lines.append(f"asked for: {', '.join(asked) or 'nothing by name'}")
    lines += [f"stays outside of the lock: {each.what} ({each.reason})" for each in plan.left]
    if plan.findings.faults:
        lines.append(
            "not as the packages brought it; the next change brings what they have, and saves what was edited:"
        )
        lines.append(findings_text(plan.location, plan.findings, in_full=in_full))
    return "\n".join(lines)


def _lossy(plan: workflow.Plan) -> str:
    parts = []
    if plan.left:
        parts.append(f"{plural(len(plan.left), 'distribution')} cannot be locked")
    if plan.findings.faults:
        parts.append(f"{plural(len(plan.findings.faults), 'fault')}")
    return ", ".join(parts)


def _as_json(plan: workflow.Plan, *, dry_run: bool) -> dict[str, object]:
    return {
        "success": True,
        "prefix": str(plan.location.prefix),
        "dry_run": dry_run,
        "up_to_date": False,
        "requested": [*plan.lock.request.dependencies, *plan.lock.request.pip],
        "channels": list(plan.lock.channels),
        "conda": [linked(package) for package in plan.lock.conda],
        "pip": [pip_linked(package) for package in plan.lock.pip],
        "left": [each._asdict() for each in plan.left],
        "problems": [listed(problem) for problem in plan.findings.problems],
    }
