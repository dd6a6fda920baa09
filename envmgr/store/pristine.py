"""Whether a kept tree still is what its lock says, so that it can be an environment again without being built."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from envmgr.lock.model import Lock
from envmgr.store import frozen, generations, layout, metadata, ownership

_NAMED = 3  # files in one message


def fault(tree: Path, lock: Lock) -> str | None:
    """Return why the tree is not what `lock` says, None where it is as it was staged.

    Foreign, missing and later written files are found by names and times, without reading contents: what hides
    its change from both is for `verify` to find. Raises OSError where the tree cannot be read.
    """
    records = {package.dist_name for package in lock.conda}
    if metadata.record_names(tree) != records or not (tree / "conda-meta/history").is_file():
        return "its records of packages are not those of its lock"
    generation = generations.current(tree)
    if generation is None or generations.is_suspect(tree, generation):
        return "the machine stopped before it was on the disk"
    owned = {path for name in records for path in ownership.files_of_record(tree, name)}
    if lock.pip:
        installed = {ownership.normalised(each.name): each for each in ownership.distributions(tree, owned)}
        if not all(ownership.normalised(package.name) in installed for package in lock.pip):
            return "its pip half is not that of its lock"
        owned.update(path for package in lock.pip for path in installed[ownership.normalised(package.name)].files)
    return _difference(tree, owned)


def _difference(tree: Path, owned: set[str]) -> str | None:
    """Return what is foreign, missing, or written since generation.json was, which is the last of staging."""
    born = os.stat(tree / generations.FILE).st_mtime_ns
    root = str(tree)
    foreign, written = [], []
    pending = [""]
    while pending:
        relative = pending.pop()
        with os.scandir(os.path.join(root, relative)) as entries:
            for entry in entries:
                path = relative + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        pending.append(path + "/")
                elif path in owned:
                    owned.discard(path)
                    if entry.stat(follow_symlinks=False).st_mtime_ns > born and not ownership.is_derived(path):
                        written.append(path)
                elif path.startswith(layout.OWN_DIRECTORY) or ownership.is_ours(path):
                    if entry.stat(follow_symlinks=False).st_mtime_ns > born and not _is_mark(path):
                        written.append(path)
                else:
                    foreign.append(path)
    missing = [path for path in owned if not ownership.is_derived(path)]
    for paths, what in ((foreign, "files of no package are in it"), (missing, "missing"), (written, "changed since")):
        if paths:
            return f"{what}: {_shown(paths)}"
    return None


def _is_mark(path: str) -> bool:
    """Whether a file is derived, or a mark: that the tree is on the disk, that the environment is frozen."""
    return path in (generations.SETTLED, frozen.MARKER) or ownership.is_derived(path)


def _shown(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(sorted(paths)[:_NAMED]) + more
