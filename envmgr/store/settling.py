"""Settling: a generation is born before its files are known to be on the disk, and nobody waits for that.

A detached process runs `syncfs` after the commit and leaves a marker; it also removes the trees that were pruned, for
which nobody waits either. A generation without the marker that was
written in another boot of the machine may have lost files.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envmgr.artifacts import trees
from envmgr.errors import StoreError
from envmgr.lock.model import Lock
from envmgr.store import generations, journal, layout, metadata, ownership, sync_process
from envmgr.store.journal import Journal
from envmgr.store.layout import Location
from envmgr.store.metadata import read_lock

_ROOT = str(Path(__file__).resolve().parents[2])  # of the package, for a process without site-packages
_NAMED = 5  # missing files in one message


def settle_later(prefix: Path, left: Sequence[Journal] = ()) -> None:
    """Settle the generation at `prefix` and remove the trees of the journals `left`, in a process of its own session.

    That outlives this one, and holds the journals until it is through. Where there can be none, the trees are removed
    now. Raises OSError where they cannot be.
    """
    held = [descriptor for entry in left if (descriptor := _held(entry)) is not None]
    try:
        for descriptor in held:
            os.set_inheritable(descriptor, True)
        arguments = [str(prefix / generations.SETTLED), _ROOT]
        if len(held) == len(left) and _started([*arguments, *(str(entry.path) for entry in left)]):
            return
    finally:
        for descriptor in held:
            os.close(descriptor)
    for entry in left:
        trees.remove(entry.tree)
        entry.remove()


def _held(entry: Journal) -> int | None:
    try:
        return journal.take(entry.path)
    except OSError:
        return None


def _started(arguments: Sequence[str]) -> bool:
    try:
        os.posix_spawn(
            sys.executable,
            # -I -S: neither the user's variables nor site-packages are needed to sync a file system.
            [sys.executable, "-I", "-S", sync_process.__file__, *arguments],
            {},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
    except (OSError, NotImplementedError, AttributeError):
        return False
    return True


def require_whole(location: Location) -> None:
    """Raise StoreError when the machine restarted before the environment reached the disk and files are missing.

    An environment that turns out to be whole is settled. Costs a file's existence when there is nothing to do.
    """
    generation = generations.current(location.prefix)
    if generation is None or not generations.is_suspect(location.prefix, generation):
        return
    missing = missing_files(location.prefix)
    if missing:
        shown = ", ".join(missing[:_NAMED])
        raise StoreError(
            f"{location.label} lost {len(missing)} files when the machine stopped before they were on the disk: "
            f"{shown}",
            hint=f"make it anew from its file: envmgr create {location.arguments} -f environment.yml",
            details={"prefix": str(location.prefix), "missing": list(missing)},
        )
    with contextlib.suppress(OSError):  # somebody else's environment: its owner settles it
        sync_process.settle(str(location.prefix / generations.SETTLED))


def missing_files(prefix: Path) -> tuple[str, ...]:
    """Return the files of both halves that are absent, or empty against their record; relative paths, sorted.

    What should be there is what the lock and the prefix records say; a lock that was lost is itself such a file.
    """
    lock = read_lock(prefix)
    missing = [] if lock is not None else [layout.LOCK_FILE]
    expected = {package.dist_name for package in lock.conda} if lock is not None else set()
    for name in expected | metadata.record_names(prefix):
        try:
            sizes = _sizes(prefix / "conda-meta" / f"{name}.json")
        except (OSError, ValueError, KeyError, TypeError):
            missing.append(f"conda-meta/{name}.json")
            continue
        missing += [file for file, size in sizes.items() if _is_lost(prefix / file, size)]
    if lock is not None and lock.pip:
        missing += _missing_of_pip(prefix, lock)
    return tuple(sorted(set(missing)))


def _missing_of_pip(prefix: Path, lock: Lock) -> Iterator[str]:
    """Yield what is absent of the distributions that are locked; those of others are not ours to miss."""
    locked = {package.name: package for package in lock.pip}
    for distribution in ownership.distributions(prefix):
        name = ownership.normalised(distribution.name)
        package = locked.get(name)
        if package is None:
            continue
        # A directory may have got another version since it was locked
        if not package.is_local and not ownership.is_same_version(distribution.version, package.version):
            continue
        del locked[name]
        if not distribution.files:
            yield f"{distribution.dist_info}/RECORD"
        yield from (file for file in distribution.files if not file.endswith(".pyc") and _is_lost(prefix / file, 0))
    yield from (f"{package.name}-{package.version}.dist-info" for package in locked.values())


def _is_lost(path: Path, size: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return True
    # A file whose blocks were never written has no length; a patched one has another length than recorded.
    return status.st_size == 0 and size > 0


def _sizes(path: Path) -> dict[str, int]:
    document: Any = json.loads(path.read_bytes())
    return {entry["_path"]: entry.get("size_in_bytes") or 0 for entry in document["paths_data"]["paths"]}
