"""Carrying: which of the things that people and programs put into a tree come along into the next one, and as what.

By distribution first: a foreign `pip install` comes as a whole, by its RECORD, or, where it touches what the new
lock brings, not at all. Then loose files, and owned files that were edited. Here it is decided; `bringing` does it.
"""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.lock.model import Lock
from envmgr.store import ownership, survey
from envmgr.store.carried import Carried, Extent, Left, Saved
from envmgr.store.ownership import Distribution
from envmgr.store.survey import Survey
from envmgr.store.walk import ancestors

SUFFIX = ".envmgr-saved"
_SHOWN = 5  # files in one text
_SUPERSEDED = ""
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class Source(NamedTuple):
    """The tree that things are carried from, made from `lock` (None: by another tool, or not known)."""

    survey: Survey
    lock: Lock | None


class Target(NamedTuple):
    """The tree that things are carried to, made from `lock`.

    `survey` is that of a kept tree, whose loose files are those of before; `manifest` that of an environment in use,
    which says what is there because it was carried.
    """

    tree: Path
    lock: Lock
    survey: Survey | None = None
    manifest: Carried | None = None


class Step(NamedTuple):
    """One file or link: from `source` in the old tree to `target` in the new one.

    `original` is what the packages bring where `target` stands beside it. A target that is there already is an older
    copy of the same file.
    """

    source: str
    target: str
    original: str | None = None


class Plan(NamedTuple):
    """What is to be done, and what the manifest will say that is there already.

    `edits` are owned files that were edited: the newest of them has the name that ends in `.envmgr-saved`.
    """

    source: Survey
    target: Target
    extent: Extent
    distributions: tuple[Distribution, ...] = ()
    steps: tuple[Step, ...] = ()
    edits: tuple[Step, ...] = ()
    present: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()


def decide(source: Survey, target: Target, extent: Extent = "everything") -> Plan:
    """Return what is carried from the surveyed tree to `target`; both stay as they are. Raises OSError."""
    if extent == "nothing":
        return Plan(source, target, extent, left=tuple(_all_left(source)))
    left = [*_special(source), *(Left(f"{path}/", reason) for path, reason in sorted(source.unreadable.items()))]
    left += [Left(name, "another conda tool added it, and the lock does not have it") for name in source.records]
    gone = _gone_directories(source, target)
    coming, theirs = [], set[str]()
    for distribution in source.distributions:
        theirs.update(distribution.files)
        reason = "it is not in the lock" if extent == "files" else _obstacle(distribution, target, gone)
        if reason is None:
            coming.append(distribution)
        elif reason != _SUPERSEDED:
            left.append(Left(_called(distribution), reason))
    loose = [path for path in sorted(source.loose) if path not in theirs and not _is_special(source.loose[path])]
    left += _of_gone(gone, [*loose, *source.edited])
    loose = [path for path in loose if not _is_below(path, gone)]
    whole = [path for distribution in coming for path in distribution.files]
    places = _Places(source, target)
    steps, present = places.of_files(sorted([*loose, *whole]))
    edited = [path for path in source.edited if not _is_below(path, gone) and not _is_of(path, source.records, source)]
    directories = _worth_having(source, {*(step.source for step in steps), *present})
    return Plan(
        source=source,
        target=target,
        extent=extent,
        distributions=tuple(coming),
        steps=steps,
        edits=tuple(places.of_edits(edited)),
        present=present,
        directories=tuple(places.of_directories(path for path in directories if not _is_below(path, gone))),
        left=tuple(sorted(left)),
    )


def only_here(kept: Survey, current: Survey) -> tuple[Left, ...]:
    """Return what a kept tree holds of people's that the current environment does not have."""
    loose = [path for path in kept.loose if path not in current.loose or not survey.is_same(
        kept.loose[path], current.loose[path])]  # fmt: skip
    files = sorted({*loose, *kept.edited})
    return (Left(_listed(files), "put there after the generation was kept"),) if files else ()


def saved(manifest: Carried, files: Container[str], steps: Iterable[Step]) -> tuple[Saved, ...]:
    """Return which of the carried files stand beside what the packages bring: those of before, and the new ones."""
    found = {each.path: each for each in manifest.saved if each.path in files}
    found.update({step.target: Saved(step.target, step.original) for step in steps if step.original is not None})
    return tuple(found[path] for path in sorted(found))


def is_same_content(one: str, other: str) -> bool:
    """Whether two paths are regular files with the same bytes, or links with the same target."""
    try:
        if os.path.islink(one) or os.path.islink(other):
            return os.path.islink(one) and os.path.islink(other) and os.readlink(one) == os.readlink(other)
        return os.path.isfile(one) and os.path.isfile(other) and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


class _Places:
    """Where each path of the source goes in the target: no package's file is replaced, no link is written through."""

    def __init__(self, source: Survey, target: Target) -> None:
        self._source, self._target = source, target
        self._directories: dict[str, str] = {"": ""}
        self._taken: set[str] = set()
        self._born = survey.born(target.tree) if target.manifest is not None else None

    def of_files(self, paths: Iterable[str]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """Return the steps for loose files, and those that are there already."""
        steps, present = [], []
        carried = self._carried()
        for path in paths:
            step = self._step(path, is_ours=path in carried)
            if isinstance(step, Step):
                steps.append(step)
            elif step is not None:
                present.append(step)
        return tuple(steps), tuple(present)

    def of_edits(self, paths: Iterable[str]) -> Iterator[Step]:
        """Yield the steps for owned files that were edited, except for those that the new tree has just so."""
        for path in paths:
            place, existing = self._place(path), self._absolute(path)
            newest = f"{place}{SUFFIX}"
            if not any(is_same_content(existing, self._in_tree(where)) for where in (place, newest)):
                yield Step(path, newest, original=place)

    def of_directories(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the directories that are to be there."""
        for path in paths:
            if self._directory(path) == path:
                yield path

    def _step(self, path: str, *, is_ours: bool) -> Step | str | None:
        """Return what is to be done for a file; its path where it is there already, None where nothing is."""
        place = self._place(path)
        status = self._source.loose.get(path)
        there = self._status(place)
        if there is None and place not in self._taken:
            if is_ours:
                return None  # carried, and deleted there since
            self._taken.add(place)
            return Step(path, place, original=None if place == path else path)
        target = self._target
        if there is not None and status is not None and (target.manifest is not None or target.survey is not None):
            is_carried = is_ours or (target.survey is not None and place in target.survey.loose)
            if survey.is_same(status, there) and is_carried:
                return place
            if is_ours:
                # A copy was made before the new tree was complete: what changed since was changed by somebody else.
                is_copy = self._born is not None and there.st_ctime_ns <= self._born
                return Step(path, place) if is_copy and status.st_mtime_ns > there.st_mtime_ns else place
        if is_same_content(self._absolute(path), self._in_tree(place)):
            return None
        aside = self._aside(path, place)
        return aside if isinstance(aside, str) else aside._replace(original=place)

    def _aside(self, path: str, place: str) -> Step | str:
        """Return a name beside `place`: the usual one, or with a number where that has other contents."""
        base = place.partition(SUFFIX)[0] if SUFFIX in os.path.basename(place) else place
        for number in range(len(self._source.loose) + len(self._taken) + 2):
            name = f"{base}{SUFFIX}.{number}" if number else f"{base}{SUFFIX}"
            if self._status(name) is None and name not in self._taken and (name == path or not self._is_coming(name)):
                self._taken.add(name)
                return Step(path, name)
            if is_same_content(self._absolute(path), self._in_tree(name)):
                return name
        raise AssertionError("there is always a free number")

    def _is_coming(self, name: str) -> bool:
        return name in self._source.loose

    def _place(self, path: str) -> str:
        directory, _, name = path.rpartition("/")
        return f"{self._directory(directory)}/{name}" if directory else name

    def _directory(self, path: str) -> str:
        """Return where a directory goes: where it was, unless something else is there that is none."""
        if path not in self._directories:
            parent, _, name = path.rpartition("/")
            above = self._directory(parent)
            place = f"{above}/{name}" if above else name
            status = self._status(place)
            if status is not None and not stat.S_ISDIR(status.st_mode):
                place += SUFFIX
            self._directories[path] = place
        return self._directories[path]

    def _carried(self) -> set[str]:
        manifest = self._target.manifest
        if manifest is None:
            return set()
        of_distributions = {
            path
            for each in manifest.distributions
            for path in ownership.record_files(Path(self._source.root), each.dist_info)
        }
        return {*manifest.files, *of_distributions}

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return os.lstat(self._in_tree(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _in_tree(self, path: str) -> str:
        return os.path.join(self._target.tree, path)

    def _absolute(self, path: str) -> str:
        return os.path.join(self._source.root, path)


def _worth_having(source: Survey, carried: Container[str]) -> Iterator[str]:
    """Yield the directories that are empty, or hold something that is carried; not those of what is left."""
    holders = ancestors(source.loose)
    filled = ancestors(path for path in source.loose if path in carried)
    return (path for path in source.directories if path in filled or path not in holders)


def _obstacle(distribution: Distribution, target: Target, gone: tuple[str, ...]) -> str | None:
    """Return why a distribution cannot come along as a whole, None where it can.

    That the new generation brings that very version is no loss: `_SUPERSEDED`.
    """
    below = next((path for path in distribution.files if _is_below(path, gone)), None)
    if below is not None:
        return f"it is for {'/'.join(below.split('/')[:2])}, which the new generation does not have"
    kept = target.survey
    is_live = target.manifest is not None
    if target.manifest is not None:
        known = next((each for each in target.manifest.left if each.what == _called(distribution)), None)
        if known is not None:
            return known.reason
    name = ownership.normalised(distribution.name)
    version = next((package.version for package in target.lock.pip if package.name == name), None)
    if version is None:
        others = [each for each in ownership.distributions(target.tree) if ownership.normalised(each.name) == name]
        foreign = {each.dist_info for each in kept.distributions} if kept is not None else set()
        if is_live and target.manifest is not None:
            foreign = {each.dist_info for each in target.manifest.distributions}
        version = next((each.version for each in others if each.dist_info not in foreign), None)
    if version is not None and ownership.is_same_version(distribution.version, version):
        return _SUPERSEDED
    if version is not None:
        return f"the new generation brings {distribution.name} {version} itself"
    if is_live:
        return None
    taken = next(
        (
            path
            for path in distribution.files
            if (path in kept.owned if kept is not None else os.path.lexists(target.tree / path))
        ),
        None,
    )
    return None if taken is None else f"the new generation brings {taken} itself"


def _called(distribution: Distribution) -> str:
    return f"{distribution.name} {distribution.version} (installed with pip)"


def _gone_directories(source: Survey, target: Target) -> tuple[str, ...]:
    """Return the directories of a python of the source that the target has not."""
    there = ownership.site_packages(target.tree)
    found = []
    for directory in ownership.site_packages(Path(source.root)):
        python = f"{os.path.dirname(directory)}/"
        if directory not in there and any(path.startswith(python) for path in source.owned):
            found.append(python)
    return tuple(found)


def _of_gone(gone: Iterable[str], paths: Iterable[str]) -> Iterator[Left]:
    for directory in gone:
        files = [path for path in paths if path.startswith(directory)]
        if files:
            yield Left(_listed(files), f"the new generation does not have {directory.rstrip('/')}")


def _all_left(source: Survey) -> Iterator[Left]:
    theirs = {path for distribution in source.distributions for path in distribution.files}
    for each in source.distributions:
        yield Left(_called(each), "--pristine")
    yield from (Left(name, "--pristine") for name in source.records)
    files = [path for path in (*source.loose, *source.edited) if path not in theirs]
    if files:
        yield Left(_listed(sorted(files)), "--pristine")


def _special(source: Survey) -> Iterator[Left]:
    for path, status in sorted(source.loose.items()):
        if _is_special(status):
            yield Left(path, _KINDS.get(stat.S_IFMT(status.st_mode), "no file"), is_lost=False)


def _is_special(status: os.stat_result) -> bool:
    return not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode))


def _is_below(path: str, directories: tuple[str, ...]) -> bool:
    return f"{path}/".startswith(directories)


def _is_of(path: str, records: Iterable[str], source: Survey) -> bool:
    return source.owned[path] in {f"conda-meta/{name}.json" for name in records}


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more files" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
