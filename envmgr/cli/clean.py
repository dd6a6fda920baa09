"""`envmgr clean`: what no environment needs any more."""

from __future__ import annotations

import shlex
import sys

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns, plural, size
from envmgr.errors import UsageError
from envmgr.workflows import clean as workflow
from envmgr.workflows.clean import Choice, Item

_NOUNS = {
    "generation": "kept generation",
    "artifact": "cached package",
    "bytecode": "compiled package",
    "wheel": "built wheel",
    "checkout": "checkout",
    "channel": "built channel",
    "exec": "`exec` environment",
}


@click.command(
    "clean",
    epilog=options.examples(
        "envmgr clean --dry-run", "envmgr clean --yes", "envmgr clean --all --keep-generations 0 --yes"
    ),
)
@options.confirmation
@options.output
@click.option("-a", "--all", "everything", is_flag=True, help="The caches of channel indexes and wheels too.")
@click.option("-p", "--packages", is_flag=True, help="Cached packages that no lock names (also without this).")
@click.option("-i", "--index-cache", "indexes", is_flag=True, help="The cache of channel indexes.")
@click.option("-t", "--tarballs", is_flag=True, help="As in conda; envmgr keeps no archives.")
@click.option("-l", "--logfiles", is_flag=True, help="As in conda; envmgr writes no log files.")
@click.option("-c", "--tempfiles", is_flag=True, help="As in conda; leftovers of killed commands always go.")
@click.option("-s", "--source-cache", is_flag=True, hidden=True, expose_value=False)
@click.option(
    "-f", "--force-pkgs-dirs", "forces", is_flag=True, help="Cached packages that environments were made of too."
)
@click.option(
    "--keep-generations",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep N old generations of each environment; of the others their locks stay.",
)
def clean(
    yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, everything: bool, packages: bool,
    indexes: bool, tarballs: bool, logfiles: bool, tempfiles: bool, forces: bool, keep_generations: int | None,
) -> None:  # fmt: skip
    """Remove cached packages that no environment and no kept generation needs.

    Leftovers of commands that were killed go as well, and environments that were deleted leave the register. Sizes are
    what is free afterwards. Environments are never touched.
    """
    settings = options.load_settings()
    is_narrow = not everything and (indexes or tarballs or logfiles or tempfiles)
    is_narrow = is_narrow and not forces
    choice = Choice(packages or not is_narrow, indexes, everything, keep_generations, forces)
    plan = workflow.plan(settings, choice)
    if not as_json and not quiet:
        say(_as_text(plan, choice, in_full=verbose or dry_run))
    freed = 0
    if plan.items and not dry_run:
        if not yes and not settings.always_yes:
            if not sys.stdin.isatty() or as_json:
                raise UsageError(
                    f"{size(plan.size)} would be removed, and there is no terminal to ask on",
                    hint=f"{shlex.join(options.command_line())} --yes",
                )
            click.confirm("remove them?", abort=True, err=True)
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        freed = workflow.clean(plan, settings, report)
    if as_json:
        say_json(
            {
                "success": True,
                "dry_run": dry_run,
                "busy": plan.is_busy,
                "bytes": plan.size if dry_run else freed,
                "items": [_as_json(item) for item in plan.items],
                "protected": [str(path) for path in plan.protected],
            }
        )
    elif any(item.kind != "environment" for item in plan.items) and not quiet:
        say(f"removed {size(freed)}" if not dry_run else "dry run: nothing was removed")


def _as_json(item: Item) -> dict[str, object]:
    return {"kind": item.kind, "path": str(item.path), "size": item.size, "name": item.label}


def _as_text(plan: workflow.Plan, choice: Choice, *, in_full: bool) -> str:
    lines = [f"{path} stays: it holds what exists nowhere else" for path in plan.protected]
    if plan.is_busy:
        lines.append("nothing to remove now: another envmgr is using the cache; clean again when it has finished")
    elif not plan.items and choice.packages:
        rest = "" if choice.everything else " (--all: the caches of channel indexes and wheels too)"
        lines.append(f"nothing to remove: every cached package is needed by an environment{rest}")
    elif not plan.items:
        lines.append("nothing to remove")
    shown = [item for item in plan.items if item.kind != "environment"]
    if in_full and shown:
        lines.append(columns([(item.kind, size(item.size), str(item.path)) for item in shown], indent="  "))
    for kind, noun in _NOUNS.items():
        items = [item for item in plan.items if item.kind == kind]
        if items:
            which = " that no environment needs" if kind in ("artifact", "wheel", "checkout") else ""
            lines.append(f"{plural(len(items), noun)}{which}, {size(sum(item.size for item in items))}")
    lines += [f"the {item.path.name} cache, {size(item.size)}" for item in plan.items if item.kind == "cache"]
    lines += [f"{item.path} is gone, and leaves the register" for item in plan.items if item.kind == "environment"]
    return "\n".join(lines)
