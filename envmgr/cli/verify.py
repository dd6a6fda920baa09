"""`envmgr verify`: an environment against its lock, or the package cache against itself, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from envmgr.artifacts.audit import Audit
from envmgr.cli import options
from envmgr.cli.findings import as_text, listed
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import plural, size
from envmgr.errors import UsageError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.layout import Location
from envmgr.store.problems import Findings, Problem
from envmgr.workflows import verify as workflow
from envmgr.workflows.verify import Repair


@click.command(
    "verify",
    epilog=options.examples(
        "envmgr verify -n science",
        "envmgr verify -n science --fix",
        "envmgr verify --cache",
    ),
)
@options.environment
@click.option("--fix", is_flag=True, help="Make it anew from its lock, as the next generation.")
@click.option("--strict", is_flag=True, help="Fail on notices as well as on faults.")
@click.option("--cache", "of_cache", is_flag=True, help="The cached packages instead of an environment.")
@click.option("--offline", is_flag=True, help="With --fix: use only what is on this machine.")
@options.override_frozen
@options.output
def verify(
    name: str | None, prefix: str | None, fix: bool, strict: bool, of_cache: bool, offline: bool,
    override_frozen: bool, as_json: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Compare every file of an environment with its lock: both halves, links, activation scripts.

    What is missing or changed is a fault, and ends with exit code 1; what no package owns is a notice. With --fix a
    new generation takes the place of the old one, which is kept: files of no package come along, what was installed
    past the lock, with pip or by another conda tool, does not.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(offline=offline)
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    if not of_cache:
        location = workflow.find(settings, name=name, prefix=prefix)
        found = workflow.verify(location, settings, report)
        if not as_json and not quiet:
            say(as_text(location, found.strictly() if strict else found, in_full=verbose))
        repair = None
        if fix and (found.faults or found.installed or found.added):
            repair = workflow.repair(
                location, found, settings, report, command=options.command_line(), override_frozen=override_frozen
            )
        now = repair.findings if repair is not None else found
        is_well = not (now.problems if strict else now.faults)
        if as_json:
            say_json(_as_json(location, found, repair, is_well=is_well, strict=strict))
        elif not quiet and (conclusion := _conclusion(location, found, repair, fix=fix, in_full=verbose)):
            say(conclusion)
    elif name is not None or prefix is not None:
        raise UsageError(
            "--cache looks at the package cache, -n and -p name an environment",
            hint=f"envmgr verify --cache{' --fix' if fix else ''}",
        )
    else:
        is_well = _verify_cache(settings, report, fix=fix, as_json=as_json, quiet=quiet, verbose=verbose)
    if not is_well:
        click.get_current_context().exit(1)


def _verify_cache(
    settings: Settings, report: Reporter, *, fix: bool, as_json: bool, quiet: bool, verbose: bool
) -> bool:
    found = workflow.verify_cache(settings, report)
    gone = workflow.set_aside(found, settings) if fix else ()
    is_well = fix or not found.rotten
    if as_json:
        say_json(_cache_json(found, gone, is_well=is_well))
    elif not quiet:
        for each in found.rotten:
            reasons = each.reasons if verbose else each.reasons[:3]
            more = f"; and {len(each.reasons) - len(reasons)} more" if len(each.reasons) > len(reasons) else ""
            say(f"{each.package}\n  rotten: {'; '.join(reasons)}{more}")
        packages = plural(found.artifacts, "cached package")
        packages += f" and {plural(found.wheels, 'wheel')}" if found.wheels else ""
        say(f"{packages} ({size(found.bytes)}) compared: {len(found.rotten) or 'none'} rotten")
        if gone:
            say(f"removed {', '.join(gone)}: fetched again when needed")
            say("an environment made from them may have the same damage: envmgr verify -n NAME")
        elif found.rotten:
            say("remove them, so that they are fetched again: envmgr verify --cache --fix")
    return is_well


def _cache_json(found: Audit, gone: tuple[str, ...], *, is_well: bool) -> dict[str, Any]:
    problems = [
        Problem("fault", "rotten", str(each.directory), each.package, None, reason)
        for each in found.rotten
        for reason in each.reasons
    ]
    return {
        "success": is_well,
        "problems": [listed(problem) for problem in problems],
        "checked": {"packages": found.artifacts, "wheels": found.wheels, "bytes": found.bytes},
        "removed": list(gone),
    }


def _as_json(
    location: Location, found: Findings, repair: Repair | None, *, is_well: bool, strict: bool
) -> dict[str, Any]:
    now = repair.findings if repair is not None else found
    now = now.strictly() if strict else now
    document: dict[str, Any] = {
        "success": is_well,
        "prefix": str(location.prefix),
        "locked": found.has_lock,
        "problems": [listed(problem) for problem in now.problems],
        "checked": {"packages": now.packages, "files": now.files, "bytes": now.bytes},
        "shared": [shared._asdict() for shared in now.shared],
    }
    if repair is not None:
        document["repair"] = {
            "generation": repair.generation.number,
            "kept": str(repair.kept) if repair.kept is not None else None,
            "problems": [listed(problem) for problem in found.problems],
            "shared": [shared._asdict() for shared in found.shared],
            "discarded": list(repair.discarded),
            "edited": list(repair.edited),
            "carried": list(repair.carried.files),
            "saved": [each._asdict() for each in repair.carried.saved],
            "left": [each._asdict() for each in repair.carried.left],
        }
    return document


def _conclusion(location: Location, found: Findings, repair: Repair | None, *, fix: bool, in_full: bool) -> str:
    if repair is not None:
        return _repair_text(location, found, repair, in_full=in_full)
    if found.is_repairable and found.faults:
        return "\n".join((*_foreign_text(location, found), f"repair it: envmgr verify {location.arguments} --fix"))
    if found.has_lock and found.faults:
        return f"there is no lock to repair it from: envmgr remove {location.arguments} --all, and create it again"
    if (found.installed or found.added) and found.has_lock:
        return "\n".join(_foreign_text(location, found))
    return "nothing to repair" if fix else ""


def _foreign_text(location: Location, found: Findings) -> Iterator[str]:
    """Yield what can be done about packages and distributions that are in no lock."""
    if found.added and found.has_lock:
        yield f"installed by another conda tool, and not in the lock: {', '.join(found.added)}"
        yield f"take all that is there into the lock: envmgr adopt {location.arguments}"
        if not found.faults:
            yield f"or undo it: envmgr verify {location.arguments} --fix"
    elif found.installed and found.has_lock:
        names = [each.package or "" for each in found.installed]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        yield f"installed with pip, and not in the lock: {', '.join(names[:5])}{more}"
        yield f"take them into the lock: envmgr install {location.arguments} --adopt"
        yield f"or undo them: envmgr verify {location.arguments} --fix"


def _repair_text(location: Location, found: Findings, repair: Repair, *, in_full: bool) -> str:
    lines = []
    if repair.discarded:
        lines.append(f"rotten in the cache, and fetched again: {', '.join(repair.discarded)}")
    if repair.edited:
        shown = repair.edited if in_full else repair.edited[:5]
        more = f" and {len(repair.edited) - len(shown)} more" if len(repair.edited) > len(shown) else ""
        lines.append(f"the edited files are in {repair.kept}: {', '.join(shown)}{more}")
    where = f"generation {repair.generation.number} of {location.label}, from the same lock"
    others = sorted({label for shared in found.shared for label in shared.environments if "@" not in label})
    if others:
        lines.append(f"the same edit is in {', '.join(others)}, to be repaired in the same way")
    if not repair.findings.faults:
        lines.append(f"repaired: {where}")
    else:
        lines.append(as_text(location, repair.findings, in_full=in_full))
        lines.append(f"not all could be repaired by {where}")
    return "\n".join(lines)
