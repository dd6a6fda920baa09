"""The audit of the own cache: every artifact in it, every byte, and what to do about a rotten one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts.cache import ArtifactCache
from envmgr.artifacts.manifest import Artifact, Manifest, read_manifest
from envmgr.lock.model import CondaPackage
from envmgr.reporting import Progress, Reporter

_AT_ONCE = 2  # artifacts; the files of each are hashed in several threads already


class Rotten(NamedTuple):
    """A cached artifact that is not what was published: its key, where it is, and what is wrong, a sentence each.

    `package` is its name, version and build.
    """

    key: str
    directory: Path
    package: str
    reasons: tuple[str, ...]


class Audit(NamedTuple):
    """How many artifacts were looked at, their bytes, and those that are not as they should be; and how many wheels
    of the pip half, where those were looked at too."""

    artifacts: int
    bytes: int
    rotten: tuple[Rotten, ...]
    wheels: int = 0


def audit(cache: ArtifactCache, reporter: Reporter) -> Audit:
    """Compare every artifact of the own cache with its listing.

    Raises StoreError where the cache cannot be read, or where a newer envmgr wrote to it.
    """
    entries = tuple(cache.entries())
    total = sum(size for _, size, _ in entries)
    with (
        reporter.start("check", f"{len(entries)} cached packages", total=total, unit="bytes") as progress,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        found = pool.map(lambda entry: _check(cache, entry, progress), entries)
        rotten = tuple(each for each in found if each is not None)
    return Audit(len(entries), total, rotten)


def package_of(manifest: Manifest) -> CondaPackage:
    """Return what a manifest says of the package that it describes; where it came from is not known."""
    return CondaPackage(
        name=manifest.name,
        version=manifest.version,
        build=manifest.build,
        build_number=0,
        subdir=manifest.subdir,
        channel="",
        url="",
        filename="",
        sha256=manifest.sha256,
        md5=manifest.md5 or None,
        noarch=manifest.noarch,
    )


def _check(cache: ArtifactCache, entry: tuple[str, int, Path], progress: Progress) -> Rotten | None:
    key, size, directory = entry
    try:
        manifest = read_manifest(cache.directory / f"{key}.json")
        if manifest is None or manifest.sha256 != key[-64:]:
            reasons: tuple[str, ...] = ("has no manifest that can be read, or one of another artifact",)
            name = key[:-65]
        else:
            artifact = Artifact(package_of(manifest), directory, manifest)
            reasons, name = cache.verify(artifact), artifact.package.dist_name
    except OSError as error:
        reasons, name = (f"its manifest cannot be read: {error.strerror}",), key[:-65]
    finally:
        progress.advance(size)
    # Removed by another process meanwhile: nothing is wrong with that.
    return Rotten(key, directory, name, reasons) if reasons and directory.is_dir() else None
