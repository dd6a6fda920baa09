"""The dates after which nothing counts, of the request and of single channels: lifted, or moved to a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from envmgr.channels.model import Channel
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.edit import Change, Edit
from envmgr.solve.records import indexed_at
from envmgr.solve.specs import in_utc
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.model import Origin
from envmgr.urls import redact

Dates = tuple[Channel | None, ...]
"""Whose dates: of channels, and of the request itself (None)."""

_FLAG = "--exclude-newer"


def choices(request: SolveRequest) -> Iterator[Dates]:
    """Yield each date that is in force, and then all together where there are several."""
    everything = _in_force(request)
    yield from ((each,) for each in everything)
    if len(everything) > 1:
        yield everything


def without(request: SolveRequest, dates: Dates) -> SolveRequest:
    """Return the request as if these dates were not."""
    return _until(request, dates, None)


def texts(request: SolveRequest, dates: Dates) -> Iterator[tuple[str, str]]:
    """Yield where each date is written, and what it is, in words."""
    for each in dates:
        if each is None and request.exclude_newer is not None:
            yield str(request.exclude_newer_origin), _shown(request.exclude_newer)
        elif each is not None and each.exclude_newer is not None:
            yield str(_origin(each)), f"{_shown(each.exclude_newer)}, `exclude-newer` of {redact(each.name)}"


def later(request: SolveRequest, dates: Dates, lifted: Edit, trials: Trials) -> Iterator[Edit]:
    """Yield `lifted`, an edit for the request without these dates, with a day in their place: one that solves, and
    then the earliest one, found by halving. Raises OutOfTime where not even the first can be tried."""
    found = _span(request, dates, trials.some_solution(lifted.request))
    if found is None:
        return
    low, high = found
    if not trials.has_solution(_until(lifted.request, dates, high)):
        return
    yield _edit(dates, lifted, high)
    try:
        while (middle := _day(low + (high - low) / 2)) not in (low, high):
            if trials.has_solution(_until(lifted.request, dates, middle)):
                high = middle
            else:
                low = middle
    except OutOfTime:
        pass
    yield _edit(dates, lifted, high)


def _in_force(request: SolveRequest) -> Dates:
    own: Dates = (None,) if request.exclude_newer is not None else ()
    return (*own, *(channel for channel in request.channels if channel.exclude_newer is not None))


def _until(request: SolveRequest, dates: Dates, day: datetime | None) -> SolveRequest:
    """Return the request with these dates moved to the end of a day, as a date is read; None: without them."""
    moment = None if day is None else day + timedelta(days=1, seconds=-1)
    urls = {each.url for each in dates if each is not None}
    return replace(
        request,
        exclude_newer=moment if None in dates else request.exclude_newer,
        channels=tuple(replace(each, exclude_newer=moment) if each.url in urls else each for each in request.channels),
    )


def _span(request: SolveRequest, dates: Dates, solution: Packages | None) -> tuple[datetime, datetime] | None:
    """Return the days between which to look: the first one does not solve, the last one is that of the solution."""
    urls = {each.url for each in dates if each is not None}
    packages = [each for each in solution or () if None in dates or each.channel in urls]
    if not packages:
        return None
    latest = [indexed_at(each) or time.time() * 1000 for each in packages]  # what has none may be had in another build
    written = [request.exclude_newer if each is None else each.exclude_newer for each in dates]
    low = min(_day(moment) for moment in written if moment is not None)
    return low, max(low, _day(datetime.fromtimestamp(max(latest) / 1000, tz=timezone.utc)))


def _edit(dates: Dates, lifted: Edit, day: datetime) -> Edit:
    text = day.date().isoformat()
    changes = tuple(_change(each, text) for each in dates if each is not None)
    return replace(
        lifted,
        request=_until(lifted.request, dates, day),
        flags=(_FLAG, text) if None in dates else (),
        changes=changes,
    )


def _change(channel: Channel, text: str) -> Change:
    old = channel.dated.text if channel.dated is not None else "…"
    return Change(where=_origin(channel), old=f"exclude-newer: {old}", new=f"exclude-newer: {text}")


def _origin(channel: Channel) -> Origin:
    return channel.dated.origin if channel.dated is not None else Origin(source="channels.yaml")


def _shown(moment: datetime) -> str:
    text = in_utc(moment).isoformat(timespec="seconds")
    return text.removesuffix("T23:59:59+00:00").replace("+00:00", "Z")


def _day(moment: datetime) -> datetime:
    return in_utc(moment).replace(hour=0, minute=0, second=0, microsecond=0)
