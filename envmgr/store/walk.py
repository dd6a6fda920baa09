"""One walk through a tree: what its packages put there, what they did not, and what may have been changed since.

By descriptors where the system has them, and with one status for each file that is linked and old: `rollback` and
`install` pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envmgr.store import carried, frozen, generations, ownership
from envmgr.store.layout import OWN_DIRECTORY

_MARKS = frozenset({generations.SETTLED, generations.FOREIGN, carried.FILE, frozen.MARKER})
_DERIVED_DIRECTORY = "__pycache__"
_HAS_DESCRIPTORS = os.scandir in os.supports_fd and os.stat in os.supports_dir_fd

Statuses = dict[tuple[int, int], os.stat_result]
"""The status of files by device and inode."""


class Walk(NamedTuple):
    """What one walk found; `derived` are the directories with bytecode, `doubtful` owned files to be looked at."""

    owned: Mapping[str, str]
    loose: dict[str, os.stat_result]
    directories: dict[str, os.stat_result]
    derived: set[str]
    doubtful: list[str]
    touched: list[str]
    seen: set[str]
    unreadable: dict[str, str]
    watched: list[str]


def walk_through(root: str, owned: Mapping[str, str], born: int | None, known: Statuses | None = None) -> Walk:
    """Return what one walk through the tree at `root` finds. `owned` are the paths of its packages, with their records.

    It was complete when it was `born` (ns; None: not known); `known` is as in `survey.read`. Raises OSError.
    """
    found = Walk(owned, {}, {}, set(), [], [], set(), {}, [""])
    needed = ancestors(owned)
    pending = [""]
    see = found.seen.add
    while pending:
        relative = pending.pop()
        try:
            directory = _Directory(os.path.join(root, relative))
        except PermissionError as error:
            found.unreadable[relative.rstrip("/") or "."] = error.strerror or str(error)
            continue
        except (FileNotFoundError, NotADirectoryError):
            continue  # it vanished meanwhile
        with directory as entries:
            device = directory.device() if known is not None else None
            for entry in entries:
                path = relative + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name == _DERIVED_DIRECTORY:
                        found.derived.add(relative.rstrip("/"))
                    else:
                        pending.append(path + "/")
                        _note_directory(found, path, entry, needed)
                    continue
                status = _status(entry, device, known)
                if status is None:
                    continue
                if path in owned:
                    see(path)
                    # Nearly every file is linked to the cache and as old as its package: this is all it costs.
                    if born is not None and (status.st_nlink == 1 or status.st_mtime_ns > born):
                        _note_owned(found, path, status, born)
                else:
                    _note_loose(found, root, path, status, born)
    for path in [path for path in found.directories if path.startswith(f"{OWN_DIRECTORY}/")]:
        del found.directories[path]
    return found


class _Directory:
    """The entries of a directory, by its descriptor where the system can: a status costs no walk down the path then."""

    def __init__(self, path: str) -> None:
        """Open the directory `path`; raises OSError."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if _HAS_DESCRIPTORS else None
        try:
            self._entries = os.scandir(path if self._descriptor is None else self._descriptor)
        except BaseException:
            self._close()
            raise

    def device(self) -> int | None:
        """Return the device that it is on: another file system may be mounted inside of a tree."""
        try:
            return (os.stat(self._path) if self._descriptor is None else os.fstat(self._descriptor)).st_dev
        except OSError:
            return None

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return self._entries

    def __exit__(self, *_: object) -> None:
        self._entries.close()
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _status(entry: os.DirEntry[str], device: int | None, known: Statuses | None) -> os.stat_result | None:
    """Return the status of what is no directory, None where it vanished meanwhile."""
    status = known.get((device, entry.inode())) if known is not None and device is not None else None
    if status is not None:
        return status
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if known is not None and status.st_nlink > 1:
        known[status.st_dev, status.st_ino] = status
    return status


def _note_directory(walk: Walk, path: str, entry: os.DirEntry[str], needed: set[str]) -> None:
    if path != OWN_DIRECTORY:
        walk.watched.append(path)
    if path not in needed and path not in ("conda-meta", OWN_DIRECTORY):
        walk.directories[path] = entry.stat(follow_symlinks=False)


def _note_owned(walk: Walk, path: str, status: os.stat_result, born: int) -> None:
    # With one link only, nothing but a change of the file itself changes its ctime, which `cp -p` cannot hide.
    is_alone = status.st_nlink == 1
    if is_alone:
        walk.watched.append(path)
    if (status.st_mtime_ns > born or (is_alone and status.st_ctime_ns > born)) and not ownership.is_derived(path):
        walk.doubtful.append(path)


def _note_loose(walk: Walk, root: str, path: str, status: os.stat_result, born: int | None) -> None:
    if path.startswith(f"{OWN_DIRECTORY}/") or ownership.is_own_file(path):
        if born is not None and status.st_mtime_ns > born and path not in _MARKS:
            walk.touched.append(path)
    elif not (ownership.is_derived(path) and os.path.lexists(os.path.join(root, path[:-1]))):
        walk.watched.append(path)
        walk.loose[path] = status  # bytecode without its source is all that there is of a module


def ancestors(paths: Iterable[str]) -> set[str]:
    """Return every directory above any of the paths."""
    direct = {path.rpartition("/")[0] for path in paths}
    found = set(direct)
    for directory in direct:
        while directory := directory.rpartition("/")[0]:
            if directory in found:
                break
            found.add(directory)
    return found
