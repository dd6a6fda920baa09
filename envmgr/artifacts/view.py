"""A view: cached artifacts under the names that rattler's own package cache expects, in a private directory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from envmgr.artifacts.cache import Artifact
from envmgr.artifacts.trees import remove
from envmgr.errors import CorruptPackage, StoreError


@contextlib.contextmanager
def view(artifacts: Iterable[Artifact]) -> Iterator[Path]:
    """Yield a new directory of symbolic links `name-version-build` to the artifacts, and remove it afterwards.

    rattler takes its locks and writes its metadata beside the links, so nothing of that reaches the cache or a
    network file system. Where rattler found an entry rotten, it replaced the link by a copy of its own that nobody
    checked: CorruptPackage names the artifacts then, and what was installed from the view must be thrown away.
    Raises StoreError when the directory cannot be made.
    """
    try:
        directory = Path(tempfile.mkdtemp(prefix="envmgr-view-"))
    except OSError as error:
        raise StoreError(f"no temporary directory can be made in {tempfile.gettempdir()}: {error.strerror}") from error
    try:
        links = {}
        for artifact in artifacts:
            package = artifact.package
            link = directory / f"{package.name.lower()}-{package.version}-{package.build}"
            os.symlink(artifact.directory, link, target_is_directory=True)
            links[link] = artifact
        yield directory
        replaced = [artifact for link, artifact in links.items() if not link.is_symlink()]
        if replaced:
            raise CorruptPackage(
                f"damaged in the cache: {', '.join(sorted(artifact.package.dist_name for artifact in replaced))}",
                details={"packages": sorted(artifact.package.dist_name for artifact in replaced)},
            )
    finally:
        with contextlib.suppress(OSError):
            remove(directory)
