"""What in the package cache no environment needs: reachability from locks, never link counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import ArtifactCache, key_of
from envmgr.errors import EnvmgrError, PackageError
from envmgr.lock import conda_lock
from envmgr.pypi import built_wheels, checkouts
from envmgr.settings import Settings
from envmgr.store import generations, known, layout, pruning
from envmgr.store.usage import is_cache_used


class Garbage(NamedTuple):
    """One artifact of the cache that nothing needs; `size` in bytes, as unpacked."""

    key: str
    size: int
    directory: Path


class Needed(NamedTuple):
    """What locks name: keys of artifacts, URLs of channels, sha256 of wheels, keys of wheels that were built, and names
    of the directories of checkouts; `doubts` are locks that could not be read."""

    keys: frozenset[str]
    channels: frozenset[str]
    doubts: tuple[Path, ...] = ()
    wheels: frozenset[str] = frozenset()
    built: frozenset[str] = frozenset()
    checkouts: frozenset[str] = frozenset()

    @property
    def hashes(self) -> frozenset[str]:
        """The sha256 of every artifact that is needed, of both halves."""
        return self.wheels | {key.rpartition("-")[2] for key in self.keys}


class Collection(NamedTuple):
    """What can be removed; `doubts` are locks that could not be read, whose artifacts may be among it.

    With `is_busy`, another process is taking artifacts out of the cache now, and nothing is garbage.
    """

    artifacts: tuple[Garbage, ...]
    doubts: tuple[Path, ...] = ()
    is_busy: bool = False

    @property
    def size(self) -> int:
        """Bytes of all artifacts together; those that environments share by hardlink are not among them."""
        return sum(garbage.size for garbage in self.artifacts)


def needed(settings: Settings, *, keep: int | None = None) -> Needed:
    """Return what the locks of every known environment and kept generation name.

    With `keep`, only as many generations of each environment count as `clean --keep-generations` would leave.
    """
    keys: set[str] = set()
    channels: set[str] = set()
    wheels: set[str] = set()
    built: set[str] = set()
    clones: set[str] = set()
    doubts = []
    for path in sorted(set(_locks(settings, keep))):
        try:
            for lock in conda_lock.loads(path.read_bytes(), source=str(path)).values():
                channels.update(lock.channels)
                builder = built_wheels.builder(lock)
                built.update(key for key in (built_wheels.key_of(each, builder) for each in lock.pip) if key)
                clones.update(each.directory.name for each in checkouts.of(lock.pip, settings.root))
                wheels.update(each.sha256 for each in lock.pip)
                for package in lock.conda:
                    try:
                        keys.add(key_of(package))
                    except PackageError:
                        continue  # no sha256: the cache cannot have it under this record
        except (OSError, EnvmgrError):
            doubts.append(path)
    doubts += [location.prefix for location in known.hidden(settings)]
    return Needed(
        frozenset(keys), frozenset(channels), tuple(doubts), frozenset(wheels), frozenset(built), frozenset(clones)
    )


def plan(settings: Settings, cache: ArtifactCache, there: Needed | None = None) -> Collection:
    """Return the artifacts that neither an environment nor a kept generation has in its lock; sorted by key.

    `there` is what is needed, where that is known already. Whoever fetches for an environment marks the cache as used
    until it is made, so that none needs a minimum age. Raises StoreError where the cache cannot be read.
    """
    if is_cache_used(settings):
        return Collection((), is_busy=True)
    there = needed(settings) if there is None else there
    garbage = tuple(Garbage(key, size, path) for key, size, path in cache.entries() if key not in there.keys)
    return Collection(garbage, there.doubts)


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
    return freed


def _locks(settings: Settings, keep: int | None) -> Iterator[Path]:
    """Yield the lock of every environment and of every generation that stays; of what is gone, only few stay."""
    there = known.environments(settings)
    for location in there:
        if (location.prefix / generations.FILE).exists():
            yield location.prefix / layout.LOCK_FILE
    for location, most in (*((each, keep) for each in there), *((each, 0) for each in known.gone(settings))):
        going = pruning.removable(location, keep=most) if most is not None else ()
        for number in generations.kept_numbers(location):
            if number not in going:
                yield location.generations / str(number) / layout.LOCK_FILE
