"""Why a request has no solution, in the words of the person who wrote it.

Everything that is said was tried with the engine: the specs that clash are a smallest set that has no solution, and
what would lift the clash (a date, the channel priority, a virtual package) was lifted and did.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from rattler import RepoDataRecord

from envmgr.errors import ChannelError, PackagesNotFound, SolveError, SolveTimeout, Unsatisfiable
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.missing_virtual import tried_machines
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, conflict, without_virtual
from envmgr.spec.model import Dependency
from envmgr.urls import redact

EXPLAIN_SECONDS = 10.0
_MOST_ATTEMPTS = 200
_ELSEWHERE_SECONDS = 5.0
_OTHER_PLATFORMS = ("linux-64", "osx-arm64", "win-64", "osx-64", "linux-aarch64")


class Attempt(Protocol):
    """Solves a request within its time limit: None when it has a solution, else the engine's own words, which need
    not be any when they are not wanted. Raises SolveTimeout and ChannelError."""

    def __call__(self, request: SolveRequest, /, *, in_words: bool) -> str | None: ...


Demand = Dependency | CondaPackage
"""One thing that can be left out of a request to see whether it is to blame: a spec, a constraint or a pin."""


@dataclass(slots=True, kw_only=True)
class _Budget:
    """How many more attempts there may be, and until when (monotonic seconds)."""

    attempts: int
    deadline: float

    def spend(self) -> bool:
        self.attempts -= 1
        return self.attempts >= 0 and time.monotonic() < self.deadline

    def seconds_left(self) -> float:
        return max(self.deadline - time.monotonic(), 0.001)


def explain(
    request: SolveRequest, words: str, attempt: Attempt, repodata: Repodata, *, seconds: float = EXPLAIN_SECONDS
) -> SolveError:
    """Return the error for a request that `attempt` found to have no solution, in `seconds` or a little more.

    It is PackagesNotFound when a name is offered by no channel, and Unsatisfiable otherwise; `words` are the engine's.
    """
    missing = _missing(request, repodata)
    if missing:
        return missing
    budget = _Budget(attempts=_MOST_ATTEMPTS, deadline=time.monotonic() + seconds)

    def solves(candidate: SolveRequest) -> bool | None:
        if not budget.spend():
            return None
        try:
            limited = replace(candidate, time_limit=timedelta(seconds=budget.seconds_left()))
            return attempt(limited, in_words=False) is None
        except (SolveTimeout, ChannelError):
            return None

    demands, is_smallest = _smallest_conflict(request, solves)
    core = _with_demands(request, demands)
    engine = words
    if is_smallest and len(demands) < len(_demands(request)):
        try:
            limited = replace(core, time_limit=timedelta(seconds=max(budget.seconds_left(), 1)))
            engine = attempt(limited, in_words=True) or words
        except SolveError:
            engine = words
    lifted = _lifted(core, solves, repodata)
    return _unsatisfiable(request, demands, engine, lifted, repodata, is_smallest=is_smallest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lifted:
    """Something without which the clash is gone: what to say and what to write."""

    reason: str
    hint: str


def _demands(request: SolveRequest) -> tuple[Demand, ...]:
    return (*request.specs, *request.constraints, *request.pinned)


def _with_demands(request: SolveRequest, demands: Sequence[Demand]) -> SolveRequest:
    kept = {id(demand) for demand in demands}
    return replace(
        request,
        specs=tuple(spec for spec in request.specs if id(spec) in kept),
        constraints=tuple(spec for spec in request.constraints if id(spec) in kept),
        pinned=tuple(package for package in request.pinned if id(package) in kept),
    )


def _smallest_conflict(
    request: SolveRequest, solves: Callable[[SolveRequest], bool | None]
) -> tuple[tuple[Demand, ...], bool]:
    """Return demands that clash, and whether each of them is needed for it (QuickXplain, Junker 2004)."""
    complete = True

    def clash(demands: Sequence[Demand]) -> bool:
        nonlocal complete
        outcome = solves(_with_demands(request, demands))
        if outcome is None:
            complete = False
        return outcome is False

    def narrowed(background: list[Demand], has_changed: bool, candidates: list[Demand]) -> list[Demand]:
        if has_changed and clash(background):
            return []
        if len(candidates) == 1:
            return candidates
        half = len(candidates) // 2
        first, second = candidates[:half], candidates[half:]
        from_second = narrowed([*background, *first], True, second)
        from_first = narrowed([*background, *from_second], bool(from_second), first)
        return [*from_first, *from_second]

    demands = list(_demands(request))
    found = narrowed([], False, demands) if demands else []
    chosen = {id(demand) for demand in found}
    return tuple(demand for demand in demands if id(demand) in chosen), complete


def _lifted(core: SolveRequest, solves: Callable[[SolveRequest], bool | None], repodata: Repodata) -> list[_Lifted]:
    found = []
    if core.exclude_newer is not None and solves(replace(core, exclude_newer=None)):
        found.append(
            _Lifted(
                reason=f"it has a solution in what was published after {core.exclude_newer.isoformat()}",
                hint="a later --exclude-newer, or none",
            )
        )
    hides = core.channel_priority == "strict" and len(core.channels) > 1
    if hides and solves(replace(core, channel_priority="flexible")):
        found.append(
            _Lifted(
                reason="strict channel priority hides packages of a later channel that would solve it",
                hint="--channel-priority flexible",
            )
        )
    for machine in tried_machines(core, repodata):
        if solves(replace(core, virtual_packages=machine.virtual_packages)):
            name = machine.offer.name
            present = next((f"{p.name} {p.version}" for p in core.virtual_packages if p.name == name), f"no {name}")
            found.append(
                _Lifted(
                    reason=f"it needs `{machine.text}`, and the machine that it is solved for has {present}",
                    hint=f"--virtual-package {name}={machine.offer.version}",
                )
            )
            break
    return found


def _unsatisfiable(
    request: SolveRequest,
    demands: Sequence[Demand],
    words: str,
    lifted: Sequence[_Lifted],
    repodata: Repodata,
    *,
    is_smallest: bool,
) -> Unsatisfiable:
    alone = _alone(demands[0], request, repodata) if len(demands) == 1 else None
    if lifted and isinstance(demands[0], Dependency) and demands[0].name.startswith("__"):
        alone = None  # what would lift it says the same
    conflicts = []
    for demand in demands:
        others = ", ".join(_shown(other) for other in demands if other is not demand)
        reason = alone or (f"cannot be met together with {others}" if others else "cannot be met")
        for lift in lifted:
            reason += f"; {lift.reason}"
        if isinstance(demand, Dependency):
            conflicts.append(conflict(demand, reason))
        else:
            conflicts.append({"where": "pinned", "spec": demand.dist_name, "reason": reason})
    if not demands:
        head = f"no choice of packages meets what was asked for on {request.platform}"
    elif len(demands) == 1:
        head = f"{_shown(demands[0])} cannot be met on {request.platform}" + (f": {alone}" if alone else "")
    else:
        among = "these cannot be met together" if is_smallest else "among these, some cannot be met together"
        head = f"{among} on {request.platform}: {', '.join(_shown(demand) for demand in demands)}"
    lines = [head, *(lift.reason for lift in lifted)]
    if alone is None:
        lines += ["", redact(words)]
    return Unsatisfiable(
        "\n".join(lines),
        hint="try " + ", or ".join(f"`{lift.hint}`" if lift.hint.startswith("--") else lift.hint for lift in lifted)
        if lifted
        else None,
        details={"conflicts": conflicts, "edits": []},
    )


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
    url = channel_url(demand, request)
    records = [
        record
        for channel, each in zip(request.channels, repodata.named(demand.name), strict=False)
        if url in {None, channel.url}
        for record in each
    ]
    if any(demand.match_spec.matches(record) for record in records):
        return None
    return f"no build of {demand.name} matches; there are {_versions(records)}"


def _versions(records: Sequence[RepoDataRecord]) -> str:
    versions = [str(version) for version in sorted({record.version for record in records})]
    shown = versions if len(versions) <= 6 else [*versions[:2], "…", *versions[-3:]]
    return ", ".join(shown)


def _missing(request: SolveRequest, repodata: Repodata) -> PackagesNotFound | None:
    """Return the error for specs whose name no channel offers, if there are any."""
    names_of: dict[str | None, frozenset[str]] = {}
    conflicts, lines, hint = [], [], None
    for spec in without_virtual(request.specs):
        url = channel_url(spec, request)
        if url not in names_of:
            names_of[url] = repodata.names(None if url is None else [url])
        if spec.name in names_of[url]:
            continue
        near = difflib.get_close_matches(spec.name, names_of[url], n=3, cutoff=0.75)
        elsewhere = _elsewhere(spec.name, request, repodata)
        where = "no channel is in use" if not request.channels else _channels_shown(request, url)
        reason = f"{where} has no package {spec.name} for {request.platform}" if request.channels else where
        if elsewhere:
            reason += f", only for {', '.join(elsewhere)}"
        conflicts.append(conflict(spec, reason) | ({"nearest": near} if near else {}))
        lines.append(f"{spec.origin}: `{redact(spec.text)}`: {reason}")
        if hint is None and near:
            hint = "did you mean " + " or ".join(f"`{name}`" for name in near) + "?"
    if not lines:
        return None
    if not request.channels:
        hint = "name one: `channels: [conda-forge]` in the file, or `-c conda-forge`"
    return PackagesNotFound("\n".join(lines), hint=hint, details={"conflicts": conflicts, "edits": []})


def _channels_shown(request: SolveRequest, url: str | None) -> str:
    return "channel " + ", ".join(redact(each.name) for each in request.channels if url in {None, each.url})


def _elsewhere(name: str, request: SolveRequest, repodata: Repodata) -> list[str]:
    try:
        others = [each for each in _OTHER_PLATFORMS if each != request.platform]
        return repodata.platforms_with(name, others, seconds=_ELSEWHERE_SECONDS)
    except (SolveError, ChannelError):  # offline, or a channel without these platforms: the hint is all that is lost
        return []
