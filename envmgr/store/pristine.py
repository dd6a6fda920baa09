"""Whether a kept tree still is what its lock says, so that it can be an environment again without being built."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from envmgr.lock.model import Lock
from envmgr.store import generations, metadata, ownership, survey
from envmgr.store.survey import Survey
from envmgr.store.walk import Statuses

_NAMED = 3  # files in one message


class Look(NamedTuple):
    """What a tree holds, and why it cannot be taken as it is (None: it can)."""

    survey: Survey | None
    fault: str | None


def look(tree: Path, lock: Lock, current: Survey | None, *, known: Statuses | None = None) -> Look:
    """Return whether the tree is what `lock` says, and nothing but what the `current` one has as well.

    What people put there and have changed since in the current environment (None: nothing of it counts) would be lost.
    Changes are found by names and times; what hides from both is for `verify` to find. `known` are the statuses that
    the survey of the current one took. Raises OSError where the tree cannot be read.
    """
    records = {package.dist_name for package in lock.conda}
    if metadata.record_names(tree) != records or not (tree / "conda-meta/history").is_file():
        return Look(None, "its records of packages are not those of its lock")
    generation = generations.current(tree)
    if generation is None or generations.is_suspect(tree, generation):
        return Look(None, "the machine stopped before it was on the disk")
    found = survey.read(tree, lock, known=known)
    installed = {_name(record) for record in set(found.owned.values()) if record.endswith("/RECORD")}
    if not installed.issuperset(package.name for package in lock.pip):
        return Look(found, "its pip half is not that of its lock")
    for paths, what in (
        (_others(found, current), "files of no package are in it"),
        (found.unreadable, "unreadable"),
        (found.missing, "missing"),
        ((*found.edited, *found.touched), "changed since"),
    ):
        if paths:
            return Look(found, f"{what}: {_shown(paths)}")
    return Look(found, None)


def _others(found: Survey, current: Survey | None) -> list[str]:
    """Return the files of nobody that the current environment has not, or not so."""
    there = current.loose if current is not None else {}
    return [
        path
        for path, status in found.loose.items()
        if path not in there or not survey.is_same(status, there[path]) or _leads_elsewhere(path, found, current)
    ]


def _leads_elsewhere(path: str, one: Survey, other: Survey | None) -> bool:
    if other is None or not os.path.islink(os.path.join(one.root, path)):
        return False
    return os.readlink(os.path.join(one.root, path)) != os.readlink(os.path.join(other.root, path))


def _name(record: str) -> str:
    """Return the name of the distribution of a RECORD."""
    dist_info = record.split("/")[-2].removesuffix(".dist-info")
    return ownership.normalised(dist_info.rpartition("-")[0])


def _shown(paths: Iterable[str]) -> str:
    listed = sorted(paths)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
