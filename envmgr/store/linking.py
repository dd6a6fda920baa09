"""The conda half of a staged tree: rattler links the cached artifacts, every embedded path naming the final prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rattler import Subdir, install
from rattler.exceptions import InstallerError, IoError, LinkError, TransactionError
from rattler.install import InstallerReporter
from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode

from envmgr.artifacts import trees
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.artifacts.view import view
from envmgr.channels.model import Channel
from envmgr.errors import CorruptPackage, PackageError, StoreError
from envmgr.lock.model import Lock
from envmgr.reporting import Progress, Reporter
from envmgr.solve.records import record_of_package
from envmgr.store import commands
from envmgr.store.checks import Clobber
from envmgr.store.faults import translated_text
from envmgr.store.journal import stand_ins_of
from envmgr.store.layout import Location
from envmgr.store.placement import Placement

_RATTLER_ERRORS = (InstallerError, LinkError, TransactionError, IoError)


class Linking(NamedTuple):
    """What is to be linked, and where it comes from when the cache turns out to be damaged."""

    location: Location
    lock: Lock
    channels: Sequence[Channel]
    cache: ArtifactCache
    run_scripts: bool = False


class Damaged(Exception):
    """The cached copies of these packages cannot be linked."""

    def __init__(self, names: Sequence[str], reason: str) -> None:
        super().__init__(reason)
        self.names = frozenset(names)


def link(linking: Linking, artifacts: Sequence[Artifact], tree: Path, reporter: Reporter) -> tuple[Clobber, ...]:
    """Link the artifacts into the new directory `tree`, and return the commands of which only one could stay.

    Raises Damaged when some have to be fetched again, PackageError for a link script that fails, NoSpace,
    ReadOnlyStore and other kinds of StoreError.
    """
    with reporter.start("link", f"{len(artifacts)} packages", total=len(artifacts), unit="packages") as progress:
        listener = _Listener(progress)  # type: ignore[abstract] # its no-op defaults look abstract
        omitted = commands.omissions(artifacts, Placement.of(linking.lock.conda, linking.lock.platform))
        stand_ins = stand_ins_of(tree)
        try:
            with view(commands.without(omitted, artifacts, stand_ins)) as directory:
                asyncio.run(_install(linking, directory, tree, listener))
        except CorruptPackage as error:
            raise Damaged(error.details.get("packages", ()), error.message) from error
        except _RATTLER_ERRORS as error:
            raise _translated(error, linking, artifacts) from error
        finally:
            trees.remove(stand_ins)
    # Written by rattler so that backups leave the tree out, which is not for us to decide: people keep files there.
    (tree / "CACHEDIR.TAG").unlink(missing_ok=True)
    if listener.failed:
        raise PackageError(
            f"the post-link script of {', '.join(sorted(listener.failed))} failed; nothing was changed",
            hint="leave link scripts out with: ENVMGR_LINK_SCRIPTS=deny",
        )
    return tuple(omission.clobber for omission in omitted)


def fetch(linking: Linking, reporter: Reporter) -> tuple[Artifact, ...]:
    """Return the artifacts of the lock's conda half, downloaded where they are not cached; raises as the cache does."""
    return linking.cache.fetch(linking.lock.conda, channels=linking.channels, reporter=reporter)


def fetch_again(
    linking: Linking, artifacts: Sequence[Artifact], damaged: Damaged, reporter: Reporter
) -> tuple[Artifact, ...]:
    """Set the damaged artifacts aside and return all of them anew; raises as the cache does."""
    for artifact in artifacts:
        if artifact.package.dist_name in damaged.names:
            linking.cache.discard(artifact)
    return fetch(linking, reporter)


async def _install(linking: Linking, directory: Path, tree: Path, listener: InstallerReporter) -> None:
    # What is missing from the cache fails to link, which is found then; to look first would cost a stat a file.
    layer = PackageCacheLayer(directory).with_validation_mode(ValidationMode.skip())
    await install(
        [record_of_package(package) for package in linking.lock.conda],
        tree,
        package_cache=PackageCache.from_layers([layer]),
        alternative_target_prefix=linking.location.prefix,
        installed_packages=[],
        execute_link_scripts=linking.run_scripts,
        platform=Subdir(linking.lock.platform),
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


def _translated(error: Exception, linking: Linking, artifacts: Sequence[Artifact]) -> Exception:
    text = str(error)
    known = translated_text(text, linking.location, "linking")
    if known is not None:
        return known
    names = [
        artifact.package.dist_name
        for artifact in artifacts
        if artifact.package.dist_name in text or str(artifact.directory) in text
    ]
    return Damaged(names, text) if names else StoreError(f"linking {linking.location.label}: {text}")
