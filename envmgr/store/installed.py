"""What other tools installed or removed past the lock, found without walking the tree (light: `list` pays for it).

Staging writes generation.json last: a dist-info directory that changed later was made by another tool.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import NotAnEnvironment
from envmgr.lock.model import CondaPackage, Lock
from envmgr.store import carried, generations, metadata, ownership
from envmgr.store.carried import Distribution

_SUFFIX = ".dist-info"
_NAMED = 5  # distributions in one message


def past_the_lock(prefix: Path, lock: Lock) -> tuple[Distribution, ...]:
    """Return the distributions in `prefix` that are not in `lock`, sorted; not those of another conda tool.

    What cannot be read is not there; where another tool made the environment, none is found.
    """
    try:
        born = os.stat(prefix / generations.FILE).st_mtime_ns
    except OSError:
        return ()
    locked = {package.name: package.version for package in lock.pip}
    known = {each.dist_info for each in carried.read(prefix).distributions}
    found = []
    for distribution, changed in _dist_infos(prefix):
        version = locked.get(ownership.normalised(distribution.name))
        is_locked = version is not None and ownership.is_same_version(distribution.version, version)
        is_later = distribution.dist_info in known or (changed > born and not _is_of_conda(prefix, distribution))
        if is_later and not is_locked:
            found.append(distribution)
    return tuple(sorted(found))


def gone_of_pip(prefix: Path, lock: Lock) -> tuple[tuple[str, str], ...]:
    """Return (name, version) of the Python distributions of both halves whose .dist-info is not in `prefix`, sorted:
    pip removed them, or put others in their place.

    Where another tool made the environment, or there is no site-packages, none is told.
    """
    if not (prefix / generations.FILE).is_file() or not ownership.site_packages(prefix):
        return ()
    expected = {(package.name, package.version) for package in lock.pip}
    there_by_record = metadata.record_names(prefix)  # what another conda tool took away is told by its record
    for package in (each for each in lock.conda if each.dist_name in there_by_record):
        expected |= {(name, version) for name, _, version in (each.partition("==") for each in package.distributions)}
    there: dict[str, list[str]] = {}
    for name, version in _versions(prefix):
        there.setdefault(ownership.normalised(name), []).append(version)
    return tuple(
        (name, version)
        for name, version in sorted(expected)
        if not any(not found or ownership.is_same_version(found, version) for found in there.get(name, ()))
    )


class Drift(NamedTuple):
    """What pip did to an environment past its lock: (name, version) that came and went, (name, from, to) that moved."""

    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    moved: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return any(self)

    def __str__(self) -> str:
        parts = [f"{name} {old} → {new}" for name, old, new in self.moved]
        parts += [f"{name} {version} was installed" for name, version in self.added]
        parts += [f"{name} {version} was removed" for name, version in self.removed]
        more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
        return ", ".join(parts[:_NAMED]) + more


def drift(prefix: Path, lock: Lock) -> Drift:
    """Return what pip did to `prefix` past `lock`."""
    came = {ownership.normalised(each.name): each.version for each in past_the_lock(prefix, lock)}
    went = dict(gone_of_pip(prefix, lock))
    return Drift(
        tuple((name, version) for name, version in sorted(came.items()) if name not in went),
        tuple((name, version) for name, version in sorted(went.items()) if name not in came),
        tuple((name, went[name], came[name]) for name in sorted(came.keys() & went.keys())),
    )


def of_conda_past_the_lock(prefix: Path, lock: Lock) -> tuple[tuple[CondaPackage, ...], frozenset[str]]:
    """Return the packages that have a prefix record and are not in `lock`, sorted, and the `dist_name` of those in it
    whose record is gone: another conda tool changed the environment.

    What cannot be read is not there.
    """
    there, locked = metadata.record_names(prefix), {package.dist_name for package in lock.conda}
    if there == locked:
        return (), frozenset()
    from envmgr.store import records  # start-up time: only where another tool was at work

    added = []
    for name in there - locked:
        with contextlib.suppress(NotAnEnvironment):
            added.append(records.read_package(prefix / "conda-meta" / f"{name}.json"))
    return tuple(sorted(added)), frozenset(locked - there)


def _dist_infos(prefix: Path) -> Iterator[tuple[Distribution, int]]:
    """Yield the dist-info directories of every site-packages with the time of their last change (ns)."""
    for directory in ownership.site_packages(prefix):
        try:
            with os.scandir(prefix / directory) as entries:
                for entry in entries:
                    name, _, version = entry.name.removesuffix(_SUFFIX).rpartition("-")
                    if name and entry.name.endswith(_SUFFIX) and entry.is_dir(follow_symlinks=False):
                        changed = entry.stat(follow_symlinks=False).st_ctime_ns
                        yield Distribution(name, version, f"{directory}/{entry.name}"), changed
        except OSError:
            continue


def _versions(prefix: Path) -> Iterator[tuple[str, str]]:
    """Yield name and version of every distribution, as .dist-info and .egg-info are called (PEP 376, setuptools)."""
    for directory in ownership.site_packages(prefix):
        with contextlib.suppress(OSError):
            for entry in os.listdir(prefix / directory):
                stem, _, kind = entry.rpartition(".")
                if kind in ("dist-info", "egg-info"):
                    name, _, version = stem.partition("-")
                    yield name, version.partition("-")[0]


def _is_of_conda(prefix: Path, distribution: Distribution) -> bool:
    try:
        return (prefix / distribution.dist_info / "INSTALLER").read_bytes()[:16].strip() == b"conda"
    except OSError:
        return False
