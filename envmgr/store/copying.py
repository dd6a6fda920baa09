"""One file of a person's, brought from one tree to another: reflinked where the file system can, else copied.

Never hardlinked: an edit of the one must not reach the other. Mode, times to the nanosecond, extended attributes,
owner (where that is allowed) and holes stay; a link stays the link that it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from envmgr.processes import process_tag

_FICLONE = 0x40049409  # linux/fs.h
_BLOCK = 1 << 20
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)

_READ_AND_WRITE = os.O_RDWR | getattr(os, "O_CLOEXEC", 0)


def copy(source: str, target: str) -> None:
    """Make `target`, which must not exist, what `source` is: a regular file or a symbolic link.

    A file that changes meanwhile has the times it had before, so that it shows as older. Raises OSError.
    """
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        keep_attributes(source, target, os.lstat(source))
        return
    with _opened(source, _OPEN) as reading:
        status = os.fstat(reading)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", source)
        with _opened(target, _CREATE) as writing:
            if not reflink(reading, writing):
                copy_contents(reading, writing, status.st_size)
    keep_attributes(source, target, status)


def keep_attributes(source: str, target: str, status: os.stat_result) -> None:
    """Give `target` the owner, mode, extended attributes and times that `source` had when it had `status`.

    What this user or this file system may not have (another owner, some attributes) is left out.
    """
    is_link = stat.S_ISLNK(status.st_mode)
    if hasattr(os, "lchown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(OSError):
            os.lchown(target, status.st_uid, status.st_gid)
    if hasattr(os, "listxattr"):
        _keep_extended_attributes(source, target)
    if not is_link:
        os.chmod(target, stat.S_IMODE(status.st_mode))
    with contextlib.suppress(NotImplementedError):
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=not is_link)


def can_reflink(directory: Path) -> bool:
    """Whether files of this file system can share their blocks, found by trying; raises OSError."""
    if not sys.platform.startswith("linux"):
        return False
    with _nameless(directory) as one, _nameless(directory) as other:
        os.write(one, b"\0" * 4096)
        return reflink(one, other)


@contextlib.contextmanager
def _nameless(directory: Path) -> Iterator[int]:
    """Open a new file that is gone when it is closed, also where this process is killed; raises OSError."""
    try:
        descriptor = os.open(directory, getattr(os, "O_TMPFILE", os.O_EXCL) | _READ_AND_WRITE, 0o600)
    except OSError:  # this system or file system has no files without a name: one like a journal's, which is removed
        path = directory / f".{process_tag()}.{os.urandom(4).hex()}.json.new"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | _READ_AND_WRITE, 0o600)
        path.unlink()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def reflink(reading: int, writing: int) -> bool:
    """Let a new file share the blocks of another one; False where that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl  # not on every platform

    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError:
        return False
    return True


def copy_contents(reading: int, writing: int, size: int) -> None:
    """Copy what is not a hole of `size` bytes, and give the file its size; raises OSError."""
    for start, end in _extents(reading, size):
        os.lseek(reading, start, os.SEEK_SET)
        os.lseek(writing, start, os.SEEK_SET)
        left = end - start
        while left > 0:
            block = os.read(reading, min(_BLOCK, left))
            if not block:
                break
            left -= len(block)
            view = memoryview(block)
            while view:
                view = view[os.write(writing, view) :]
    os.ftruncate(writing, max(size, os.fstat(writing).st_size))


def _extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what is data; the whole file where the system knows no holes."""
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
        except (OSError, AttributeError) as error:
            if getattr(error, "errno", None) != errno.ENXIO:  # ENXIO: from here on there is no data
                yield position, size
            return
        yield start, end
        position = end


def _keep_extended_attributes(source: str, target: str) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        names = os.listxattr(source, follow_symlinks=False)
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)


@contextlib.contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
