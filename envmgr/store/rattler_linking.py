"""The conda half linked by rattler: where there is more to do than hard links: signatures, scripts, file clones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from rattler import Subdir, install
from rattler.exceptions import InstallerError, IoError, LinkError, TransactionError
from rattler.install import InstallerReporter
from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode

from envmgr.artifacts import trees
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.view import view
from envmgr.errors import CorruptPackage, PackageError
from envmgr.lock.model import Lock
from envmgr.reporting import Progress
from envmgr.solve.records import record_of_package
from envmgr.store import commands, metadata
from envmgr.store.commands import Omission
from envmgr.store.journal import stand_ins_of


class Refused(Exception):
    """What rattler says when it cannot link."""


def link(
    lock: Lock,
    artifacts: Sequence[Artifact],
    omitted: Sequence[Omission],
    tree: Path,
    *,
    prefix: Path,
    run_scripts: bool,
    progress: Progress,
) -> None:
    """Link the artifacts, less what is `omitted`, into the new directory `tree` that will be at `prefix`.

    Raises PackageError for a link script that fails, CorruptPackage with the names of damaged artifacts in its
    details, Refused, StoreError and OSError.
    """
    listener = _Listener(progress)  # type: ignore[abstract] # its no-op defaults look abstract
    stand_ins = stand_ins_of(tree)
    try:
        with view(commands.without(omitted, artifacts, stand_ins)) as directory:
            asyncio.run(_install(lock, prefix, directory, tree, run_scripts, listener))
    except (InstallerError, LinkError, TransactionError, IoError) as error:
        raise Refused(str(error)) from error
    finally:
        trees.remove(stand_ins)
    # Written by rattler so that backups leave the tree out, which is not for us to decide: people keep files there.
    (tree / "CACHEDIR.TAG").unlink(missing_ok=True)
    if listener.failed:
        raise PackageError(
            f"the post-link script of {', '.join(sorted(listener.failed))} failed; nothing was changed",
            hint="leave link scripts out with: ENVMGR_LINK_SCRIPTS=deny",
        )
    _check_links(artifacts)
    directories = {artifact.package.dist_name: artifact.directory for artifact in artifacts}
    metadata.complete_records(tree, lock.conda, directories)


def _check_links(artifacts: Sequence[Artifact]) -> None:
    """Raise CorruptPackage where links are missing from the cache: rattler leaves those out without a word."""
    damaged = sorted(
        artifact.package.dist_name
        for artifact in artifacts
        if not all(os.path.islink(artifact.directory / path) for path in artifact.manifest.links)
    )
    if damaged:
        raise CorruptPackage(f"damaged in the cache: {', '.join(damaged)}", details={"packages": damaged})


async def _install(
    lock: Lock, prefix: Path, directory: Path, tree: Path, run_scripts: bool, listener: InstallerReporter
) -> None:
    # What is missing from the cache fails to link, which is found then; to look first would cost a stat a file.
    layer = PackageCacheLayer(directory).with_validation_mode(ValidationMode.skip())
    await install(
        [record_of_package(package) for package in lock.conda],
        tree,
        package_cache=PackageCache.from_layers([layer]),
        alternative_target_prefix=prefix,
        installed_packages=[],
        execute_link_scripts=run_scripts,
        platform=Subdir(lock.platform),
        reporter=listener,
        show_progress=False,
    )


class _Listener(InstallerReporter):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._scripts: dict[int, str] = {}
        self.failed: list[str] = []

    def on_link_complete(self, index: int) -> None:
        self._progress.advance()

    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        self._scripts[len(self._scripts)] = package_name
        return len(self._scripts) - 1

    def on_post_link_complete(self, index: int, success: bool) -> None:
        if not success:
            self.failed.append(self._scripts[index])
