"""A conda half by itself, for the time that something is built by its python: below the cache, and gone afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from envmgr.artifacts import trees
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.channels.model import Channel
from envmgr.errors import StoreError
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir
from envmgr.processes import process_tag, tag_is_dead
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import layout, linking
from envmgr.store.linking import Damaged, Linking

_DIRECTORY = "build-environments"


class BuildEnvironment:
    """Gives the python of some artifacts, linked when it is first asked for, until `remove`."""

    def __init__(
        self,
        artifacts: Sequence[Artifact],
        channels: Sequence[Channel],
        cache: ArtifactCache,
        settings: Settings,
        reporter: Reporter,
    ) -> None:
        self._artifacts, self._channels, self._cache = artifacts, channels, cache
        self._settings, self._reporter = settings, reporter
        self._tree: Path | None = None

    def python(self) -> Path:
        """Return the interpreter; raises PackageError, StoreError and their kinds."""
        if self._tree is None:
            parent = self._settings.cache / _DIRECTORY
            _sweep(parent)
            tree = parent / f"{process_tag()}.{secrets.token_hex(4)}"
            self._tree = tree
            lock = Lock(platform=current_subdir(), conda=tuple(artifact.package for artifact in self._artifacts))
            try:
                parent.mkdir(parents=True, exist_ok=True)
                linking.link(
                    Linking(layout.at_path(self._settings, tree), lock, self._channels, self._cache),
                    self._artifacts,
                    tree,
                    self._reporter,
                )
            except Damaged as damaged:
                raise StoreError(f"the python to build with cannot be linked: {damaged}") from damaged
            except OSError as error:
                raise StoreError(f"{error.filename or tree} cannot be written: {error.strerror}") from error
        return self._tree / ("python.exe" if os.name == "nt" else "bin/python")

    def remove(self) -> None:
        """Remove what was linked, if anything was."""
        if self._tree is not None:
            trees.remove(self._tree)


def _sweep(parent: Path) -> None:
    """Remove what killed processes left."""
    if parent.is_dir():
        for entry in parent.iterdir():
            if tag_is_dead(entry.name.rpartition(".")[0]):
                trees.remove(entry)
