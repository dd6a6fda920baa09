"""Bringing what is carried: the steps of a plan done in a tree that is being made, or in an environment in use.

Every file appears in one step of the kernel, under a name of its own; a kill leaves whole files, and one directory
below conda-meta/envmgr that recovery removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import trees
from envmgr.lock.model import Lock
from envmgr.reporting import Progress
from envmgr.store import carried, carrying, copying, survey
from envmgr.store.carried import Carried, Distribution, Left
from envmgr.store.carrying import Plan, Step, Target
from envmgr.store.layout import OWN_DIRECTORY
from envmgr.store.room import Need
from envmgr.store.survey import Survey

INCOMING = f"{OWN_DIRECTORY}/incoming"
_LARGE = 64 << 20  # bytes of a file that is handed on where it cannot be reflinked
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO, errno.EINVAL)
_GONE = (errno.ENOENT, errno.ENOTDIR)


class Seen(NamedTuple):
    """A survey, and when it began (ns, by the clock of the file system; None: not known)."""

    survey: Survey
    since: int | None


def needs(source: Survey, staging: Path) -> Need:
    """Return what it takes to carry everything in the surveyed tree to below `staging`; raises OSError."""
    files = [status for status in source.loose.values() if stat.S_ISREG(status.st_mode)]
    inodes = len(source.loose) + len(source.directories) + len(source.edited)
    if not any(status.st_size for status in files) or copying.can_reflink(staging):
        return Need(0, inodes)
    # Of a sparse file only what is there is copied.
    return Need(sum(min(each.st_size, each.st_blocks * 512) for each in files if not _is_large(each)), inodes)


def bring(plan: Plan, *, hands_over: bool = True, progress: Progress | None = None) -> Carried:
    """Do what was decided and return the manifest, which is in the tree then.

    With `hands_over` the old tree is about to give up its place: large files that cannot be reflinked are linked,
    and taken out of it by `hand_over`. What cannot be read is left. Raises OSError where the tree cannot be written.
    """
    manifest = _Bringing(plan, hands_over=hands_over, progress=progress).run()
    manifest.write(plan.target.tree)
    return manifest


def late(old: Path, before: Lock | None, target: Target, seen: Seen | None = None) -> Carried | None:
    """Bring over what was written to the `old` tree after it was surveyed; None where there was nothing.

    `seen` is that survey (None: not known, so that the tree is looked through again). Returns what came, not all that
    is carried. Raises OSError.
    """
    manifest = carried.read(target.tree)
    if manifest.extent == "nothing":
        return None
    if seen is not None and seen.since is not None and not survey.has_changed_since(seen.survey, old, seen.since):
        return None
    source = survey.read(old, before)
    plan = carrying.decide(source, target._replace(manifest=manifest), manifest.extent)
    if not plan.steps and not plan.edits:
        return None
    came = _Bringing(plan._replace(present=()), hands_over=False).run()
    _together(manifest, came).write(target.tree)
    known = {each.dist_info for each in manifest.distributions}
    return came._replace(distributions=tuple(each for each in came.distributions if each.dist_info not in known))


def hand_over(old: Path, prefix: Path) -> None:
    """Take the large files out of the old tree that are one file with those of the environment by now."""
    for path in carried.read(prefix).moved:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.lstat(old / path), os.lstat(prefix / path)):
                os.unlink(old / path)


def tidy(tree: Path) -> None:
    """Remove what a killed process was bringing; raises OSError."""
    trees.remove(tree / INCOMING)


class _Bringing:
    def __init__(self, plan: Plan, *, hands_over: bool, progress: Progress | None = None) -> None:
        self._progress = progress
        self._plan, self._tree, self._hands_over = plan, str(plan.target.tree), hands_over
        self._root = plan.source.root
        self._incoming = os.path.join(self._tree, INCOMING)
        self._copies: dict[tuple[int, int], str] = {}
        self._made: dict[str, os.stat_result | None] = {}
        self._moved: list[str] = []
        self._left: list[Left] = []
        self._size = 0
        self._reflinks: bool | None = None
        self._count = 0

    def run(self) -> Carried:
        plan = self._plan
        done: list[Step] = []
        if plan.steps or plan.edits:
            os.makedirs(self._incoming, exist_ok=True)
            for step in plan.steps:
                if self._bring(step):
                    done.append(step)
                if self._progress is not None:
                    self._progress.advance()
            for step in plan.edits:
                done += self._bring_edit(step)
            os.rmdir(self._incoming)
        for path in plan.directories:
            self._directory(path)
        for path, status in sorted(self._made.items(), reverse=True):
            if status is not None:
                copying.keep_attributes(os.path.join(self._root, path), os.path.join(self._tree, path), status)
        return self._manifest(done)

    def _manifest(self, done: list[Step]) -> Carried:
        plan = self._plan
        of_distributions = {path for each in plan.distributions for path in each.files}
        files = {step.target for step in done if step.source not in of_distributions}
        files |= {path for path in plan.present if path not in of_distributions}
        return Carried(
            extent=plan.extent,
            distributions=tuple(Distribution(each.name, each.version, each.dist_info) for each in plan.distributions),
            files=tuple(sorted(files)),
            directories=plan.directories,
            saved=carrying.saved(carried.read(self._root), files, done),
            moved=tuple(sorted(self._moved)),
            left=tuple(sorted({*plan.left, *self._left})),
            size=self._size + sum(self._size_of(path) for path in plan.present),
        )

    def _bring(self, step: Step) -> bool:
        """Return whether the file is there now; what vanished or cannot be read is not."""
        source, target = os.path.join(self._root, step.source), os.path.join(self._tree, step.target)
        self._directory(os.path.dirname(step.target))
        try:
            status = os.lstat(source)
            made = self._copy(source, status, step)
        except OSError as error:
            if error.errno in _GONE and not os.path.lexists(source):
                return False
            if error.errno in _UNREADABLE and error.filename == source:
                self._left.append(Left(step.source, error.strerror or str(error)))
                return False
            raise
        os.replace(made, target)
        self._size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        return True

    def _bring_edit(self, step: Step) -> list[Step]:
        """Save an edited file; an older one that was saved before gives way to it, under a number."""
        target = os.path.join(self._tree, step.target)
        done = []
        if os.path.lexists(target):
            if carrying.is_same_content(os.path.join(self._root, step.source), target):
                return [step]
            number = 1
            while os.path.lexists(f"{target}.{number}"):
                number += 1
            os.rename(target, f"{target}.{number}")
            done.append(Step(step.source, f"{step.target}.{number}", step.original))
        return [*done, step] if self._bring(step) else done

    def _copy(self, source: str, status: os.stat_result, step: Step) -> str:
        """Make a file as `source` is under a passing name, and return that."""
        self._count += 1
        made = os.path.join(self._incoming, str(self._count))
        inode = (status.st_dev, status.st_ino)
        first = self._copies.get(inode) if status.st_nlink > 1 and stat.S_ISREG(status.st_mode) else None
        if first is not None:
            os.link(first, made, follow_symlinks=False)
            return made
        if self._is_handed_on(status) and self._link(source, made):
            self._moved.append(step.target)
            return made
        copying.copy(source, made)
        if status.st_nlink > 1:
            self._copies[inode] = os.path.join(self._tree, step.target)
        return made

    def _is_handed_on(self, status: os.stat_result) -> bool:
        if not (self._hands_over and stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and _is_large(status)):
            return False
        if self._reflinks is None:
            self._reflinks = copying.can_reflink(Path(self._incoming))
        return not self._reflinks

    def _link(self, source: str, made: str) -> bool:
        try:
            os.link(source, made)
        except OSError:
            return False  # another file system, or one without links: it is copied
        return True

    def _directory(self, path: str) -> None:
        """Make a directory and those above it; they get their attributes in the end."""
        if not path or path in self._made:
            return
        self._directory(os.path.dirname(path))
        self._made[path] = None
        try:
            os.mkdir(os.path.join(self._tree, path))
        except FileExistsError:
            return
        with contextlib.suppress(OSError):
            status = os.lstat(os.path.join(self._root, path))
            self._made[path] = status if stat.S_ISDIR(status.st_mode) else None

    def _size_of(self, path: str) -> int:
        status = self._plan.source.loose.get(path)
        return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0


def _together(one: Carried, other: Carried) -> Carried:
    """Return the manifest of an environment to which more came."""
    return Carried(
        extent=one.extent,
        distributions=tuple(sorted({*one.distributions, *other.distributions})),
        files=tuple(sorted({*one.files, *other.files})),
        directories=tuple(sorted({*one.directories, *other.directories})),
        saved=tuple(sorted({*one.saved, *other.saved})),
        moved=tuple(sorted({*one.moved, *other.moved})),
        left=tuple(sorted({*one.left, *other.left})),
        size=one.size + other.size,
    )


def _is_large(status: os.stat_result) -> bool:
    return status.st_size >= _LARGE and status.st_nlink == 1
