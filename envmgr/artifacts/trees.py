"""Directory trees that a stranger filled: looked at without following anything, removed without recursion."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DEEPEST = 200  # directories below each other; the deepest real package seen has 20


class Tree(NamedTuple):
    """What a directory holds, by path relative to it with `/` between components.

    `files` maps to sizes in bytes, `links` to the targets of symbolic links; `faults` are (path, what is wrong)
    of everything that no package may contain: special files, set-id bits, links to files outside of the tree.
    """

    files: dict[str, int]
    links: dict[str, str]
    directories: set[str]
    faults: list[tuple[str, str]]

    @classmethod
    def read(cls, directory: Path) -> Tree:
        """Return what `directory` holds; raises OSError when it cannot be read."""
        tree = cls({}, {}, set(), [])
        shared: dict[tuple[int, int], list[str]] = {}
        expected: dict[tuple[int, int], int] = {}
        for path, entry in walk(directory, tree.faults):
            status = entry.stat(follow_symlinks=False)
            mode = status.st_mode
            if stat.S_ISREG(mode):
                tree.files[path] = status.st_size
                if mode & (stat.S_ISUID | stat.S_ISGID):
                    tree.faults.append((path, "has a set-user-id or set-group-id bit"))
                if status.st_nlink > 1:
                    shared.setdefault((status.st_dev, status.st_ino), []).append(path)
                    expected[status.st_dev, status.st_ino] = status.st_nlink
            elif stat.S_ISDIR(mode):
                tree.directories.add(path)
            elif stat.S_ISLNK(mode):
                tree.links[path] = os.readlink(entry.path)
            else:
                tree.faults.append((path, "is neither file nor directory nor symbolic link"))
        for inode, paths in shared.items():
            if len(paths) != expected[inode]:
                tree.faults.append((paths[0], "is a hard link to a file outside of the package"))
        return tree

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(self.files.values())


def walk(directory: Path, faults: list[tuple[str, str]] | None = None) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every entry below `directory` with its relative path; links are not followed.

    What lies deeper than DEEPEST is not visited but added to `faults`.
    """
    pending = [(str(directory), "", 0)]
    while pending:
        where, prefix, depth = pending.pop()
        with os.scandir(where) as entries:
            for entry in entries:
                path = prefix + entry.name
                yield path, entry
                if entry.is_dir(follow_symlinks=False):
                    if depth >= DEEPEST:
                        if faults is not None:
                            faults.append((path[:80] + "…", f"lies more than {DEEPEST} directories deep"))
                    else:
                        pending.append((entry.path, f"{path}/", depth + 1))


def measure(directory: Path) -> Counter[str]:
    """Return `bytes` (apparent) and `entries` below `directory`, which may be changing meanwhile."""
    total: Counter[str] = Counter(bytes=0, entries=0)
    try:
        for _, entry in walk(directory):
            total["entries"] += 1
            if entry.is_file(follow_symlinks=False):
                total["bytes"] += entry.stat(follow_symlinks=False).st_size
    except OSError:
        pass  # what vanishes while one looks is not counted
    return total


def remove(directory: Path) -> None:
    """Remove a directory with all it holds, however deep and whatever its modes; absent is fine.

    Raises OSError when something in it cannot be removed.
    """
    pending = [str(directory)]
    while pending:
        where = pending[-1]
        try:
            below = _remove_files(where)
        except FileNotFoundError:
            below = []
        except NotADirectoryError:
            os.unlink(where)
            below = []
        if below:
            pending.extend(below)
            continue
        pending.pop()
        try:
            os.rmdir(where)
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            os.unlink(where)


def _remove_files(where: str) -> list[str]:
    """Unlink what is not a directory in `where` and return the directories."""
    mode = os.lstat(where).st_mode
    if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
        os.chmod(where, 0o700)
    if stat.S_ISLNK(mode):
        raise NotADirectoryError(where)
    below = []
    with os.scandir(where) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                try:
                    os.unlink(entry.path)
                except FileNotFoundError:
                    continue
    return below
