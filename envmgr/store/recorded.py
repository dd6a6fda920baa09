"""Every generation of an environment that is known: the current one, those kept as trees, those kept as locks.

Light: `history` pays for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from envmgr.errors import LockError, LockTampered, PrefixError, StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.store import generations, layout
from envmgr.store.generations import Generation
from envmgr.store.layout import Location

HISTORY = "conda-meta/history"


class Recorded(NamedTuple):
    """One generation: its record, its tree (None: there is none any more) and its lock file."""

    generation: Generation
    tree: Path | None
    lock: Path
    is_current: bool = False

    @property
    def number(self) -> int:
        return self.generation.number


class Records(NamedTuple):
    """The known generations, newest first, and what stood in the way of those that cannot be read."""

    known: tuple[Recorded, ...]
    faults: tuple[str, ...] = ()


def read(location: Location) -> Records:
    """Return what is known of the generations of an environment; nothing for one that another tool made.

    Raises StoreError where the record of the current one cannot be read.
    """
    present = generations.current(location.prefix)
    if present is None:
        return Records(())
    found = {
        present.number: Recorded(present, location.prefix, location.prefix / layout.LOCK_FILE, is_current=True),
    }
    faults = []
    for number, tree in _places(location):
        if number in found:
            continue
        path = location.generations / f"{number}.json" if tree is None else tree / generations.FILE
        lock = location.generations / f"{number}.conda-lock.yml" if tree is None else tree / layout.LOCK_FILE
        try:
            generation = generations.read(str(path))
        except StoreError as error:
            faults.append(error.message)
            continue
        if generation is None:
            continue
        if generation.number != number:
            faults.append(f"{path} is the record of generation {generation.number}; expected {number}")
            continue
        found[number] = Recorded(generation, tree, lock)
    return Records(tuple(found[number] for number in sorted(found, reverse=True)), tuple(faults))


def find(location: Location, number: int) -> Recorded:
    """Return generation `number` of an environment; raises PrefixError, naming those that exist, and as `read` does."""
    records = read(location)
    found = next((each for each in records.known if each.number == number), None)
    if found is not None:
        return found
    if not records.known:
        raise PrefixError(
            f"{location.label} has no generations: another tool made it, and {location.prefix / HISTORY} is all "
            "that is recorded"
        )
    numbers = sorted(each.number for each in records.known)
    exist = f"these exist: {', '.join(map(str, numbers))}"
    raise PrefixError(
        "; ".join((f"{location.label} has no generation {number}", exist, *records.faults)),
        hint=f"envmgr history {location.arguments}",
        details={"generations": numbers},
    )


def lock_of(recorded: Recorded) -> Lock:
    """Return the lock of a generation; raises LockError where it cannot be read, LockTampered where it is another."""
    path = recorded.lock
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LockError(f"{path}: the lock of generation {recorded.number} cannot be read: {error.strerror}") from error
    locks = conda_lock.loads(data, source=str(path))
    if len(locks) != 1:
        raise LockError(f"{path}: expected the lock of one platform, found {len(locks)}")
    (lock,) = locks.values()
    if conda_lock.digest(lock) != recorded.generation.lock_digest:
        raise LockTampered(f"{path} is not the lock of which generation {recorded.number} was made")
    return lock


def _places(location: Location) -> list[tuple[int, Path | None]]:
    """Return where each generation may be found: as a tree first, as a lock otherwise."""
    trees = [(number, location.generations / str(number)) for number in generations.kept_numbers(location)]
    return [*trees, *((number, None) for number in generations.recorded_numbers(location))]
