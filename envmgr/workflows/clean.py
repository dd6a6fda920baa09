"""`clean`: what no environment and no kept generation needs, and what is left of environments that are gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from envmgr.artifacts import trees
from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels import built
from envmgr.channels.table import ChannelTable
from envmgr.errors import EnvironmentBusy, EnvmgrError, StoreError
from envmgr.pypi import built_wheels, checkouts
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    bytecode,
    footprint,
    gc,
    generations,
    known,
    layout,
    processes,
    pruning,
    recovery,
    removal,
    toolbox,
)
from envmgr.store.gc import Collection
from envmgr.store.holding import held
from envmgr.store.layout import Location
from envmgr.store.usage import is_cache_used
from envmgr.urls import path_of_file_url

_INDEXES = ("repodata",)
_OTHERS = ("uv", "git", "pip-stubs", "payloads", "fitting-locks")  # filled again by what needs them
Kind = Literal["artifact", "bytecode", "cache", "wheel", "checkout", "channel", "generation", "environment", "exec"]


class Choice(NamedTuple):
    """What is to be looked for; `keep_generations` is how many old generations each environment keeps (None: all).

    With `forces`, cached packages go though locks name them: environments have their files, and only what is made anew
    fetches them again.
    """

    packages: bool = True
    indexes: bool = False
    everything: bool = False
    keep_generations: int | None = None
    forces: bool = False


class Item(NamedTuple):
    """One thing that can go; `size` are the bytes that are free afterwards: what others share is not among them."""

    kind: Kind
    path: Path
    size: int
    label: str = ""


class Plan(NamedTuple):
    """What `clean` would remove; with `is_busy`, another process is using the cache, and nothing of it is removed.

    `protected` are generations and checkouts that hold what exists nowhere else: they stay. `gone` are environments
    that were deleted by other means, and leave the register; `pruned` those that keep fewer generations.
    """

    items: tuple[Item, ...]
    collection: Collection
    protected: tuple[Path, ...] = ()
    gone: tuple[Location, ...] = ()
    pruned: tuple[Location, ...] = ()
    keep: int | None = None

    @property
    def size(self) -> int:
        """Bytes of everything in the plan."""
        return sum(item.size for item in self.items)

    @property
    def is_busy(self) -> bool:
        """Whether another process is taking things out of the cache now."""
        return self.collection.is_busy


def plan(settings: Settings, choice: Choice) -> Plan:
    """Return what can be removed, and how much that frees.

    Leftovers of processes that died are removed at once: they belong to nobody. Raises StoreError.
    """
    recovery.recover_everything(settings)
    there, gone = known.environments(settings), known.gone(settings)
    for location in there:
        with contextlib.suppress(EnvmgrError):  # what is wrong with one keeps nobody from cleaning up
            recovery.recover(location)
    cache = ArtifactCache(settings)
    cache.sweep()
    needed = gc.needed(settings, keep=choice.keep_generations)
    if choice.forces:
        needed = needed._replace(keys=frozenset())
    collection = Collection((), is_busy=is_cache_used(settings))
    if choice.packages and not collection.is_busy:
        collection = gc.plan(settings, cache, needed)
    found: list[tuple[Kind, Path, str]] = [("artifact", each.directory, each.key) for each in collection.artifacts]
    if not collection.is_busy:
        found += _caches(settings, choice, needed)
    pruned = there if choice.keep_generations is not None else ()
    found += _generations(pruned, choice.keep_generations or 0)
    found += _generations(gone, 0)
    found += [("environment", each.prefix, each.label) for each in gone]
    if choice.packages:
        found += [("exec", path, path.name) for path in toolbox.exec_prefixes(settings) if not processes.using(path)]
    protected = [
        location.generations / str(number)
        for location in (*pruned, *gone)
        for number in generations.kept_numbers(location)
        if (location.generations / str(number) / generations.FOREIGN).exists()
    ]
    protected += [
        directory
        for directory in (checkouts.everywhere(settings) if choice.packages else ())
        if directory.name not in needed.checkouts and checkouts.has_work(directory, settings.environ)
    ]
    sizes = footprint.freed([path for _, path, _ in found])
    items = tuple(Item(kind, path, size, label) for (kind, path, label), size in zip(found, sizes, strict=True))
    return Plan(items, collection, tuple(protected), gone, pruned, choice.keep_generations)


def clean(plan: Plan, settings: Settings, reporter: Reporter) -> int:
    """Remove what the plan names and return the bytes; what another process uses meanwhile stays.

    Raises ReadOnlyStore or StoreError.
    """
    for path in plan.collection.doubts:
        reporter.warning(f"{path} cannot be read: what only it needs is fetched again when it is")
    done: set[Path] = set()
    for location in plan.pruned:
        _prune(location, plan.keep or 0, reporter, done)
    for location in plan.gone:
        _forget(location, settings, reporter, done)
    cache = ArtifactCache(settings)
    by_directory = {garbage.directory: garbage for garbage in plan.collection.artifacts}
    for item in plan.items:
        if item.kind == "exec":
            location = layout.at_path(settings, item.path)
            removal.remove(location, settings=settings, reporter=reporter)
            known.forget(settings, location)
            done.add(item.path)
        if item.kind in ("generation", "environment", "exec"):
            continue
        if is_cache_used(settings):
            reporter.notice("another envmgr began to use the cache: the rest of it stays; clean again later")
            break
        if item.kind == "artifact":
            cache.remove(by_directory[item.path].key)
        else:
            trees.remove(item.path)
        done.add(item.path)
    return sum(item.size for item in plan.items if item.path in done)


def _caches(settings: Settings, choice: Choice, needed: gc.Needed) -> Iterator[tuple[Kind, Path, str]]:
    if choice.packages:
        kept = {wheel.sha256 for key, wheel, _ in built_wheels.entries(settings) if wheel and key in needed.built}
        for directory in _below(settings.cache / bytecode.DIRECTORY):
            if directory.name not in needed.hashes | kept and not directory.name.startswith("."):
                yield "bytecode", directory, directory.name
        yield from _of_pip_half(settings, needed)
    names = (*(_INDEXES if choice.indexes or choice.everything else ()), *(_OTHERS if choice.everything else ()))
    for name in names:
        if (settings.cache / name).is_dir():
            yield "cache", settings.cache / name, name
    if choice.everything:
        named = {path_of_file_url(url) for url in needed.channels} | set(_recipe_channels(settings))
        named |= {built.home(directory) for directory in named if directory is not None}
        for parent in _below(settings.cache / "channels"):
            for directory in _below(parent):
                if directory not in named:
                    yield "channel", directory, directory.name


def _of_pip_half(settings: Settings, needed: gc.Needed) -> Iterator[tuple[Kind, Path, str]]:
    for directory in checkouts.everywhere(settings):
        if directory.name not in needed.checkouts and not checkouts.has_work(directory, settings.environ):
            yield "checkout", directory, directory.name
    for key, wheel, directory in built_wheels.entries(settings):
        if key not in needed.built:
            yield "wheel", directory, wheel.package if wheel is not None else key


def _recipe_channels(settings: Settings) -> Iterator[Path | None]:
    """Yield where the channels of recipes are built that a command run here would know."""
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    for name in table.names():
        with contextlib.suppress(EnvmgrError):
            for channel in table.resolve((name,)):
                if channel.recipes is not None:
                    yield path_of_file_url(channel.url)


def _generations(locations: Sequence[Location], keep: int) -> Iterator[tuple[Kind, Path, str]]:
    for location in locations:
        for number in pruning.removable(location, keep=keep):
            yield "generation", location.generations / str(number), f"{location.label}@{number}"


def _prune(location: Location, keep: int, reporter: Reporter, done: set[Path], *, is_gone: bool = False) -> None:
    if not pruning.removable(location, keep=keep) and not is_gone:
        return
    try:
        with held(location, doing="cleaning", reporter=reporter, timeout=0):
            removed = pruning.prune(location, keep=keep).numbers
            if is_gone and not generations.kept_numbers(location):
                trees.remove(location.generations)
    except EnvironmentBusy as error:
        reporter.notice(f"the generations of {location.label} stay: {error.message}")
    except OSError as error:
        raise StoreError(f"{location.generations} cannot be cleaned: {error.strerror}") from error
    else:
        done.update(location.generations / str(number) for number in removed)


def _forget(location: Location, settings: Settings, reporter: Reporter, done: set[Path]) -> None:
    """Let an environment that is gone leave the register, with the trees and locks of its generations."""
    if known.has_generations(location):
        _prune(location, 0, reporter, done, is_gone=True)
    try:
        known.forget(settings, location)
    except StoreError as error:
        reporter.warning(error.message)
    else:
        done.add(location.prefix)


def _below(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:
        return []
