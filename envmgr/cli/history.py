"""`envmgr history`: the generations of an environment and what each changed."""

from __future__ import annotations

import sys
from typing import Any

import click

from envmgr.cli import differences, drift, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns, plural
from envmgr.lock.model import CondaPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.urls import redact
from envmgr.workflows.history import Entry, History
from envmgr.workflows.history import history as read_history

_LONGEST = 12  # changes of one generation that are shown
_STATES = {"current": "current", "kept": "kept on disk", "lock": "kept as lock"}


@click.command(
    "history",
    short_help="List the generations of an environment and what each changed.",
    epilog=options.examples("envmgr history -n science", "envmgr rollback -n science 2"),
)
@options.environment
@options.output
def history(name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """List the generations of an environment, newest first: when, by which command, and what each changed."""
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    location = layout.find(settings, name=name, prefix=prefix)
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    found = read_history(location, report)
    if not as_json and not quiet:
        drift.tell(location)
    if as_json:
        say_json(_as_json(found))
    elif not found.is_ours:
        say(
            f"another tool made {location.label}: it has no generations, and nothing to roll back to\n"
            f"its own record has {plural(found.blocks, 'entry').replace('entrys', 'entries')}: {found.record}"
        )
    else:
        say("\n".join(_as_text(entry, verbose=verbose) for entry in found.entries))


def condas_revisions(name: str | None, prefix: str | None) -> list[dict[str, Any]]:
    """Return the generations in the shape of `conda list --revisions --json`, the oldest first.

    `rev` is what `rollback` and `install --revision` take.
    """
    found = read_history(layout.find(Settings.load(), name=name, prefix=prefix), SilentReporter())
    return [_revision(entry) for entry in reversed(found.entries)]


def _revision(entry: Entry) -> dict[str, Any]:
    from rattler import Version  # start-up time: only for this shape

    conda = entry.difference.conda if entry.difference is not None else None
    replaced: dict[str, list[dict[str, str]]] = {"upgrade": [], "downgrade": []}
    for old, new in conda.changed if conda is not None else ():
        kind = "downgrade" if Version(new.version) < Version(old.version) else "upgrade"
        replaced[kind].append({"old": _dist(old), "new": _dist(new)})
    return {
        "date": entry.generation.created.replace("T", " ").removesuffix("Z"),
        "rev": entry.generation.number,
        "install": [_dist(package) for package in conda.added] if conda is not None else [],
        "remove": [_dist(package) for package in conda.removed] if conda is not None else [],
        **replaced,
    }


def _dist(package: CondaPackage) -> str:
    return redact(f"{package.channel}/{package.subdir}::{package.dist_name}")


def _as_text(entry: Entry, *, verbose: bool) -> str:
    generation = entry.generation
    when = generation.created.replace("T", " ").replace("Z", " UTC")
    head = f"{'*' if entry.state == 'current' else ' '} {generation.number}  {when}  {_STATES[entry.state]}"
    lines = [f"{head}  {_what(entry)}", f"    {' '.join(generation.command)}"]
    if entry.difference is not None and (generation.previous is not None or verbose):
        rows = differences.rows(entry.difference)
        shown = rows if verbose else rows[:_LONGEST]
        if shown:
            lines.append(columns(shown, indent="    "))
        if len(rows) > len(shown):
            lines.append(f"    and {len(rows) - len(shown)} more (--verbose lists them)")
    return "\n".join(lines)


def _what(entry: Entry) -> str:
    if entry.packages is None:
        return "its lock cannot be read"
    total = plural(entry.packages, "package")
    if entry.generation.previous is None:
        return total
    if entry.difference is None:
        return f"{total}; generation {entry.generation.previous} is not known any more"
    return f"{total}: {differences.summary(entry.difference)}"


def _as_json(found: History) -> dict[str, Any]:
    return {
        "prefix": str(found.location.prefix),
        "name": found.location.name,
        "current": next((each.generation.number for each in found.entries if each.state == "current"), None),
        "generations": [_generation(entry) for entry in found.entries],
        "record": {"path": str(found.record), "entries": found.blocks},
    }


def _generation(entry: Entry) -> dict[str, Any]:
    generation = entry.generation
    return {
        "number": generation.number,
        "created": generation.created,
        "command": list(generation.command),
        "previous": generation.previous,
        "state": entry.state,
        "packages": entry.packages,
        "changes": None if entry.difference is None else differences.as_json(entry.difference),
    }
