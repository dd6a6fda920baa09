"""Directory trees that a stranger filled: looked at without following anything, removed without recursion."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

DEEPEST = 200  # directories below each other; the deepest real package seen has 20


class Tree(NamedTuple):
    """What a directory holds, by path relative to it with `/` between components.

    `files` maps to sizes in bytes, `links` to the targets of symbolic links. `faults` are (path, what is wrong) of
    what no package may contain; `shared` those of files that have hard links outside of the tree, which is wrong
    right after an extraction and as it should be once prefixes are linked to it.
    """

    files: dict[str, int]
    links: dict[str, str]
    directories: set[str]
    faults: list[tuple[str, str]]
    shared: list[tuple[str, str]]

    @classmethod
    def read(cls, directory: Path) -> Tree:
        """Return what `directory` holds; raises OSError when it cannot be read."""
        tree = cls({}, {}, set(), [], [])
        files, links, directories, faults, _ = tree
        inodes: dict[tuple[int, int], list[str]] = {}
        counts: dict[tuple[int, int], int] = {}
        pending = [(str(directory), "", 0)]
        while pending:
            where, prefix, depth = pending.pop()
            with os.scandir(where) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    status = entry.stat(follow_symlinks=False)
                    kind = stat.S_IFMT(status.st_mode)
                    if kind == stat.S_IFREG:
                        files[path] = status.st_size
                        if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
                            faults.append((path, "has a set-user-id or set-group-id bit"))
                        if status.st_nlink > 1:
                            inodes.setdefault((status.st_dev, status.st_ino), []).append(path)
                            counts[status.st_dev, status.st_ino] = status.st_nlink
                    elif kind == stat.S_IFLNK:
                        links[path] = os.readlink(entry.path)
                    elif kind != stat.S_IFDIR:
                        faults.append((path, "is neither file nor directory nor symbolic link"))
                    elif depth >= DEEPEST:
                        faults.append((path, f"lies more than {DEEPEST} directories deep"))
                    else:
                        directories.add(path)
                        pending.append((entry.path, f"{path}/", depth + 1))
        for inode, paths in inodes.items():
            if len(paths) != counts[inode]:
                tree.shared.append((paths[0], "is a hard link to a file outside of the package"))
        return tree

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(self.files.values())


def measure(directory: Path) -> tuple[int, int]:
    """Return the apparent bytes and the number of entries below `directory`, which may be changing meanwhile."""
    size = count = 0
    pending = [str(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # what vanishes while one looks is not counted
    return size, count


def remove(directory: Path, *, limit: int | None = None) -> bool:
    """Remove a directory with all it holds, however deep and whatever its modes; absent is fine.

    With `limit`, stop once about so many files are gone. Return whether all of it is; others may be removing it too.
    Raises OSError when something in it cannot be removed.
    """
    pending = [(str(directory), False)]
    gone = 0
    while pending:
        if limit is not None and gone > limit:
            return False
        where, is_emptied = pending.pop()
        try:
            below, count = ([], 1) if is_emptied else _remove_files(where)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            os.unlink(where)
            continue
        gone += count
        if below:
            pending.append((where, True))
            pending.extend((each, False) for each in below)
            continue
        try:
            os.rmdir(where)
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            os.unlink(where)
        except OSError as error:
            if not is_emptied or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            pending.append((where, False))  # somebody put something there meanwhile
    return True


def _remove_files(where: str) -> tuple[list[str], int]:
    """Unlink what is not a directory in `where`; return the directories, and how many entries there were."""
    mode = os.lstat(where).st_mode
    if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
        os.chmod(where, 0o700)
    if stat.S_ISLNK(mode):
        raise NotADirectoryError(where)
    below = []
    count = 1
    with os.scandir(where) as entries:
        for entry in entries:
            count += 1
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                try:
                    os.unlink(entry.path)
                except FileNotFoundError:
                    continue
    return below, count
