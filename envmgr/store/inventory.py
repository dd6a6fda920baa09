"""What lies in a tree, read in one walk that follows nothing: the ground on which a prefix is verified."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Literal, NamedTuple

EntryKind = Literal["file", "link", "directory", "other"]

_MOST_FOLLOWED = 40  # links on one way, as in Linux
_BLOCK = 1 << 20
_LARGEST = 1 << 28  # bytes of a file of metadata; the record of 100,000 paths has 30 MiB
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class NotRegular(OSError):
    """What was to be read is no regular file."""


class Entry(NamedTuple):
    """One thing in a tree: `size` in bytes, `inode` as (device, number), `links` its hard links, `target` a link's."""

    kind: EntryKind
    size: int
    inode: tuple[int, int]
    links: int
    target: str | None = None


class Inventory(NamedTuple):
    """Every entry of the tree at `root`, by path relative to it; `unreadable` are directories with the reason."""

    root: str
    entries: dict[str, Entry]
    unreadable: dict[str, str]

    @classmethod
    def read(cls, root: Path) -> Inventory:
        """Return what lies in `root`; what cannot be read is in `unreadable`, an absent root is empty."""
        inventory = cls(str(root), {}, {})
        pending = [""]
        while pending:
            directory = pending.pop()
            try:
                pending += inventory._add(directory)
            except OSError as error:
                inventory.unreadable[directory.rstrip("/") or "."] = error.strerror or str(error)
        return inventory

    def _add(self, directory: str) -> list[str]:
        below = []
        with os.scandir(os.path.join(self.root, directory)) as found:
            for each in found:
                path = directory + each.name
                status = each.stat(follow_symlinks=False)
                kind = _kind(status.st_mode)
                target = os.readlink(each.path) if kind == "link" else None
                inode = (status.st_dev, status.st_ino)
                self.entries[path] = Entry(kind, status.st_size, inode, status.st_nlink, target)
                if kind == "directory":
                    below.append(f"{path}/")
        return below

    def resolve(self, path: str) -> str | None:
        """Return where `path` really lies, links to directories followed inside of the tree; None where nowhere.

        The last component is not followed.
        """
        return path if path in self.entries else self._walk(path, to_end=False)

    def follow(self, path: str) -> str | None:
        """Return what `path` leads to in the tree, its last component followed too; None where it leads nowhere."""
        return self._walk(path, to_end=True)

    def leads_out(self, path: str) -> bool:
        """Whether the link at `path` names something outside of the tree."""
        target = self.entries[path].target or ""
        if os.path.isabs(target):
            return not target.startswith(f"{self.root}/")
        return os.path.normpath(os.path.join(os.path.dirname(path), target)).split("/", 1)[0] == ".."

    def _walk(self, path: str, *, to_end: bool) -> str | None:
        where: list[str] = []
        pending = path.split("/")[::-1]
        followed = 0
        while pending:
            component = pending.pop()
            if component in ("", "."):
                continue
            if component == "..":
                if not where:
                    return None
                where.pop()
                continue
            where.append(component)
            entry = self.entries.get("/".join(where))
            if entry is None:
                return None
            if entry.target is None or not (pending or to_end):
                continue
            followed += 1
            target = entry.target
            where.pop()
            if os.path.isabs(target):
                if not target.startswith(f"{self.root}/"):
                    return None
                where, target = [], target[len(self.root) + 1 :]
            if followed > _MOST_FOLLOWED:
                return None
            pending += target.split("/")[::-1]
        return "/".join(where)


def read_regular(path: str | Path) -> bytes:
    """Return the bytes of a regular file of metadata.

    Raises OSError, also for a link or a pipe, which is not waited for, and for a file that is larger than any.
    """
    with os.fdopen(_open_regular(path), "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(errno.EFBIG, f"more than {_LARGEST} bytes", str(path))
    return content


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a regular file, hexadecimal; raises as `read_regular` does."""
    digest = hashlib.sha256()
    with os.fdopen(_open_regular(path), "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _open_regular(path: str | Path) -> int:
    descriptor = os.open(path, _OPEN)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotRegular(0, "is no regular file", str(path))


def _kind(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "link"
    return "directory" if stat.S_ISDIR(mode) else "other"
