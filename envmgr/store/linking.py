"""The conda half of a staged tree: the cached artifacts linked into it, every embedded path naming the final prefix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import trees
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.channels.model import Channel
from envmgr.errors import CorruptPackage, PrefixError, StoreError
from envmgr.lock.model import Lock
from envmgr.reporting import Progress, Reporter
from envmgr.store import commands, direct_linking
from envmgr.store.checks import Clobber
from envmgr.store.commands import Omission
from envmgr.store.faults import translated, translated_text
from envmgr.store.layout import Location
from envmgr.store.pieces import Unfit
from envmgr.store.placement import Placement

_TOO_LONG = "target prefix cannot be longer than the placeholder prefix"  # rattler's words


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

    Raises Damaged when some have to be fetched again, PackageError for a link script that fails, PrefixError for a
    prefix that is too long, NoSpace, ReadOnlyStore and other kinds of StoreError.
    """
    with reporter.start("link", f"{len(artifacts)} packages", total=len(artifacts), unit="packages") as progress:
        omitted = commands.omissions(artifacts, Placement.of(linking.lock.conda, linking.lock.platform))
        try:
            if not _link_directly(linking, artifacts, omitted, tree, progress):
                _link_by_rattler(linking, artifacts, omitted, tree, progress)
        except CorruptPackage as error:
            raise Damaged(error.details.get("packages", ()), error.message) from error
        except OSError as error:
            damaged = [artifact.package.dist_name for artifact in artifacts if not artifact.is_complete]
            if damaged:
                raise Damaged(damaged, f"{error.filename}: {error.strerror}") from error
            raise translated(error, linking.location, "linking") from error
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


def _link_directly(
    linking: Linking, artifacts: Sequence[Artifact], omitted: Sequence[Omission], tree: Path, progress: Progress
) -> bool:
    """Link the artifacts where that needs no rattler, and return whether it was done; without, there is no tree."""
    has_scripts = linking.run_scripts and any(artifact.manifest.link_scripts for artifact in artifacts)
    if has_scripts or not direct_linking.is_fit(linking.lock, artifacts, tree.parent):
        return False
    prefix, own = linking.location.prefix, linking.cache.directory
    try:
        direct_linking.link(linking.lock, artifacts, omitted, tree, prefix=prefix, own=own, advance=progress.advance)
    except Unfit:
        trees.remove(tree)
        return False
    return True


def _link_by_rattler(
    linking: Linking, artifacts: Sequence[Artifact], omitted: Sequence[Omission], tree: Path, progress: Progress
) -> None:
    from envmgr.store import rattler_linking  # start-up time: rattler, asyncio

    try:
        rattler_linking.link(
            linking.lock,
            artifacts,
            omitted,
            tree,
            prefix=linking.location.prefix,
            run_scripts=linking.run_scripts,
            progress=progress,
        )
    except rattler_linking.Refused as error:
        raise _translated(str(error), linking, artifacts) from error


def _translated(text: str, linking: Linking, artifacts: Sequence[Artifact]) -> Exception:
    known = translated_text(text, linking.location, "linking")
    if known is not None:
        return known
    if _TOO_LONG in text:
        return PrefixError(f"{text}: {linking.location.prefix}", hint="choose a shorter path for the environment")
    names = [
        artifact.package.dist_name
        for artifact in artifacts
        if artifact.package.dist_name in text or str(artifact.directory) in text
    ]
    return Damaged(names, text) if names else StoreError(f"linking {linking.location.label}: {text}")
