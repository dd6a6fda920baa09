"""What a verification found, as a person reads it: grouped by package, faults first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envmgr.cli.tables import plural, size
from envmgr.store.layout import Location
from envmgr.store.problems import Findings, Problem

_SHOWN = 5  # things of one group
_OF_NOBODY = {"carried": "of no package, carried from the generation before", "foreign": "of no package"}


def as_text(location: Location, found: Findings, *, in_full: bool) -> str:
    """Return the problems by package and the line that says how the environment is; `in_full` leaves none out."""
    lines: list[str] = []
    groups: dict[str, list[Problem]] = {}
    files = [problem for problem in found.problems if problem.package is None and problem.kind in _OF_NOBODY]
    is_loose = set(files)
    for problem in found.problems:
        if problem not in is_loose:
            groups.setdefault(problem.package or location.label, []).append(problem)
    for package, problems in groups.items():
        lines.append(package)
        shown = problems if in_full else problems[:_SHOWN]
        lines += [f"  {_line(problem)}" for problem in shown]
        if len(shown) < len(problems):
            lines.append(f"  and {len(problems) - len(shown)} more (-v shows all)")
    for kind, whose in _OF_NOBODY.items():
        loose = [problem for problem in files if problem.kind == kind]
        if loose:
            shown = loose if in_full else loose[:_SHOWN]
            more = f" and {len(loose) - len(shown)} more (-v shows all)" if len(shown) < len(loose) else ""
            lines.append(f"{plural(len(loose), 'file')} {whose}: {', '.join(each.path for each in shown)}{more}")
    if found.shared:
        lines.append(_shared_text(found))
    return "\n".join((*lines, _verdict(location, found)))


def _shared_text(found: Findings) -> str:
    """Return who else has the changed files."""
    labels = sorted({label for shared in found.shared for label in shared.environments})
    shown = ", ".join(shared.path for shared in found.shared[:_SHOWN])
    more = f" and {len(found.shared) - _SHOWN} more" if len(found.shared) > _SHOWN else ""
    places = [*(["the package cache"] if any(shared.elsewhere for shared in found.shared) else []), *labels]
    return f"edited in place, and so changed as well in {_enumerated(places)}: {shown}{more}"


def listed(problem: Problem) -> dict[str, Any]:
    """Return a problem as `--json` has it."""
    return problem._asdict()


def _line(problem: Problem) -> str:
    kind = problem.kind if problem.severity == "fault" else f"{problem.kind} (notice)"
    if problem.kind in ("missing", "rotten") or (problem.expected is None and problem.found is None):
        return f"{kind}: {problem.path}"
    found, expected = _short(problem.found), _short(problem.expected)
    if problem.kind == "clobbered":
        return f"{kind}: {problem.path}: {expected} gives way to {found}"
    if problem.kind == "unreadable" or problem.found is None or problem.expected is None:
        return f"{kind}: {problem.path}: {found or expected}"
    return f"{kind}: {problem.path}: expected {expected}, found {found}"


def _short(text: str | None) -> str:
    """Return the text with each hash cut to what a person compares."""
    words = (text or "").split(" ")
    return " ".join(f"{word[:12]}…" if len(word.rstrip(",")) == 64 else word for word in words)


def _verdict(location: Location, found: Findings) -> str:
    faults, notices = len(found.faults), len(found.notices)
    against = "its lock" if found.has_lock else "its records (another tool made it; there is no lock)"
    what = f"{plural(found.files, 'file')} of {plural(found.packages, 'package')} ({size(found.bytes)})"
    counts = [plural(count, noun) for count, noun in ((faults, "fault"), (notices, "notice")) if count]
    verdict = " and ".join(counts) if faults else f"whole, {counts[0]}" if notices else "whole"
    return f"{location.label}: {verdict}; {what} compared with {against}"


def _enumerated(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
