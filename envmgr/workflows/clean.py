"""`clean`: what no environment and no kept generation needs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import trees
from envmgr.artifacts.cache import ArtifactCache
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import gc, layout, processes, recovery, removal, toolbox
from envmgr.store.gc import Collection
from envmgr.store.usage import is_cache_used

_CACHES = ("repodata", "uv", "pip-stubs", "payloads")


class Item(NamedTuple):
    """One thing that can go: an artifact, the environment of an `exec`, or a whole cache; `size` in bytes."""

    kind: str
    path: Path
    size: int


class Plan(NamedTuple):
    """What `clean` would remove; with `is_busy`, another process is using the cache, and nothing is removed."""

    items: tuple[Item, ...]
    collection: Collection

    @property
    def size(self) -> int:
        """Bytes of everything in the plan."""
        return sum(item.size for item in self.items)

    @property
    def is_busy(self) -> bool:
        """Whether another process is taking things out of the cache now."""
        return self.collection.is_busy


def plan(settings: Settings, *, everything: bool) -> Plan:
    """Return what can be removed; with `everything` also the caches that the next solve fills again.

    Leftovers of processes that died are removed at once: they belong to nobody. Raises StoreError.
    """
    recovery.recover_everything(settings)
    cache = ArtifactCache(settings)
    cache.sweep()
    collection = gc.plan(settings, cache)
    items = [Item("artifact", garbage.directory, garbage.size) for garbage in collection.artifacts]
    unused = (prefix for prefix in toolbox.exec_prefixes(settings) if not processes.using(prefix))
    items += [Item("exec", prefix, trees.measure(prefix)[0]) for prefix in unused]
    if everything and not collection.is_busy:
        caches = [settings.cache / name for name in _CACHES]
        items += [Item("cache", path, trees.measure(path)[0]) for path in caches if path.is_dir()]
    return Plan(tuple(items), collection)


def clean(plan: Plan, settings: Settings, reporter: Reporter) -> int:
    """Remove what the plan names and return the bytes; stops where another process begins to use the cache.

    Raises ReadOnlyStore or StoreError.
    """
    for path in plan.collection.doubts:
        reporter.warning(f"{path} cannot be read: what only it needs is fetched again when it is")
    freed = gc.collect(plan.collection, settings, ArtifactCache(settings))
    for item in plan.items:
        if item.kind == "exec":
            removal.remove(layout.at_path(settings, item.path), settings=settings, reporter=reporter)
            freed += item.size
        if item.kind == "cache" and not is_cache_used(settings):
            trees.remove(item.path)
            freed += item.size
    return freed
