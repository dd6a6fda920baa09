"""Why a request has no solution, in the words of the person who wrote it, and what to write instead.

Everything that is said was tried: the things that clash are a smallest set that has no solution, and each edit, as it
is written, gives the whole request one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rattler import RepoDataRecord

from envmgr.channels.model import Channel
from envmgr.errors import SolveError, Unsatisfiable
from envmgr.solve import dates
from envmgr.solve.base import Packages, Refused, SolveRequest
from envmgr.solve.conflict import Conflict, Demand, Rule, conflict_of, demands_of, keeping
from envmgr.solve.edit import Edit
from envmgr.solve.missing import Elsewhere, Nowhere, missing_specs, not_found
from envmgr.solve.repairs import Repairs
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, conflict
from envmgr.solve.trials import Attempt, Trials
from envmgr.solve.wording import shortened
from envmgr.spec.model import Dependency
from envmgr.urls import redact

Confirm = Callable[[SolveRequest, Packages], bool]
"""Whether an engine accepts packages as a solution of a request."""

EXPLAIN_SECONDS = 10.0
_WORDS_SECONDS = 1.0


class Explained(Unsatisfiable):
    """An Unsatisfiable with its edits as values, for whoever goes on from them."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        edits: Sequence[Edit] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.edits = tuple(edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """How much is done for a request that has no solution: seconds (0: nothing is tried), and where else to look.

    `aside` attempts in a process that can be ended, `elsewhere` included; None: attempts are made in this one.
    `has_exceeded`: an engine needed more memory than it may have before, so that nothing else is attempted here.
    """

    seconds: float = EXPLAIN_SECONDS
    elsewhere: Elsewhere = field(default_factory=Nowhere)
    aside: Attempt | None = None
    has_exceeded: bool = False


def explain(
    request: SolveRequest,
    words: str,
    attempt: Attempt,
    repodata: Repodata,
    explaining: Explaining,
    *,
    confirm: Confirm | None = None,
    undecided: SolveError | None = None,
) -> SolveError:
    """Return the error for a request that has no solution, in the seconds of `explaining` or a little more.

    It is PackagesNotFound when a name is offered by no channel, and Unsatisfiable otherwise; `words` are the engine's.
    `confirm` holds the solution of each edit against the engine that is to solve, where that of `attempt` is another.
    Where the engine was ended before it knew, that is `undecided`, and returned where the trials know no better.
    """
    elsewhere = explaining.elsewhere

    def attempt_anywhere(variant: SolveRequest) -> Packages:
        is_here = {channel.url for channel in variant.channels} <= {channel.url for channel in request.channels}
        return (attempt if is_here or explaining.aside is not None else elsewhere.attempt)(variant)

    trials = Trials(attempt_anywhere, explaining.seconds)
    missing = missing_specs(request, repodata)
    if missing:
        return not_found(request, missing, repodata, elsewhere, trials)
    if undecided is None:
        trials.refuses(request, words)
    found = conflict_of(request, trials, repodata)
    edits = Repairs(request, trials, repodata, _readable(elsewhere, request.platform)).of(found)
    if confirm is not None:
        edits = tuple(edit for edit in edits if confirm(edit.request, trials.some_solution(edit.request) or ()))
    if undecided is not None and not found.is_smallest:
        hint = "\n".join([*_lines(edits), f"else: {undecided.hint}"]) if edits else undecided.hint
        return type(undecided)(undecided.message, hint=hint)
    return _unsatisfiable(request, found, edits, repodata, _words(request, found, words, attempt))


def _readable(elsewhere: Elsewhere, platform: str) -> tuple[Channel, ...]:
    return tuple(channel for channel in elsewhere.channels if elsewhere.names(channel, platform) is not None)


def _words(request: SolveRequest, found: Conflict, words: str, attempt: Attempt) -> str:
    """Return what the engine says of the smallest conflict alone, shortened where it is long."""
    if found.is_smallest and len(found.demands) < len(demands_of(request)):
        try:
            attempt(replace(keeping(request, found.demands), time_limit=timedelta(seconds=_WORDS_SECONDS)))
        except Refused as refused:
            words = str(refused)
        except SolveError:
            pass
    return shortened(redact(words))


def _unsatisfiable(
    request: SolveRequest, found: Conflict, edits: Sequence[Edit], repodata: Repodata, words: str
) -> Unsatisfiable:
    demands = found.demands
    alone = _alone(demands[0], request, repodata) if len(demands) == 1 else None
    conflicts = [_entry(demand, demands, alone) for demand in demands] + [
        entry for rule in found.rules for entry in _rule_entries(rule, request)
    ]
    if not demands:
        head = f"no choice of packages meets what was asked for on {request.platform}"
    elif len(demands) == 1:
        head = f"{_shown(demands[0])} cannot be met on {request.platform}" + (f": {alone}" if alone else "")
    else:
        among = "these cannot be met together" if found.is_smallest else "among these, some cannot be met together"
        head = f"{among} on {request.platform}: {', '.join(_shown(demand) for demand in demands)}"
    lines = [head, *(_reason(rule, request) for rule in found.rules)]
    if alone is None and words:
        lines += ["", words]
    return Explained(
        "\n".join(lines),
        hint="\n".join(_lines(edits)) or None,
        details={"conflicts": conflicts, "edits": [edit.as_json() for edit in edits]},
        edits=edits,
    )


def _lines(edits: Sequence[Edit]) -> list[str]:
    return ["each of these was tried, and solves:", *(f"  {edit}" for edit in edits)] if edits else []


def _entry(demand: Demand, demands: Sequence[Demand], alone: str | None) -> dict[str, Any]:
    others = ", ".join(_shown(other) for other in demands if other is not demand)
    reason = alone or (f"cannot be met together with {others}" if others else "cannot be met")
    if isinstance(demand, Dependency):
        return conflict(demand, reason)
    return {"where": "pinned", "spec": demand.dist_name, "reason": reason}


def _rule_entries(rule: Rule, request: SolveRequest) -> Iterator[dict[str, Any]]:
    reason = _reason(rule, request)
    if rule.kind == "exclude-newer":
        for where, text in dates.texts(request, rule.dates):
            yield {"where": where, "spec": text, "reason": reason}
    elif rule.kind == "channel-priority":
        yield {"where": "--channel-priority", "spec": "strict", "reason": reason}
    else:
        yield {"where": "this machine", "spec": rule.machine.text if rule.machine is not None else "", "reason": reason}


def _reason(rule: Rule, request: SolveRequest) -> str:
    if rule.kind == "exclude-newer":
        written = " and ".join(f"{text} ({where})" for where, text in dates.texts(request, rule.dates))
        return f"it has a solution in what was published after {written}"
    if rule.kind == "channel-priority" or rule.machine is None:
        return "strict channel priority hides packages of a later channel that would solve it"
    name = rule.machine.offer.name
    present = next((f"{p.name} {p.version}" for p in request.virtual_packages if p.name == name), f"no {name}")
    return f"it needs `{rule.machine.text}`, and the machine that it is solved for has {present}"


def _shown(demand: Demand) -> str:
    if isinstance(demand, Dependency):
        return f"`{redact(demand.text)}` ({demand.origin})"
    return f"{demand.dist_name} (pinned)"


def _alone(demand: Demand, request: SolveRequest, repodata: Repodata) -> str | None:
    """Say what is wrong with a single spec when no record matches it; None when the fault lies deeper."""
    if not isinstance(demand, Dependency):
        return None
    if demand.name.startswith("__"):
        found = next((str(p) for p in request.virtual_packages if p.name == demand.name), None)
        return f"the machine that it is solved for has {found or f'no {demand.name}'}"
    records = repodata.named_in(demand.name, channel_url(demand, request))
    if any(demand.match_spec.matches(record) for record in records):
        return None
    if not records and any(channel.exclude_newer is not None for channel in request.channels):
        return f"every build of {demand.name} came after the date of its channel"
    if not records:
        return f"its channel lists {demand.name}, and has no record that is called so: the index is broken"
    return f"no build of {demand.name} matches; there are {_versions(records)}"


def _versions(records: Sequence[RepoDataRecord]) -> str:
    versions = [str(version) for version in sorted({record.version for record in records})]
    shown = versions if len(versions) <= 6 else [*versions[:2], "…", *versions[-3:]]
    return ", ".join(shown)
