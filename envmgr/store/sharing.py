"""Whose files are one inode with those of an environment: an edit in place reaches all of them, and the cache."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from envmgr.settings import Settings
from envmgr.store import generations, ownership, registry
from envmgr.store.inventory import Entry
from envmgr.store.layout import Location
from envmgr.store.owned import Owned
from envmgr.store.problems import Shared


def sharers(location: Location, linked: Iterable[tuple[Owned, Entry]], settings: Settings) -> tuple[Shared, ...]:
    """Return who else has these files, of those environments and kept generations that are known; nobody is left out.

    A path is looked for where it is here, and in the other's site-packages where it is in this one's.
    """
    files = tuple(linked)
    if not files:
        return ()
    trees = tuple(_trees(location, settings))
    own = ownership.site_packages(location.prefix)
    return tuple(_shared(owned, entry, trees, own) for owned, entry in files)


def _shared(owned: Owned, entry: Entry, trees: Sequence[tuple[str, Path]], own: Sequence[str]) -> Shared:
    found: list[str] = []
    for label, tree in trees:
        if any(_is_same(tree / path, entry) for path in _places(owned.path, tree, own)):
            found.append(label)
    # The name in the prefix itself is one of the links, and so is each that was found.
    return Shared(owned.path, owned.package, tuple(found), elsewhere=entry.links > 1 + len(found))


def _places(path: str, tree: Path, own: Sequence[str]) -> Iterator[str]:
    yield path
    for directory in own:
        if path.startswith(f"{directory}/"):
            for other in ownership.site_packages(tree):
                if other != directory:
                    yield f"{other}{path[len(directory) :]}"


def _is_same(path: Path, entry: Entry) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == entry.inode


def _trees(location: Location, settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield label and tree of every other environment, and of every kept generation."""
    others = registry.environments(settings)
    for other in others if location in others else (location, *others):
        if other.prefix != location.prefix:
            yield other.label, other.prefix
        for number in generations.kept_numbers(other):
            if not generations.is_current_tree(other, number):
                yield f"{other.label}@{number}", other.generations / str(number)
