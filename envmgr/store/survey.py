"""A tree looked through by names and times: what in it is not as its packages were installed, and what is nobody's.

Contents are read of those files only whose times say that they may have changed. Light: `rollback` pays for it twice.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from envmgr.lock.model import Lock
from envmgr.store import carried, generations, metadata, ownership
from envmgr.store.inventory import sha256_of
from envmgr.store.owned import Owned, Unusable, read_distribution, read_record
from envmgr.store.ownership import Distribution
from envmgr.store.walk import Statuses, Walk, ancestors, walk_through

_HISTORY = "conda-meta/history"


class Survey(NamedTuple):
    """What lies in the tree at `root`, by path relative to it.

    `owned` names the prefix record or RECORD (relative paths) of every file that a package installed, `edited` and
    `missing` are those among them that are not as installed. `loose` are files, links and all else that nothing in
    the lock brought, `directories` those that no package needed; both with their status. `distributions` are the
    Python distributions among the loose files, `records` the packages that another conda tool added (their files
    count as owned). `touched` are files of the environment's own metadata that were written since it was made.
    `unreadable` are directories with the reason. `watched` is what tells of a later change: all directories, and the
    files that no other tree has.
    """

    root: str
    owned: Mapping[str, str]
    loose: Mapping[str, os.stat_result]
    directories: Mapping[str, os.stat_result]
    distributions: tuple[Distribution, ...] = ()
    records: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = {}
    watched: tuple[str, ...] = ()


def read(root: Path, lock: Lock | None, *, known: Statuses | None = None) -> Survey:
    """Return what lies in the tree that was made from `lock` (None: by another tool).

    `known` is filled with the status of every file that has several links, and saves asking for it again where another
    tree, looked through a moment later, has the same file. Raises OSError where the tree itself cannot be read; what
    of it cannot is in the survey.
    """
    owned: dict[str, str] = {}
    for name in sorted(metadata.record_names(root)):
        owned.update(dict.fromkeys(ownership.files_of_record(root, name), f"conda-meta/{name}.json"))
    foreign = []
    for distribution in ownership.distributions(root, owned.keys()):
        if _is_locked(distribution, lock):
            owned.update(dict.fromkeys(distribution.files, f"{distribution.dist_info}/RECORD"))
        else:
            foreign.append(distribution)
    walk = walk_through(str(root), owned, born(root), known)
    missing = _absent(root, owned, walk)
    theirs = {path for distribution in foreign for path in distribution.files}
    doubtful = [path for path in walk.doubtful if path not in theirs]
    locked = {package.dist_name for package in lock.conda} if lock is not None else set()
    return Survey(
        root=str(root),
        owned=owned,
        loose=walk.loose,
        directories=_made_by_people(root, walk),
        distributions=tuple(_whole(distribution, walk) for distribution in foreign),
        records=tuple(sorted(metadata.record_names(root) - locked)) if lock is not None else (),
        edited=tuple(sorted(_edited(root, {path: owned[path] for path in doubtful}))),
        missing=tuple(path for path in missing if path not in theirs),
        touched=tuple(sorted(walk.touched)),
        unreadable=walk.unreadable,
        watched=tuple(walk.watched),
    )


def has_changed_since(found: Survey, root: Path, moment: int) -> bool:
    """Whether the tree was changed since it was surveyed, at or after `moment` (ns, by its file system's clock).

    It may have moved to `root` meanwhile. Bytecode and the environment's own files do not count. A file of a package
    that has further hard links is not looked at: who edits it in place edits it in every tree.
    """
    for path in found.watched:
        try:
            status = os.lstat(os.path.join(root, path))
        except OSError:
            return True  # whoever looks closely will say why
        # The ctime of a file with several links changes as well when another tree links to it.
        is_alone = status.st_nlink == 1 and not stat.S_ISDIR(status.st_mode)
        if status.st_mtime_ns >= moment or (is_alone and status.st_ctime_ns >= moment):
            return True
    return False


def is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two entries are the same by kind, size and time of change, as a carried file and its original are."""
    kind = stat.S_IFMT(one.st_mode)
    if kind != stat.S_IFMT(other.st_mode) or one.st_mtime_ns != other.st_mtime_ns:
        return False
    return kind != stat.S_IFREG or one.st_size == other.st_size


def _absent(root: Path, owned: Mapping[str, str], walk: Walk) -> list[str]:
    """Return the owned files that are not there; those that are, behind a link to a directory, are not loose."""
    missing = []
    for path in owned:
        if path in walk.seen or ownership.is_derived(path):
            continue
        absolute = os.path.join(root, path)
        if not os.path.lexists(absolute):
            missing.append(path)
            continue
        real = os.path.relpath(os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(path)),
                               os.path.realpath(root))  # fmt: skip
        walk.loose.pop(real, None)
    return sorted(missing)


def _whole(distribution: Distribution, walk: Walk) -> Distribution:
    """Return a distribution with the files that it really has: of its RECORD, and beside that."""
    inside = f"{distribution.dist_info}/"
    files = {path for path in distribution.files if path in walk.loose or path in walk.seen}
    files |= {path for path in walk.loose if path.startswith(inside)}
    return distribution._replace(files=tuple(sorted(files)))


def _made_by_people(root: Path, walk: Walk) -> dict[str, os.stat_result]:
    """Return the directories of nobody, without those that only bytecode is left in.

    An empty one is of people where it was made after the tree was complete, or came along from the tree before: what
    links packages leaves some as well.
    """
    complete, came = born(root) or 0, frozenset(carried.read(root).directories)
    holders = ancestors(walk.loose)
    derived = ancestors(f"{directory}/x" for directory in walk.derived)
    return {
        path: status
        for path, status in sorted(walk.directories.items())
        if path in holders or (path not in derived and (path in came or status.st_ctime_ns > complete))
    }


def _edited(root: Path, doubtful: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that are not what their record says; where none says what they were, those are edited."""
    by_record: dict[str, list[str]] = {}
    for path, record in doubtful.items():
        by_record.setdefault(record, []).append(path)
    for record, paths in by_record.items():
        try:
            owned = _owned(root, record)
        except Unusable:
            owned = {}
        for path in paths:
            if path == record:
                continue  # a RECORD says nothing of itself (PEP 376), and each installer writes its own
            claim = owned.get(path)
            if claim is None or not _is_as_installed(os.path.join(root, path), claim):
                yield path


def _owned(root: Path, record: str) -> dict[str, Owned]:
    directory, _, name = record.rpartition("/")
    if directory == "conda-meta":
        found = read_record(root, name.removesuffix(".json")).owned
    else:
        found = read_distribution(root, directory).owned
    return {each.path: each for each in found}


def _is_as_installed(path: str, claim: Owned) -> bool:
    try:
        if os.path.islink(path):
            # Of a link rattler records the hash of its target's name, and did record that of what it leads to.
            named = hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
            return claim.kind != "hardlink" and (not claim.hashes or named in claim.hashes or _leads_to(path, claim))
        if claim.kind == "softlink" or (claim.size is not None and os.lstat(path).st_size != claim.size):
            return False
        return bool(claim.hashes) and sha256_of(path) in claim.hashes
    except OSError:
        return False


def _leads_to(path: str, claim: Owned) -> bool:
    return sha256_of(os.path.realpath(path)) in claim.hashes


def _is_locked(distribution: Distribution, lock: Lock | None) -> bool:
    """Whether a distribution is, by name and version, one of the lock's pip half."""
    if lock is None:
        return False
    name = ownership.normalised(distribution.name)
    return any(
        package.name == name and ownership.is_same_version(distribution.version, package.version)
        for package in lock.pip
    )


def is_from_before(root: Path, path: str) -> bool:
    """Whether a file was there, as it is, when the tree was complete."""
    moment = born(root)
    try:
        return moment is not None and os.lstat(root / path).st_mtime_ns <= moment
    except OSError:
        return False


def born(root: Path) -> int | None:
    """Return when the tree was complete (ns): its record, or with another tool its history, was written last."""
    for file in (generations.FILE, _HISTORY):
        try:
            return os.stat(root / file).st_mtime_ns
        except FileNotFoundError:
            continue
    return None
