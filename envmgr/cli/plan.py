"""What will change, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envmgr.cli.shapes import channel_name, linked, pip_linked
from envmgr.cli.tables import columns, plural, size
from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.store.carried import Carried
from envmgr.workflows.create import Outcome, Plan

if TYPE_CHECKING:  # start-up time
    from envmgr.lock.difference import Difference

_LONGEST = 40  # lines of new packages that are shown in full
Row = tuple[str, str, str, str, str, str]


def as_text(plan: Plan, *, verbose: bool = False) -> str:
    """Return the plan as people read it: grouped, the pip half marked, its size; long lists are cut unless verbose."""
    added, changed, removed = _rows(plan.difference)
    hidden = 0
    if not verbose and plan.previous is None and len(added) > _LONGEST:
        asked = {package.name for package in plan.lock.conda if package.requested}
        asked |= {package.name for package in plan.lock.pip if package.requested}
        shown = [row for row in added if row[1] in asked][:_LONGEST]
        hidden, added = len(added) - len(shown), shown
    lines = [_headline(plan), columns([*added, *changed, *removed], indent="  ")]
    if hidden:
        lines.append(f"  and {hidden} more that they need (--verbose lists them)")
    if plan.beside is not None and plan.beside.outdated:
        lines.append(outdated_text(plan.beside.path, plan.beside.outdated))
        from envmgr.lock.difference import between  # start-up time: a create with nothing to do shows nothing

        changes = between(plan.beside.lock, plan.lock)
        if changes != plan.difference:
            lines.append(f"{plan.beside.path}: {counts(changes) or 'the same packages'}")
            lines.append(rows(changes))
    return "\n".join(line for line in lines if line)


def outdated_text(path: Path, reasons: Sequence[str]) -> str:
    """Return why a lock was not followed."""
    return "\n".join((f"{path} did not fit any more:", *(f"  {reason}" for reason in reasons)))


def rows(difference: Difference) -> str:
    """Return one line a package that is new, changed or removed, both halves."""
    return columns([row for group in _rows(difference) for row in group], indent="  ")


def counts(difference: Difference) -> str:
    """Return `2 new, 1 changed`; empty where nothing differs."""
    numbers = zip((len(group) for group in _rows(difference)), ("new", "changed", "removed"), strict=True)
    return ", ".join(f"{number} {word}" for number, word in numbers if number)


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
    beside = outcome.plan.beside if outcome.plan is not None else None
    if beside is not None or outcome.written is not None:
        document["lock"] = {
            "path": str(beside.path if beside is not None else outcome.written),
            "followed": outcome.plan is not None and outcome.plan.is_followed,
            "outdated": list(beside.outdated) if beside is not None else [],
            "written": outcome.written is not None,
        }
    if outcome.up_to_date:
        document["message"] = "All requested packages already installed."  # as conda says it, word by word
    if outcome.carried:
        document["carried"] = _carried(outcome.carried)
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


def _carried(came: Carried) -> dict[str, Any]:
    return {
        "distributions": [{"name": each.name, "version": each.version} for each in came.distributions],
        "files": list(came.files),
        "saved": [each._asdict() for each in came.saved],
        "left": [{"what": each.what, "reason": each.reason} for each in came.left],
        "size": came.size,
    }


def _rows(difference: Difference) -> tuple[list[Row], list[Row], list[Row]]:
    conda, pip = difference.conda, difference.pip
    return (
        [*(_row("+", package) for package in conda.added), *(_row("+", package) for package in pip.added)],
        [*(_changed(*pair) for pair in conda.changed), *(_changed(*pair) for pair in pip.changed)],
        [*(_row("-", package) for package in conda.removed), *(_row("-", package) for package in pip.removed)],
    )


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
    what = counts(plan.difference)
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
    if plan.is_followed and plan.beside is not None:
        notes.append(f"as locked in {plan.beside.path}")
    return f"{plan.location.label}: {what or 'the same packages'} ({'; '.join(notes)})"
