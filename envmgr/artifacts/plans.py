"""The link plans kept beside the artifacts of a cache: `KEY.plan`, and `KEY.TAG.plan` for a place of noarch python."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from envmgr.artifacts import plan
from envmgr.artifacts.contents import Faulty, ListedPath, read_listing
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.plan import Placed, Plan
from envmgr.artifacts.trees import Tree
from envmgr.errors import CorruptPackage
from envmgr.leases import process_tag

_NAME = re.compile(r"(?P<key>.+-[0-9a-f]{64})(?:\.[0-9a-f]{16})?\.plan")


def key_of_file(name: str) -> str | None:
    """Return the key of the artifact whose plan a file of this name is; None for any other file."""
    match = _NAME.fullmatch(name)
    return match["key"] if match else None


def find(artifact: Artifact, own: Path, placed: Placed | None) -> Plan | None:
    """Return the plan of a cached artifact, made and kept in the `own` cache where there is none yet.

    `placed` counts for noarch python alone. None for what has to be linked by rattler. Raises CorruptPackage, with the
    name in `details["packages"]`, or OSError where the artifact is damaged.
    """
    placed = placed if artifact.manifest.noarch == "python" else None
    name = _name(artifact.directory.name, placed)
    for directory in dict.fromkeys((artifact.directory.parent, own)):
        with contextlib.suppress(OSError), open(f"{directory}/{name}", "rb") as file:
            found = plan.loads(file.read(), placed)
            if found is not None:
                return found
    made = plan.make(str(artifact.directory), listing(artifact), artifact.manifest.entry_points, placed)
    if made is not None:
        _keep(own / name, plan.dumps(made, placed))
    return made


def listing(artifact: Artifact) -> Sequence[ListedPath]:
    """Return what a cached artifact says it installs; raises CorruptPackage where that is not what was checked."""
    info = artifact.directory / "info"
    try:
        try:
            size = os.stat(info / "paths.json").st_size
            tree = Tree({"info/paths.json": size}, {}, set(), [], [])
        except FileNotFoundError:
            tree = Tree.read(artifact.directory)
        found = read_listing(artifact.directory, tree)
    except (Faulty, OSError) as error:
        raise _damaged(artifact) from error
    paths = sorted(entry.path for entry in found if entry.kind != "directory")
    placeholders = sorted(entry.path for entry in found if entry.placeholder)
    if (tuple(paths), tuple(placeholders)) != (artifact.manifest.paths, artifact.manifest.placeholders):
        raise _damaged(artifact)
    return found


def write_beside(directory: Path, entries: Sequence[ListedPath]) -> None:
    """Write the plan of an artifact, not noarch python, that was just unpacked into `directory`; raises OSError."""
    made = plan.make(str(directory), entries)
    if made is not None:
        beside(directory).write_bytes(plan.dumps(made))


def beside(directory: Path) -> Path:
    """Return where the plan of the artifact in a directory is kept."""
    return directory.with_name(_name(directory.name, None))


def _keep(path: Path, content: bytes) -> None:
    """Write a file as a whole, or not at all: where it cannot be, the next one makes the plan again."""
    scratch = path.with_name(f".tmp-{process_tag()}-{os.urandom(6).hex()}")
    with contextlib.suppress(OSError):
        try:
            scratch.write_bytes(content)
            os.replace(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)


def _damaged(artifact: Artifact) -> CorruptPackage:
    name = artifact.package.dist_name
    return CorruptPackage(
        f"damaged in the cache: {name}",
        hint="the same command again fetches it anew",
        details={"packages": [name]},
    )


def _name(key: str, placed: Placed | None) -> str:
    if placed is None:
        return f"{key}.plan"
    tag = hashlib.sha256("\0".join(placed).encode()).hexdigest()[:16]
    return f"{key}.{tag}.plan"
