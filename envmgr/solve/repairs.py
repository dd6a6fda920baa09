"""The search for the smallest edits that give a request a solution; each of them is tried as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from rattler import Version

from envmgr.channels.model import Channel
from envmgr.solve.base import SolveRequest
from envmgr.solve.bounds import near, without_bound
from envmgr.solve.conflict import Conflict, Demand, Rule, conflict_of
from envmgr.solve.edit import Edit, Replacement, replaced
from envmgr.solve.missing_virtual import may_have
from envmgr.solve.records import indexed_at
from envmgr.solve.repodata import Repodata
from envmgr.solve.trials import OutOfTime, Packages, Trials
from envmgr.spec.model import Dependency

MOST_SHOWN = 5
_MOST_TOGETHER = 8
_MOST_TRIED_BOUNDS = 4


class Repairs:
    """Looks for edits of one request that has no solution, as long as its trials have time."""

    def __init__(self, request: SolveRequest, trials: Trials, repodata: Repodata, others: Sequence[Channel]) -> None:
        """Take the channels that may be added beside those of the request: what reads them may not use a network."""
        self._request, self._trials, self._repodata, self._others = request, trials, repodata, tuple(others)
        self._versions: dict[str, list[Version]] = {}
        self._first: tuple[Demand, ...] = ()

    def of(self, conflict: Conflict) -> tuple[Edit, ...]:
        """Return edits that were tried and solve, the smallest first; what was found when the time is over."""
        found: list[Edit] = []
        self._first = conflict.demands
        try:
            for edit in self._search(conflict):
                if edit not in found:
                    found.append(edit)
        except OutOfTime:
            pass
        smallest = [edit for edit in found if not any(other.is_part_of(edit) for other in found)]
        pins = {id(pin) for pin in self._request.constraints}
        return tuple(sorted(smallest, key=lambda edit: edit.rank(pins))[:MOST_SHOWN])

    def _search(self, conflict: Conflict) -> Iterator[Edit]:
        for rule in conflict.rules:
            yield from self._lifting(rule)
        demands = [demand for demand in conflict.demands if isinstance(demand, Dependency)]
        entangled = []
        for demand in demands:  # what is enough alone comes first: the time may be over before the rest
            if self._trials.has_solution(replaced(self._request, [Replacement(old=demand)])):
                yield from self._changing(self._request, (demand,))
            else:
                entangled.append(demand)
        for demand in entangled:
            yield from self._changing(self._request, (demand,))
        for channel in self._others:
            wider = replace(self._request, channels=(*self._request.channels, channel))
            if self._trials.has_solution(wider):
                yield Edit(request=wider, flags=("-c", channel.name))

    def _lifting(self, rule: Rule) -> Iterator[Edit]:
        """Yield the edit that lifts a rule, and changes what clashes without it too."""
        request = self._request
        flags: tuple[str, ...] = ()
        if rule.kind == "channel-priority":
            lifted, flags = replace(request, channel_priority="flexible"), ("--channel-priority", "flexible")
        elif rule.kind == "exclude-newer":
            lifted = replace(request, exclude_newer=None)
        elif rule.machine is not None and may_have(request.platform, rule.machine.offer.name):
            offer = rule.machine.offer
            build = "" if offer.build == "0" else f"={offer.build}"
            lifted = replace(request, virtual_packages=rule.machine.virtual_packages)
            flags = ("--virtual-package", f"{offer.name}={offer.version}{build}")
        else:
            return
        for edit in self._changing(lifted, ()):
            if flags:
                yield replace(edit, flags=flags)
            else:
                yield from self._later(edit)

    def _later(self, edit: Edit) -> Iterator[Edit]:
        """Yield the edit with the earliest day at whose end it solves, found by halving, in place of no date."""
        free, written = self._trials.solution(edit.request), self._request.exclude_newer
        if not free or written is None:
            return
        moments = [moment for package in free if (moment := indexed_at(package)) is not None]
        if len(moments) < len(free):
            return  # it needs a package that has no date
        low, high = _day(written), _day(datetime.fromtimestamp(max(moments) / 1000, tz=timezone.utc))
        if not self._trials.has_solution(_until(edit.request, high)):
            return
        try:
            while (middle := _day(low + (high - low) / 2)) not in (low, high):
                if self._trials.has_solution(_until(edit.request, middle)):
                    high = middle
                else:
                    low = middle
        except OutOfTime:
            pass
        yield replace(edit, request=_until(edit.request, high), flags=("--exclude-newer", high.date().isoformat()))

    def _changing(self, request: SolveRequest, together: tuple[Dependency, ...]) -> Iterator[Edit]:
        """Yield the edit that changes `together`, and what else has to change with it; none that leaves nothing."""
        rest = replaced(request, [Replacement(old=each) for each in together])
        while not self._trials.has_solution(rest):
            another = self._most_willing(rest) if len(together) < _MOST_TOGETHER else None
            if another is None:
                return
            together = (*together, another)
            rest = replaced(request, [Replacement(old=each) for each in together])
        changes: list[Replacement] = []
        for number, demand in enumerate(together):
            others = [Replacement(old=each) for each in together[number + 1 :]]
            changes.append(self._nearest(request, demand, [*changes, *others]))
        changed = replaced(request, changes)
        if changed.specs:
            yield Edit(request=changed, replacements=tuple(changes))

    def _most_willing(self, request: SolveRequest) -> Dependency | None:
        """Return a spec of another conflict: one that it is enough to bind otherwise, if there is any.

        What clashes first comes last here: an edit of that alone is looked for anyway.
        """
        conflict = conflict_of(request, self._trials, None)
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

    def _nearest(self, request: SolveRequest, demand: Dependency, others: Sequence[Replacement]) -> Replacement:
        """Return what to write in place of `demand` once `others` are made: the nearest bound that solves, if any."""

        def attempt(new: Dependency) -> Packages | None:
            return self._trials.solution(replaced(request, [*others, Replacement(old=demand, new=new)]))

        if demand.name.startswith("__"):
            return Replacement(old=demand)
        free = without_bound(demand)
        solution = attempt(free)
        chosen = next((each for each in solution or () if each.name == demand.name), None)
        if solution is None or chosen is None:
            return Replacement(old=demand)
        try:
            tried = list(near(demand, self._versions_of(demand.name), chosen.version))
            for new in [*tried[:-1][: _MOST_TRIED_BOUNDS - 1], *tried[-1:]]:
                if attempt(new) is not None:
                    return Replacement(old=demand, new=new)
        except OutOfTime:
            pass
        return Replacement(old=demand, new=free)

    def _versions_of(self, name: str) -> list[Version]:
        if name not in self._versions:
            records = [record for channel in self._repodata.named(name) for record in channel]
            self._versions[name] = sorted({record.version for record in records})
        return self._versions[name]


def _day(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _until(request: SolveRequest, day: datetime) -> SolveRequest:
    """Return the request up to the end of a day, as `--exclude-newer` reads a date."""
    return replace(request, exclude_newer=day + timedelta(days=1, seconds=-1))
