"""The smallest set of things that clash: what was asked for, and the rules under which it was to be solved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from envmgr.lock.model import CondaPackage
from envmgr.solve import dates
from envmgr.solve.base import SolveRequest
from envmgr.solve.dates import Dates
from envmgr.solve.missing_virtual import Machine, tried_machines
from envmgr.solve.repodata import Repodata
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.model import Dependency

Demand = Dependency | CondaPackage
"""One thing that can be left out of a request to see whether it is to blame: a spec, a constraint or a pin."""

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.\-]*")

Kind = Literal["channel-priority", "exclude-newer", "machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule without which the demands have a solution: `lifted` is the request without it.

    `machine` is what this machine lacks, where the rule is what the machine has, and `dates` are those that hide what
    came after them.
    """

    kind: Kind
    lifted: SolveRequest
    machine: Machine | None = None
    dates: Dates = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Demands that have no solution under `rules`; each of both is needed for that when `is_smallest`."""

    demands: tuple[Demand, ...]
    rules: tuple[Rule, ...] = ()
    is_smallest: bool = True


def conflict_of(request: SolveRequest, trials: Trials, repodata: Repodata | None) -> Conflict:
    """Return a smallest conflict of a request that has no solution; not the smallest when the time is over.

    Without `repodata` the rules that take part in it are not looked for.
    """
    found: list[Demand] = []
    everything = demands_of(request)
    try:
        found = _narrowed(request, trials, [], False, _mentioned(request, trials)) if everything else []
        chosen = {id(demand) for demand in found}
        demands = tuple(demand for demand in everything if id(demand) in chosen)
    except OutOfTime:
        return Conflict(demands=everything, is_smallest=False)
    conflict = Conflict(demands=demands, is_smallest=trials.is_sure)
    try:
        if not conflict.is_smallest:
            conflict = replace(conflict, is_smallest=_is_smallest(request, demands, trials))
        if repodata is not None:
            conflict = replace(conflict, rules=tuple(_needed_rules(keeping(request, demands), trials, repodata)))
    except OutOfTime:
        pass
    return conflict


def demands_of(request: SolveRequest) -> tuple[Demand, ...]:
    """Return everything of a request that can be left out of it."""
    return (*request.specs, *request.constraints, *request.pinned)


def keeping(request: SolveRequest, demands: Sequence[Demand]) -> SolveRequest:
    """Return the request with these of its demands alone."""
    kept = {id(demand) for demand in demands}
    return replace(
        request,
        specs=tuple(spec for spec in request.specs if id(spec) in kept),
        constraints=tuple(spec for spec in request.constraints if id(spec) in kept),
        pinned=tuple(package for package in request.pinned if id(package) in kept),
    )


def _mentioned(request: SolveRequest, trials: Trials) -> list[Demand]:
    """Return demands that have no solution among themselves: those that the engine's words name, where that is so."""
    demands = list(demands_of(request))
    while words := trials.words(keeping(request, demands)):
        names = set(_NAME.findall(words))
        fewer = [demand for demand in demands if demand.name in names]
        if not fewer or len(fewer) == len(demands) or not trials.has_none(keeping(request, fewer)):
            break
        demands = fewer
    return demands


def _is_smallest(request: SolveRequest, demands: Sequence[Demand], trials: Trials) -> bool:
    return trials.has_none(keeping(request, demands)) and all(
        trials.has_solution(keeping(request, [each for each in demands if each is not demand])) for demand in demands
    )


def _narrowed(
    request: SolveRequest, trials: Trials, background: list[Demand], has_changed: bool, candidates: list[Demand]
) -> list[Demand]:
    """Return those of `candidates` that clash with `background` (QuickXplain, Junker 2004)."""
    if has_changed and trials.has_none(keeping(request, background)):
        return []
    if len(candidates) == 1:
        return candidates
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    from_second = _narrowed(request, trials, [*background, *first], True, second)
    from_first = _narrowed(request, trials, [*background, *from_second], bool(from_second), first)
    return [*from_first, *from_second]


def _needed_rules(core: SolveRequest, trials: Trials, repodata: Repodata) -> Iterator[Rule]:
    """Yield the rules that each are needed for the conflict: none where it stands without any of them."""
    free = core
    for machine in tried_machines(core, repodata):
        lifted = replace(core, virtual_packages=machine.virtual_packages)
        if trials.has_solution(lifted):
            yield Rule(kind="machine", lifted=lifted, machine=machine)
            break
    everything: Dates = ()
    for which in dates.choices(core):  # those alone come before all together
        everything = which
        lifted = dates.without(core, which)
        if trials.has_solution(lifted):
            yield Rule(kind="exclude-newer", lifted=lifted, dates=which)
            break
    else:
        free = dates.without(core, everything)
    may_hide = core.channel_priority == "strict" and len(core.channels) > 1
    if may_hide and trials.has_solution(replace(free, channel_priority="flexible")):
        yield Rule(kind="channel-priority", lifted=replace(core, channel_priority="flexible"))
