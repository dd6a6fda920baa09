"""What will change, for people and as JSON."""

from __future__ import annotations

from typing import Any

from envmgr.cli.shapes import channel_name, linked, pip_linked
from envmgr.cli.tables import columns, plural, size
from envmgr.workflows.create import Outcome, Plan

_LONGEST = 40  # lines of new packages that are shown in full


def as_text(plan: Plan, *, verbose: bool = False) -> str:
    """Return the plan as people read it: grouped, the pip half marked, its size; long lists are cut unless verbose."""
    conda, pip = plan.difference.conda, plan.difference.pip
    added = [
        ("+", package.name, package.version, package.build, channel_name(package.channel)) for package in conda.added
    ]
    added += [("+", package.name, package.version, "", "pip") for package in pip.added]
    changed = [
        ("~", old.name, f"{old.version} → {new.version}" if old.version != new.version else old.version,
         f"{old.build} → {new.build}" if old.build != new.build else "", channel_name(new.channel))
        for old, new in conda.changed
    ]  # fmt: skip
    changed += [("~", old.name, f"{old.version} → {new.version}", "", "pip") for old, new in pip.changed]
    removed = [("-", package.name, package.version, package.build, "") for package in conda.removed]
    removed += [("-", package.name, package.version, "", "pip") for package in pip.removed]
    lines = [_headline(plan)]
    hidden = 0
    if not verbose and plan.previous is None and len(added) > _LONGEST:
        asked = {package.name for package in plan.lock.conda if package.requested}
        asked |= {package.name for package in plan.lock.pip if package.requested}
        shown = [row for row in added if row[1] in asked][:_LONGEST]
        hidden, added = len(added) - len(shown), shown
    lines.append(columns([*added, *changed, *removed], indent="  "))
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
    if outcome.plan is not None:
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


def _headline(plan: Plan) -> str:
    difference = plan.difference
    counts = (
        (len(difference.conda.added) + len(difference.pip.added), "new"),
        (len(difference.conda.changed) + len(difference.pip.changed), "changed"),
        (len(difference.conda.removed) + len(difference.pip.removed), "removed"),
    )
    what = ", ".join(f"{count} {word}" for count, word in counts if count) or "no package changes"
    total = len(plan.lock.conda) + len(plan.lock.pip)
    download = sum(package.size or 0 for package in plan.fetched)
    fetch = f"; {size(download)} to download" if download else ""
    return f"{plan.location.label}: {what} ({plural(total, 'package')} in all{fetch})"
