"""The cheap checks of a staged tree: what the engines do not guarantee, before anything is switched."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import Artifact
from envmgr.errors import CorruptPackage, PipError
from envmgr.lock.model import Lock
from envmgr.store import metadata, ownership
from envmgr.store.ownership import Distribution

_CLOBBERS = "__clobbers__"
_SCANNED = 64 << 20  # bytes of one file that are searched for the staging path


class Clobber(NamedTuple):
    """A path that several packages own with different contents: `winner` has it.

    The winner is the one that depends on the other, or else is later by name. The loser's file lies below
    `__clobbers__/<loser>/`, and its prefix record says so; where an entry point is involved, it is left out.
    """

    path: str
    winner: str
    loser: str


def check(tree: Path, lock: Lock, artifacts: Sequence[Artifact]) -> tuple[Clobber, ...]:
    """Raise CorruptPackage or PipError unless the tree is what the lock says; return the paths with two owners."""
    expected = frozenset(package.dist_name for package in lock.conda)
    found = metadata.record_names(tree)
    if found != expected:
        raise CorruptPackage(
            f"{tree}: the prefix records are not those of the lock: "
            f"missing {_listed(expected - found)}, unexpected {_listed(found - expected)}"
        )
    site_packages = ownership.site_packages_of(tree)
    from_pip = _pip_distributions(tree, lock)
    _check_paths(tree, [*_patched(artifacts, site_packages), *_written_by_pip(from_pip)])
    return tuple(_clobbers(tree, artifacts, site_packages))


def _pip_distributions(tree: Path, lock: Lock) -> list[Distribution]:
    """Return the installed pip half, after every file of every RECORD was found."""
    if not lock.pip:
        return []
    installed = {ownership.normalised(each.name): each for each in ownership.distributions(tree)}
    found, present = [], _Present(tree)
    for package in lock.pip:
        distribution = installed.get(ownership.normalised(package.name))
        if distribution is None or not distribution.files:
            raise PipError(f"{package.name} {package.version} of the pip half was not installed: it has no RECORD")
        missing = [path for path in distribution.files if path not in present and not _is_derived(path)]
        if missing:
            raise PipError(
                f"{package.name} {package.version} of the pip half is incomplete: "
                f"{missing[0]} of its RECORD is missing (and {len(missing) - 1} more)"
            )
        found.append(distribution)
    return found


class _Present:
    """The paths that exist below a tree, by one look at each directory that is asked for."""

    def __init__(self, tree: Path) -> None:
        self._tree = os.fspath(tree)
        self._names: dict[str, frozenset[str]] = {}

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        names = self._names.get(directory)
        if names is None:
            try:
                names = frozenset(os.listdir(f"{self._tree}/{directory}"))
            except OSError:
                names = frozenset()
            self._names[directory] = names
        return name in names or os.path.lexists(f"{self._tree}/{path}")  # spelled otherwise: the file system knows


def _check_paths(tree: Path, paths: Sequence[str]) -> None:
    """Raise CorruptPackage when one of the files names the staged tree instead of the final prefix."""
    needle = os.fsencode(tree)
    for path in paths:
        try:
            with open(os.path.join(tree, path), "rb") as file:
                content = file.read(_SCANNED)
        except (FileNotFoundError, IsADirectoryError):
            continue  # owned by several packages, or derived
        if needle in content:
            raise CorruptPackage(f"{path} names the staging directory {tree}, which will not exist")


def _patched(artifacts: Sequence[Artifact], site_packages: str) -> Iterator[str]:
    for artifact in artifacts:
        manifest = artifact.manifest
        if not manifest.placeholders and not manifest.entry_points:
            continue
        placeholders = manifest._replace(paths=manifest.placeholders)
        yield from placeholders.prefix_paths(site_packages)


def _written_by_pip(distributions: Sequence[Distribution]) -> Iterator[str]:
    """Yield what an installer writes itself: scripts, and its own files in dist-info."""
    for distribution in distributions:
        for path in distribution.files:
            if path.startswith("bin/") or os.path.dirname(path).endswith(".dist-info"):
                yield path


def _clobbers(tree: Path, artifacts: Sequence[Artifact], site_packages: str) -> Iterator[Clobber]:
    losers = {}
    for directory, _, names in os.walk(tree / _CLOBBERS):
        for name in names:
            loser, _, path = os.path.relpath(os.path.join(directory, name), tree / _CLOBBERS).partition(os.sep)
            losers[loser, path] = os.path.join(directory, name)
    if not losers:
        return
    brought = {
        artifact.package.name: frozenset(artifact.manifest.prefix_paths(site_packages)) for artifact in artifacts
    }
    for (loser, path), hidden in sorted(losers.items()):
        if not _is_same(hidden, tree / path):
            yield Clobber(path, _winner(path, brought, losers.keys()), loser)


def _winner(path: str, brought: Mapping[str, Collection[str]], losers: Container[tuple[str, str]]) -> str:
    """Return the package that has a path, or what is above it or below it: what one has there can be a directory."""
    above = [path[:end] for end, character in enumerate(path) if character == "/"]
    for place in (path, *above):
        for name, paths in brought.items():
            if place in paths and (name, place) not in losers:
                return name
    for name, paths in brought.items():
        if any(each.startswith(f"{path}/") and (name, each) not in losers for each in paths):
            return name
    return "another package"


def _is_same(one: str, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _is_derived(path: str) -> bool:
    return path.endswith((".pyc", ".pyo"))


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
