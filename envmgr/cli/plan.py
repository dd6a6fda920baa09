"""What will change, for people and as JSON."""

from __future__ import annotations

from typing import Any

from envmgr.cli.shapes import channel_name, linked, pip_linked
from envmgr.cli.tables import columns, plural, size
from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.workflows.create import Outcome, Plan

_LONGEST = 40  # lines of new packages that are shown in full
Row = tuple[str, str, str, str, str, str]


def as_text(plan: Plan, *, verbose: bool = False) -> str:
    """Return the plan as people read it: grouped, the pip half marked, its size; long lists are cut unless verbose."""
    conda, pip = plan.difference.conda, plan.difference.pip
    added = [*(_row("+", package) for package in conda.added), *(_row("+", package) for package in pip.added)]
    changed = [*(_changed(*pair) for pair in conda.changed), *(_changed(*pair) for pair in pip.changed)]
    removed = [*(_row("-", package) for package in conda.removed), *(_row("-", package) for package in pip.removed)]
    hidden = 0
    if not verbose and plan.previous is None and len(added) > _LONGEST:
        asked = {package.name for package in plan.lock.conda if package.requested}
        asked |= {package.name for package in plan.lock.pip if package.requested}
        shown = [row for row in added if row[1] in asked][:_LONGEST]
        hidden, added = len(added) - len(shown), shown
    lines = [_headline(plan), columns([*added, *changed, *removed], indent="  ")]
    if hidden:
        lines.append(f"  and {hidden} more that they need (--verbose lists them)")
    return "\n".join(line for line in lines if line)


def as_json(outcome: Outcome, *, dry_run: bool) -> dict[str, Any]:
    """Return the answer of `create --json` in conda's shape."""
    document: dict[str, Any] = {
        "success": not outcome.declined,
        "prefix": str(outcome.location.prefix),
        "dry_run": dry_run,
        "up_to_date": outcome.up_to_date,
        "actions": {"FETCH": [], "LINK": [], "UNLINK": [], "PREFIX": str(outcome.location.prefix)},
        "pip": {"install": [], "remove": []},
    }
    if outcome.plan is not None and not outcome.up_to_date:
        difference = outcome.plan.difference
        document["actions"] |= {
            "FETCH": [linked(package) for package in outcome.plan.fetched],
            "LINK": [linked(package) for package in difference.conda.linked],
            "UNLINK": [linked(package) for package in difference.conda.unlinked],
        }
        document["pip"] = {
            "install": [pip_linked(package) for package in difference.pip.linked],
            "remove": [pip_linked(package) for package in difference.pip.unlinked],
        }
    return document


def _row(sign: str, package: CondaPackage | PipPackage) -> Row:
    if isinstance(package, PipPackage):
        return sign, package.name, package.version, "", "pip", _size(package)
    return sign, package.name, package.version, package.build, channel_name(package.channel), _size(package)


def _changed(old: CondaPackage | PipPackage, new: CondaPackage | PipPackage) -> Row:
    _, name, version, build, channel, bytes_ = _row("~", new)
    old_build = old.build if isinstance(old, CondaPackage) else ""
    return "~", name, _arrow(old.version, version), _arrow(old_build, build), channel, bytes_


def _arrow(old: str, new: str) -> str:
    return new if old == new else f"{old} → {new}"


def _size(package: CondaPackage | PipPackage) -> str:
    return "" if package.size is None else size(package.size)


def _headline(plan: Plan) -> str:
    """Return what happens in numbers: counts by kind, and what has to be downloaded where that is known."""
    conda, pip = plan.difference.conda, plan.difference.pip
    counts = (
        (len(conda.added) + len(pip.added), "new"),
        (len(conda.changed) + len(pip.changed), "changed"),
        (len(conda.removed) + len(pip.removed), "removed"),
    )
    what = ", ".join(f"{count} {word}" for count, word in counts if count)
    total = len(plan.lock.conda) + len(plan.lock.pip)
    if not total:
        return f"{plan.location.label}: {what or 'empty'} (no packages are asked for)"
    notes = [f"{plural(total, 'package')} in all"]
    if plan.fetched:
        notes.append(f"{size(sum(package.size or 0 for package in plan.fetched))} to download")
    elif conda.linked:
        notes.append("nothing to download")
    if pip.linked:
        wheels = sum(package.size or 0 for package in pip.linked)
        notes.append(f"pip half: {plural(len(pip.linked), 'wheel')}" + (f", {size(wheels)}" if wheels else ""))
    return f"{plan.location.label}: {what or 'the same packages'} ({'; '.join(notes)})"
