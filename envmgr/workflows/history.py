"""`history`: the generations of an environment and what each changed (light: reads records and locks only)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from envmgr.errors import LockError
from envmgr.lock.difference import Difference, between
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.store import generations, recorded
from envmgr.store.generations import Generation
from envmgr.store.layout import Location
from envmgr.store.recorded import Recorded

State = Literal["current", "kept", "lock"]


class Entry(NamedTuple):
    """One generation: whether its tree or only its lock is kept, and what it changed.

    `difference` is against the generation that it replaced, None where one of the two locks is not known any more;
    `packages` counts both halves, None where its own lock is not known.
    """

    generation: Generation
    state: State
    packages: int | None
    difference: Difference | None


class History(NamedTuple):
    """The generations of an environment, newest first.

    `is_ours` is False for an environment that another tool made: there are no generations, only `record` (CEP 32)
    with `blocks` entries.
    """

    location: Location
    entries: tuple[Entry, ...]
    is_ours: bool
    record: Path
    blocks: int


def history(location: Location, reporter: Reporter) -> History:
    """Return what is known of the generations at `location`; records that cannot be read are told, not fatal.

    Raises StoreError where the record of the current generation cannot be read.
    """
    records = recorded.read(location)
    for fault in records.faults:
        reporter.warning(fault)
    locks = {each.number: _lock(each, reporter) for each in records.known}
    record = location.prefix / recorded.HISTORY
    return History(
        location=location,
        entries=tuple(_entry(each, locks) for each in records.known),
        is_ours=generations.current(location.prefix) is not None,
        record=record,
        blocks=_blocks(record),
    )


def _entry(each: Recorded, locks: dict[int, Lock | None]) -> Entry:
    lock, previous = locks[each.number], each.generation.previous
    before = locks.get(previous) if previous else None
    is_known = lock is not None and (not previous or before is not None)
    return Entry(
        generation=each.generation,
        state="current" if each.is_current else "lock" if each.tree is None else "kept",
        packages=None if lock is None else len(lock.conda) + len(lock.pip),
        difference=between(before, lock) if lock is not None and is_known else None,
    )


def _lock(each: Recorded, reporter: Reporter) -> Lock | None:
    try:
        return recorded.lock_of(each)
    except LockError as error:
        reporter.warning(error.message)
        return None


def _blocks(record: Path) -> int:
    try:
        content = record.read_bytes()
    except OSError:
        return 0
    return sum(line.startswith(b"==>") for line in content.splitlines())
