"""Whether a cached artifact is still what was published: every byte, against its own listing."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from envmgr.artifacts.contents import ListedPath, read_listing
from envmgr.artifacts.distrust import inspect
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.trees import Tree
from envmgr.errors import CorruptPackage


def problems(artifact: Artifact) -> tuple[str, ...]:
    """Return what is wrong with a cached artifact, one sentence each, sorted; nothing when it is sound.

    Compared are structure, sizes and, where info/paths.json has them, the sha256 of every file.
    """
    directory = artifact.directory
    try:
        manifest = inspect(directory, artifact.package, sha256=artifact.manifest.sha256, md5=artifact.manifest.md5)
        listing = read_listing(directory, Tree.read(directory))
    except CorruptPackage as error:
        return tuple(line.strip() for line in error.message.splitlines()[1:])
    except OSError as error:
        return (f"{error.filename or directory}: {error.strerror}",)
    found = [] if manifest == artifact.manifest else ["its manifest does not describe it any more"]
    with ThreadPoolExecutor() as pool:
        found += [problem for problem in pool.map(lambda entry: _problem(directory, entry), listing) if problem]
    return tuple(sorted(found))


def _problem(directory: Path, entry: ListedPath) -> str | None:
    if entry.kind != "hardlink" or entry.sha256 is None:
        return None
    digest = hashlib.sha256()
    try:
        with (directory / entry.path).open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        return f"`{entry.path}` cannot be read: {error.strerror}"
    if digest.hexdigest() != entry.sha256.lower():
        return f"`{entry.path}` has sha256 {digest.hexdigest()}, expected {entry.sha256}"
    return None
