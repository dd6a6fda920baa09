"""Which old generations stay: the newest few, and those that hold what exists nowhere else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import trees
from envmgr.store import generations, journal, layout
from envmgr.store.carried import Left
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.journal import Journal
from envmgr.store.layout import Location

AT_ONCE = 300  # files; to remove so many takes a millisecond or two, and whoever looks finds nothing left over


def protect(tree: Path, left: Iterable[Left]) -> None:
    """Mark a generation as holding what exists nowhere else, so that only an explicit command removes it.

    What nobody would miss is no reason to. Raises OSError.
    """
    worth = sorted({*_marked(tree), *((each.what, each.reason) for each in left if each.is_lost)})
    if not worth:
        return
    path = tree / generations.FOREIGN
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema": 2, "left": [{"what": what, "reason": reason} for what, reason in worth]}
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def unmark(tree: Path) -> None:
    """Take the mark of a generation away: it is not an old one, or what it held is elsewhere by now. Raises OSError."""
    (tree / generations.FOREIGN).unlink(missing_ok=True)


class Pruned(NamedTuple):
    """The numbers of the generations that are gone, and the journals of those trees that are still to be removed."""

    numbers: tuple[int, ...]
    left: tuple[Journal, ...] = ()


def prune(location: Location, *, keep: int, limit: int | None = None, checkpoint: Checkpoint = unwatched) -> Pruned:
    """Remove all but the newest `keep` old generations, those that hold what exists nowhere else excepted.

    The lock and the record of a removed generation stay as `<N>.conda-lock.yml` and `<N>.json`, so that it can be
    realised again. With `limit`, trees of more files than about that are left beside their journals. Only for the
    holder of the environment's lease. Raises OSError.
    """
    numbers, left = [], []
    for number in removable(location, keep=keep):
        tree = location.generations / str(number)
        keep_record(location, number)
        entry = journal.begin(location, "delete", number=number)
        checkpoint("pruning")
        os.rename(tree, entry.tree)
        checkpoint("pruned aside")
        if trees.remove(entry.tree, limit=limit):
            entry.remove()
        else:
            left.append(entry)
        numbers.append(number)
    return Pruned(tuple(numbers), tuple(left))


def keep_record(location: Location, number: int) -> None:
    """Keep the lock and the record of a kept generation beside its tree, which is about to go; raises OSError."""
    keep_record_of(location.generations / str(number), location.generations, number)


def keep_record_of(tree: Path, directory: Path, number: int) -> None:
    """Keep the lock and the record of a tree as those of generation `number` in a directory; raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    for source, suffix in ((layout.LOCK_FILE, "conda-lock.yml"), (generations.FILE, "json")):
        target = directory / f"{number}.{suffix}"
        unfinished = target.with_name(f".{target.name}.new")
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(tree / source, unfinished)
            unfinished.replace(target)


def removable(location: Location, *, keep: int) -> tuple[int, ...]:
    """Return the numbers of old generations that the policy lets go, oldest first."""
    old = [number for number in generations.kept_numbers(location) if not generations.is_current_tree(location, number)]
    candidates = old[: max(len(old) - keep, 0)]
    return tuple(
        number for number in candidates if not (location.generations / str(number) / generations.FOREIGN).exists()
    )


def _marked(tree: Path) -> Iterator[tuple[str, str]]:
    """Yield what the mark of a tree names already."""
    try:
        for each in json.loads((tree / generations.FOREIGN).read_bytes())["left"]:
            yield str(each["what"]), str(each["reason"])
    except (OSError, ValueError, TypeError, KeyError):
        return
