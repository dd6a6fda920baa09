"""The search for the smallest edits that give a request a solution; each of them is tried as it is written.

The time may be over at any moment, so whatever is enough comes first, roughly: with the bound that the solution found
shows anyway. What is nearer to what was written is looked for when each edit has been found once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rattler import Version

from envmgr.channels.model import Channel
from envmgr.errors import SpecError
from envmgr.solve import dates
from envmgr.solve.base import SolveRequest
from envmgr.solve.bounds import allowing, between, near, without_bound
from envmgr.solve.conflict import Conflict, Demand, Rule, conflict_of
from envmgr.solve.edit import Edit, Replacement, replaced
from envmgr.solve.missing_virtual import may_have
from envmgr.solve.repodata import Repodata
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import ASKED_FOR_IN, COMMAND_LINE, Dependency

MOST_SHOWN = 5
_MOST_TOGETHER = 8
_MOST_TRIED_BOUNDS = 3


class Repairs:
    """Looks for edits of one request that has no solution, as long as its trials have time."""

    def __init__(self, request: SolveRequest, trials: Trials, repodata: Repodata, others: Sequence[Channel]) -> None:
        """Take the channels that may be added beside those of the request: what reads them may not use a network."""
        self._request, self._trials, self._repodata, self._others = request, trials, repodata, tuple(others)
        self._versions: dict[str, list[Version]] = {}
        self._first: tuple[Demand, ...] = ()
        self._enough: set[int] = set()
        self._met: list[Rule] = []

    def of(self, conflict: Conflict) -> tuple[Edit, ...]:
        """Return edits that were tried and solve, the smallest first; what was found when the time is over."""
        found: dict[object, Edit] = {}
        self._first = conflict.demands
        try:
            for edit in self._search(conflict):
                found[edit.subject] = edit
        except OutOfTime:
            pass
        edits = [edit for edit in found.values() if not self._is_idle(edit)]
        smallest = [edit for edit in edits if not any(other.is_part_of(edit) for other in edits)]
        pins = {id(pin) for pin in self._request.constraints}
        return tuple(sorted(smallest, key=lambda edit: edit.rank(pins))[:MOST_SHOWN])

    def _is_idle(self, edit: Edit) -> bool:
        """Whether it takes away all that a command asks for beside what an environment has already."""
        specs = self._request.specs
        removed = {id(each.old) for each in edit.replacements if each.new is None}
        asked = [spec for spec in specs if spec.origin == COMMAND_LINE]
        has_others = any(spec.origin.source.startswith(ASKED_FOR_IN) for spec in specs)
        return has_others and bool(asked) and all(id(spec) in removed for spec in asked)

    def _search(self, conflict: Conflict) -> Iterator[Edit]:
        finer: deque[Iterator[Edit]] = deque()
        for edits in self._kinds(conflict):
            rough = next(edits, None)
            if rough is not None:
                yield rough
                finer.append(edits)
        for edits in finer:
            yield from edits

    def _kinds(self, conflict: Conflict) -> Iterator[Iterator[Edit]]:
        """Yield, for each thing that may change, edits that change it, each better than the one before."""
        demands = [demand for demand in conflict.demands if isinstance(demand, Dependency)]
        entangled = []
        for rule in conflict.rules:
            yield self._lifting(rule)
        kinds = {rule.kind for rule in conflict.rules}
        for demand in demands if "channel-priority" in kinds else ():
            yield self._placing(demand)
        for demand in demands:  # what is enough alone comes before what is not
            without = replaced(self._request, [Replacement(old=demand)])
            if self._trials.has_solution(without):
                yield self._changing(self._request, (demand,))
            elif self._trials.has_none(without):
                entangled.append(demand)
        for channel in self._others:
            yield self._adding(channel)
        for demand in entangled:
            yield self._changing(self._request, (demand,))
        for rule in self._met:  # of another conflict than the first
            if rule.kind not in kinds:
                kinds.add(rule.kind)
                yield self._lifting(rule)

    def _placing(self, demand: Dependency) -> Iterator[Edit]:
        """Yield the edit that takes one package from the later channel that has it, whatever the priority."""
        for channel, records in zip(self._request.channels, self._repodata.named(demand.name), strict=True):
            if demand.channel is not None or not any(map(demand.match_spec.matches, records)):
                continue
            try:
                new = parse_dependency(f"{channel.name}::{demand.text}", demand.origin)
            except SpecError:
                continue
            edit = self._edit(self._request, [Replacement(old=demand, new=new)])
            if self._trials.has_solution(edit.request):
                yield edit
                return

    def _adding(self, channel: Channel) -> Iterator[Edit]:
        wider = replace(self._request, channels=(*self._request.channels, channel))
        if self._trials.has_solution(wider):
            yield Edit(request=wider, flags=("-c", channel.name))

    def _lifting(self, rule: Rule) -> Iterator[Edit]:
        """Yield the edit that lifts a rule, and changes what clashes without it too."""
        request = self._request
        if rule.kind == "exclude-newer":
            for edit in self._changing(dates.without(request, rule.dates), ()):
                yield from dates.later(request, rule.dates, edit, self._trials)
            return
        if rule.kind == "channel-priority":
            lifted, flags = replace(request, channel_priority="flexible"), ("--channel-priority", "flexible")
        elif rule.machine is not None and may_have(request.platform, rule.machine.offer.name):
            offer = rule.machine.offer
            build = "" if offer.build == "0" else f"={offer.build}"
            lifted = replace(request, virtual_packages=rule.machine.virtual_packages)
            flags = ("--virtual-package", f"{offer.name}={offer.version}{build}")
        else:
            return
        for edit in self._changing(lifted, ()):
            yield replace(edit, flags=flags)

    def _changing(self, request: SolveRequest, together: tuple[Dependency, ...]) -> Iterator[Edit]:
        """Yield an edit that changes `together`, and what else has to change with it, then with nearer bounds; none
        that leaves nothing."""
        rest = replaced(request, [Replacement(old=each) for each in together])
        while not self._trials.has_solution(rest):
            may_go_on = len(together) < _MOST_TOGETHER and self._trials.has_none(rest)
            another = self._most_willing(rest) if may_go_on else None
            if another is None or (request is self._request and id(another) in self._enough):
                return
            together = (*together, another)
            rest = replaced(request, [Replacement(old=each) for each in together])
        changes: list[Replacement] = []
        for number, demand in enumerate(together):
            left_out = [Replacement(old=each) for each in together[number + 1 :]]
            changes.append(self._roughly(request, demand, [*changes, *left_out]))
        if not replaced(request, changes).specs:
            return
        if len(changes) == 1 and changes[0].new is not None and request is self._request:
            self._enough.add(id(changes[0].old))
        yield self._edit(request, changes)
        yield from self._nearer(request, changes)

    def _nearer(self, request: SolveRequest, changes: list[Replacement]) -> Iterator[Edit]:
        """Yield the edit with bounds that are nearer to what was written, one spec after the other."""
        for number, rough in enumerate(changes):
            for new in self._nearest(request, rough, [*changes[:number], *changes[number + 1 :]]):
                changes = [*changes[:number], Replacement(old=rough.old, new=new), *changes[number + 1 :]]
                yield self._edit(request, changes)

    def _nearest(
        self, request: SolveRequest, rough: Replacement, others: Sequence[Replacement]
    ) -> Iterator[Dependency]:
        """Yield bounds that solve beside `others` and are nearer to what was written than the rough one, ever nearer:
        one right beside it, or else what halving the versions in between finds."""

        def is_enough(new: Dependency) -> bool:
            tried = [*others, Replacement(old=rough.old, new=new)]
            return self._trials.has_solution(replaced(request, tried))

        demand, free = rough.old, without_bound(rough.old)
        solved = self._version(replaced(request, [*others, Replacement(old=demand, new=free)]), demand.name)
        if rough.new is None or solved is None:
            return
        versions = self._versions_of(demand.name)
        for new in list(near(demand, versions, solved))[:_MOST_TRIED_BOUNDS]:
            if new.text == rough.new.text:
                break
            if is_enough(new):
                yield new
                return
        farther = between(demand, versions, solved)
        low, high = 0, len(farther) - 1
        while low < high:
            middle = (low + high) // 2
            if is_enough(farther[middle]):
                high = middle
                yield farther[middle]
            else:
                low = middle + 1

    def _edit(self, request: SolveRequest, changes: Sequence[Replacement]) -> Edit:
        """Return the edit, its replacements in the order in which the specs are written."""
        order = {id(each): at for at, each in enumerate((*self._request.specs, *self._request.constraints))}
        written = sorted(changes, key=lambda change: order[id(change.old)])
        return Edit(request=replaced(request, changes), replacements=tuple(written))

    def _roughly(self, request: SolveRequest, demand: Dependency, others: Sequence[Replacement]) -> Replacement:
        """Return what to write in place of `demand` once `others` are made, with as few trials as can be: the version
        of a solution without it, where that has the package all the same."""
        if demand.name.startswith("__"):
            return Replacement(old=demand)
        free = Replacement(old=demand, new=without_bound(demand))
        version = self._version(replaced(request, [*others, Replacement(old=demand)]), demand.name)
        if version is None:
            version = self._version(replaced(request, [*others, free]), demand.name)
        for new in allowing(demand, version) if version is not None else ():
            rough = Replacement(old=demand, new=new)
            if self._trials.has_solution(replaced(request, [*others, rough])):
                return rough
        return free if self._trials.has_solution(replaced(request, [*others, free])) else Replacement(old=demand)

    def _version(self, request: SolveRequest, name: str) -> str | None:
        """Return the version of a package in a solution of a request, None where it is in none."""
        packages = self._trials.some_solution(request) or ()
        return next((package.version for package in packages if package.name == name), None)

    def _most_willing(self, request: SolveRequest) -> Dependency | None:
        """Return a spec of another conflict: one that it is enough to bind otherwise, if there is any.

        What clashes first comes last here: an edit of that alone is looked for anyway.
        """
        conflict = conflict_of(request, self._trials, self._repodata)
        self._met += conflict.rules
        demands = [demand for demand in conflict.demands if isinstance(demand, Dependency)]
        if not demands:
            return None
        core = replace(
            request,
            specs=tuple(spec for spec in request.specs if spec in demands),
            constraints=tuple(spec for spec in request.constraints if spec in demands),
        )
        demands.sort(key=lambda demand: demand in self._first)
        for demand in demands:
            if self._trials.has_solution(replaced(core, [Replacement(old=demand, new=without_bound(demand))])):
                return demand
        return demands[0]

    def _versions_of(self, name: str) -> list[Version]:
        if name not in self._versions:
            records = [record for channel in self._repodata.named(name) for record in channel]
            self._versions[name] = sorted({record.version for record in records})
        return self._versions[name]
