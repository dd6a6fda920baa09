"""A view: cached artifacts under the names that rattler's own package cache expects, in a private directory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.trees import remove
from envmgr.errors import CorruptPackage, EnvmgrError, StoreError
from envmgr.leases import process_tag, tag_is_dead

_PREFIX = "envmgr-view-"
_IN_MEMORY = "/dev/shm"  # noqa: S108 mkdtemp in it is private; on a busy disk, the links of 137 packages took as long as half of the linking itself


@contextlib.contextmanager
def view(artifacts: Iterable[Artifact]) -> Iterator[Path]:
    """Yield a new directory of symbolic links `name-version-build` to the artifacts, and remove it afterwards.

    rattler takes its locks and writes its metadata beside the links, so nothing of that reaches the cache or a
    network file system. Raises StoreError when the directory cannot be made, and CorruptPackage, with the names in
    `details["packages"]`, when installing failed because artifacts are damaged in the cache, or succeeded only
    because rattler replaced some by copies of its own that nobody checked: what was installed must then be thrown
    away, the artifacts discarded and fetched again.
    """
    try:
        directory = _make()
    except OSError as error:
        raise StoreError(f"no temporary directory can be made in {tempfile.gettempdir()}: {error.strerror}") from error
    try:
        links = {}
        for artifact in artifacts:
            package = artifact.package
            link = directory / f"{package.name.lower()}-{package.version}-{package.build}"
            os.symlink(artifact.directory, link, target_is_directory=True)
            links[link] = artifact
    except OSError as error:
        _remove(directory)
        raise StoreError(f"{error.filename2 or directory} cannot be made: {error.strerror}") from error
    try:
        try:
            yield directory
        except EnvmgrError:
            raise
        except Exception as error:
            damaged = [artifact for artifact in links.values() if not artifact.is_complete]
            if damaged:
                raise _damage(damaged) from error
            raise
        replaced = [artifact for link, artifact in links.items() if not link.is_symlink()]
        if replaced:
            raise _damage(replaced)
    finally:
        _remove(directory)


def sweep_views() -> int:
    """Remove the views of this user that killed processes left, and return how many there were."""
    removed = 0
    for directory in dict.fromkeys((_IN_MEMORY, tempfile.gettempdir())):
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(_PREFIX) and tag_is_dead(entry.name[len(_PREFIX) :].rpartition("-")[0]):
                    with contextlib.suppress(OSError):
                        if not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid():
                            remove(Path(entry.path))
                            removed += 1
    return removed


def _make() -> Path:
    prefix = f"{_PREFIX}{process_tag()}-"
    if os.path.isdir(_IN_MEMORY):
        with contextlib.suppress(OSError):  # full, or not for this user
            return Path(tempfile.mkdtemp(prefix=prefix, dir=_IN_MEMORY))
    return Path(tempfile.mkdtemp(prefix=prefix))


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):  # what stays is found by the next sweep
        remove(directory)


def _damage(artifacts: list[Artifact]) -> CorruptPackage:
    names = sorted(artifact.package.dist_name for artifact in artifacts)
    return CorruptPackage(
        f"damaged in the cache: {', '.join(names)}",
        hint="the same command again fetches them anew",
        details={"packages": names},
    )
