"""What in the package cache no environment needs: reachability from locks, never link counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import ArtifactCache, key_of
from envmgr.errors import EnvmgrError, PackageError
from envmgr.lock import conda_lock
from envmgr.settings import Settings
from envmgr.store import bytecode, generations, layout, registry, toolbox
from envmgr.store.usage import is_cache_used


class Garbage(NamedTuple):
    """One artifact of the cache that nothing needs; `size` in bytes."""

    key: str
    size: int
    directory: Path


class Collection(NamedTuple):
    """What can be removed; `doubts` are locks that could not be read, whose artifacts may be among it.

    With `is_busy`, another process is taking artifacts out of the cache now, and nothing is garbage. `hashes` are the
    sha256 of what is needed, both halves.
    """

    artifacts: tuple[Garbage, ...]
    doubts: tuple[Path, ...] = ()
    is_busy: bool = False
    hashes: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """Bytes of all artifacts together; those that environments share by hardlink are not among them."""
        return sum(garbage.size for garbage in self.artifacts)


def plan(settings: Settings, cache: ArtifactCache) -> Collection:
    """Return the artifacts that neither an environment nor a kept generation has in its lock; sorted by key.

    Whoever fetches for an environment marks the cache as used until it is made, so that none needs a minimum age.
    Raises StoreError where the cache cannot be read.
    """
    if is_cache_used(settings):
        return Collection((), is_busy=True)
    needed: set[str] = set()
    hashes: set[str] = set()
    doubts = []
    for path in sorted(set(_locks(settings))):
        try:
            keys, found = _keys(path)
            needed |= keys
            hashes |= found
        except (OSError, EnvmgrError):
            doubts.append(path)
    garbage = tuple(Garbage(key, size, directory) for key, size, directory in cache.entries() if key not in needed)
    return Collection(garbage, tuple(doubts), hashes=frozenset(hashes))


def collect(collection: Collection, settings: Settings, cache: ArtifactCache) -> int:
    """Remove the artifacts of the plan and return the bytes; stops where another process begins to use the cache.

    Raises ReadOnlyStore or StoreError.
    """
    freed = 0
    for garbage in collection.artifacts:
        if is_cache_used(settings):
            break
        cache.remove(garbage.key)
        freed += garbage.size
    if not collection.is_busy and not is_cache_used(settings):
        freed += bytecode.prune(settings, needed=collection.hashes)
    return freed


def _locks(settings: Settings) -> Iterator[Path]:
    """Yield the lock of every environment and every kept generation, those of vanished prefixes included."""
    for location in registry.environments(settings):
        if (location.prefix / generations.FILE).exists():
            yield location.prefix / layout.LOCK_FILE
        for number in generations.kept_numbers(location):
            yield location.generations / str(number) / layout.LOCK_FILE
    for prefix in toolbox.tool_prefixes(settings):
        yield prefix / layout.LOCK_FILE
    kept = settings.root / "envs" / ".generations"
    for tree in sorted(kept.glob("*/*/")):
        if tree.name.isdigit():
            yield tree / layout.LOCK_FILE


def _keys(path: Path) -> tuple[set[str], set[str]]:
    """Return the keys of the artifacts that a lock needs, and the sha256 of both halves."""
    keys, hashes = set(), set()
    for lock in conda_lock.loads(path.read_bytes(), source=str(path)).values():
        hashes |= {package.sha256 for package in lock.conda} | {package.sha256 for package in lock.pip}
        for package in lock.conda:
            try:
                keys.add(key_of(package))
            except PackageError:
                continue  # no sha256: the cache cannot have it under this record
    return keys, hashes
