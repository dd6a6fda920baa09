"""Artifacts linked into a new tree by their plans: how the conda half comes about where Linux can hard link it.

The tree is this process's own and empty at first. All directories are made before any link, and nothing is ever
replaced, so nothing is written through what a package brought.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.plan import Group, Made, Placed
from envmgr.errors import PrefixError
from envmgr.lock.model import Lock
from envmgr.store import copying, pieces, prefix_record, rewriting, sharing_out
from envmgr.store.commands import Omission
from envmgr.store.pieces import Piece, Unfit
from envmgr.store.placement import Placement

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_DIRECTORY = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW | _CLOEXEC
_READ = os.O_RDONLY | _NOFOLLOW | _CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOEXEC
# As many links as the file system allows; somebody else's file (fs.protected_hardlinks); another mount; no links at all
_COPIED_INSTEAD = frozenset({errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS})
_SCRIPT_MODE = 0o775
_FEW = 50  # directories that say nothing about a file system yet


def is_fit(lock: Lock, artifacts: Sequence[Artifact], directory: Path) -> bool:
    """Whether trees in `directory` can be linked here: for this system, from the same file system, by hard links.

    Where files can share their blocks, rattler lets them, so that an edit of one stays in its environment. Raises
    OSError.
    """
    if sys.platform != "linux" or not lock.platform.startswith("linux-"):
        return False
    device = os.stat(directory).st_dev
    layers = {artifact.directory.parent for artifact in artifacts}
    return all(os.stat(layer).st_dev == device for layer in layers) and not copying.can_reflink(directory)


def link(
    lock: Lock,
    artifacts: Sequence[Artifact],
    omitted: Sequence[Omission],
    tree: Path,
    *,
    prefix: Path,
    own: Path,
    advance: Callable[[], None],
) -> None:
    """Link the artifacts, less what is `omitted`, into the new directory `tree` that will be at `prefix`.

    `own` is the directory of artifacts where new plans are kept; `advance` is called after each package. Raises Unfit,
    PrefixError for a prefix that does not fit into a file, ChannelError for a lock entry that is no record, and
    CorruptPackage with the names in its details or OSError for a damaged artifact and all else.
    """
    python = next((package for package in lock.conda if package.name == "python"), None)
    placed = None if python is None else Placed(*Placement.of(lock.conda, lock.platform))
    decided = pieces.decide(lock, artifacts, omitted, own, placed)
    directories = set[str]().union(*(piece.plan.directories for piece in decided))
    interpreter = "" if python is None else f"bin/python{'.'.join(python.version.split('.')[:2])}"
    linker = _Linker(prefix, interpreter)
    os.makedirs(tree / "conda-meta")
    try:
        with _opened(os.fspath(tree), _DIRECTORY) as root:
            waits = _make_directories(sorted(directories), root)
            weights = [len(piece.artifact.manifest.paths) for piece in decided]
            sharing_out.each(lambda piece: linker.link(piece, root), decided, weights, waits=waits, advance=advance)
    except FileExistsError as error:  # to this file system, two names are the same
        raise Unfit from error


class _Linker:
    """What all packages have in common: where they will be, and their Python."""

    def __init__(self, prefix: Path, interpreter: str) -> None:
        try:
            self._prefix = os.fspath(prefix).encode()
        except UnicodeEncodeError as error:
            raise Unfit from error
        self._interpreter = interpreter

    def link(self, piece: Piece, root: int) -> None:
        """Make all that one artifact brings, and its record, in the directory `root`."""
        artifact, plan = piece
        with _opened(os.fspath(artifact.directory), _DIRECTORY) as source:
            for group in plan.groups:
                _link_group(group, source, root)
            record = self._made(piece, source, root)
        content = prefix_record.write(artifact.package, artifact.directory, record, is_linked=True)
        _write(f"conda-meta/{artifact.package.dist_name}.json", content, root)

    def _made(self, piece: Piece, source: int, root: int) -> list[bytes]:
        """Make what no hard link makes, and return the text of the record, complete."""
        plan = piece.plan
        if not plan.made:
            return list(plan.record)
        moment = _moment(source)
        gaps = []
        for each in plan.made:
            if each.how == "softlink":
                _copy_link(each, source, root)
            elif each.how == "copy":
                _copy(each.source, each.target, source, root)
            elif each.how == "script":
                content = rewriting.script(self._prefix.decode(), self._interpreter, each.what)
                _write(each.target, content, root, mode=_SCRIPT_MODE)
                gaps.append(
                    f'"sha256": "{hashlib.sha256(content).hexdigest()}",\n        "size_in_bytes": {len(content)}'
                )
            else:
                content, mode = self._rewritten(piece, each, source)
                _write(each.target, content, root, mode=mode, moment=moment)
                gaps.append(_in_prefix(content, each.sha256))
        texts = [plan.record[0]]
        for gap, text in zip(gaps, plan.record[1:], strict=True):
            texts += [gap.encode(), text]
        return texts

    def _rewritten(self, piece: Piece, made: Made, source: int) -> tuple[bytes, int]:
        """Return the contents of a file that names the prefix, and its mode."""
        with open(_open(made.source, _READ, source), "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
        placeholder = made.what.encode()
        if made.how == "text":
            return rewriting.in_text(content, placeholder, self._prefix), mode
        try:
            return rewriting.in_binary(content, placeholder, self._prefix), mode
        except rewriting.TooLong as error:
            raise PrefixError(
                f"{self._prefix.decode()} has {error.prefix} bytes, and {made.target} of {piece.artifact.package.name} "
                f"has room for a prefix of {error.most}",
                hint="choose a shorter path for the environment",
            ) from error


def _make_directories(directories: Sequence[str], root: int) -> bool:
    """Make directories, and return whether that was waiting for the file system rather than work."""
    start, worked = time.perf_counter(), time.thread_time()
    for directory in directories:
        os.mkdir(directory, dir_fd=root)
    waited = time.perf_counter() - start - (time.thread_time() - worked)
    return waited > sharing_out.WAITING * max(len(directories), _FEW)


def _link_group(group: Group, source: int, root: int) -> None:
    # Opened and closed by hand: a context manager costs as much as a link, and half of the groups have few
    here = _open(group.source or ".", _DIRECTORY, source)
    try:
        there = _open(group.target or ".", _DIRECTORY, root)
        try:
            _link_names(group, here, there)
        finally:
            os.close(there)
    finally:
        os.close(here)


def _link_names(group: Group, here: int, there: int) -> None:
    link = os.link
    for name in group.names:
        try:
            link(name, name, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _COPIED_INSTEAD:
                error.filename, error.filename2 = f"{group.source}/{name}", f"{group.target}/{name}"
                raise
            _copy(name, name, here, there)


def _copy_link(made: Made, source: int, root: int) -> None:
    os.symlink(os.readlink(made.source, dir_fd=source), made.target, dir_fd=root)
    moment = os.stat(made.source, dir_fd=source, follow_symlinks=False).st_mtime_ns
    os.utime(made.target, ns=(moment, moment), dir_fd=root, follow_symlinks=False)


def _copy(name: str, target: str, source: int, root: int) -> None:
    """Copy a file with its mode and its time."""
    with _opened(name, _READ, source) as reading, _opened(target, _CREATE, root) as writing:
        status = os.fstat(reading)
        if not copying.reflink(reading, writing):
            copying.copy_contents(reading, writing, status.st_size)
        os.fchmod(writing, stat.S_IMODE(status.st_mode))
        os.utime(writing, ns=(status.st_mtime_ns, status.st_mtime_ns))


def _write(target: str, content: bytes, root: int, *, mode: int | None = None, moment: int | None = None) -> None:
    """Write a new file with this mode (None: as the umask says) and time in nanoseconds (None: now)."""
    with open(_open(target, _CREATE, root, 0o666), "wb", buffering=0) as file:
        view = memoryview(content)
        while view:
            view = view[file.write(view) :]
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        if moment is not None:
            os.utime(file.fileno(), ns=(moment, moment))


def _moment(source: int) -> int:
    """Return the time for files that are rewritten, in nanoseconds: a second later than all of the artifact."""
    try:
        return os.stat("info/about.json", dir_fd=source, follow_symlinks=False).st_mtime_ns + 10**9
    except OSError:
        return time.time_ns()


def _in_prefix(content: bytes, original: str | None) -> str:
    """Return the part of a record that says what became of a file with the hash `original`."""
    found = hashlib.sha256(content).hexdigest()
    is_same = original is not None and found == original.lower()
    differs = "" if is_same else f'"sha256_in_prefix": "{found}",\n        '
    return f'{differs}"size_in_bytes": {len(content)}'


def _open(name: str, flags: int, directory: int | None, mode: int = 0o600) -> int:
    try:
        return os.open(name, flags, mode, dir_fd=directory)
    except OSError as error:
        error.filename = name
        raise


@contextmanager
def _opened(name: str, flags: int, directory: int | None = None) -> Iterator[int]:
    descriptor = _open(name, flags, directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
