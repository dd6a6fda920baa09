"""`env du`: what environments, their kept generations and the caches take on disk, and what of it is shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.settings import Settings
from envmgr.store import generations, known
from envmgr.store.footprint import Census, Footprint
from envmgr.store.layout import Location


class Generation(NamedTuple):
    """One tree of an environment; `number` is None where another tool made it."""

    number: int | None
    path: Path
    is_current: bool
    footprint: Footprint


class Environment(NamedTuple):
    """An environment with all its trees; `with_cache` are the bytes that are free once it is removed and the cache
    cleaned: what nothing but it and the caches has."""

    location: Location
    footprint: Footprint
    with_cache: int
    generations: tuple[Generation, ...]


class Cache(NamedTuple):
    """One cache: packages, indexes, wheels…"""

    path: Path
    footprint: Footprint


class Usage(NamedTuple):
    """What there is. Unique bytes of environments and caches and `shared_bytes`, each once, add up to the total."""

    environments: tuple[Environment, ...]
    caches: tuple[Cache, ...]
    total: Footprint

    @property
    def shared_bytes(self) -> int:
        """The bytes of what several of them have, each counted once."""
        rows: Sequence[Environment | Cache] = (*self.environments, *self.caches)
        return self.total.bytes - sum(row.footprint.unique_bytes for row in rows)


def usage(settings: Settings) -> Usage:
    """Return what every known environment and every cache takes; what cannot be read is not counted."""
    locations = (*known.environments(settings), *(each for each in known.gone(settings) if known.has_generations(each)))
    rows = [(location, *tree) for location in locations for tree in _trees(location)]
    caches = _below(settings.cache)
    census = Census([*(row[2] for row in rows), *caches])
    of_caches = range(len(rows), len(rows) + len(caches))
    environments = []
    for location in locations:
        numbers = [at for at, row in enumerate(rows) if row[0] == location]
        trees = tuple(Generation(rows[at][1], rows[at][2], rows[at][3], census.of([at])) for at in numbers)
        alone = census.of([*numbers, *of_caches]).unique_bytes - census.of(of_caches).unique_bytes
        environments.append(Environment(location, census.of(numbers), alone, trees))
    return Usage(
        environments=tuple(environments),
        caches=tuple(Cache(path, census.of([at])) for at, path in zip(of_caches, caches, strict=True)),
        total=census.total,
    )


def as_mapping(found: Usage, only: Location | None = None) -> dict[str, Any]:
    """Return `env du --json`; with `only`, that environment alone."""
    shown = [each for each in found.environments if only is None or each.location.prefix == only.prefix]
    document: dict[str, Any] = {"environments": [_environment(each) for each in shown]}
    if only is None:
        document["caches"] = [
            {"name": each.path.name, "path": str(each.path)} | _numbers(each.footprint) for each in found.caches
        ]
        document["total"] = {
            "bytes": found.total.bytes,
            "shared_bytes_once": found.shared_bytes,
            "files": found.total.files,
            "inodes": found.total.inodes,
        }
    return document


def _environment(each: Environment) -> dict[str, Any]:
    return {
        "name": each.location.name,
        "prefix": str(each.location.prefix),
        **_numbers(each.footprint),
        "unique_bytes_with_cache": each.with_cache,
        "generations": [
            {"number": tree.number, "path": str(tree.path), "current": tree.is_current} | _numbers(tree.footprint)
            for tree in each.generations
        ],
    }


def _numbers(footprint: Footprint) -> dict[str, int]:
    return {
        "bytes": footprint.bytes,
        "unique_bytes": footprint.unique_bytes,
        "shared_bytes": footprint.shared_bytes,
        "files": footprint.files,
        "inodes": footprint.inodes,
        "unique_inodes": footprint.unique_inodes,
    }


def _trees(location: Location) -> list[tuple[int | None, Path, bool]]:
    """Return number, path and whether it is the current one of every tree, the current one first."""
    found: list[tuple[int | None, Path, bool]] = []
    if location.prefix.exists():
        present = generations.number(location.prefix)
        found.append((present, Path(location.prefix.resolve()), True))
    for number in reversed(generations.kept_numbers(location)):
        if not generations.is_current_tree(location, number):
            found.append((number, location.generations / str(number), False))
    return found


def _below(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:
        return []
