"""Artifacts that are not cached yet: downloaded, unpacked, checked and published, several at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from envmgr.artifacts import plans, trees
from envmgr.artifacts.cache import MAKE_ROOM, ArtifactCache, full
from envmgr.artifacts.download import download
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.turns import Turns
from envmgr.artifacts.unpackers import Unpacker, unpackers
from envmgr.channels.gateway import client
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, CorruptPackage, NoInodes, NoSpace
from envmgr.lock.model import CondaPackage
from envmgr.reporting import Progress, Reporter
from envmgr.settings import Settings
from envmgr.urls import path_of_file_url, redact

PARALLEL_DOWNLOADS = 8
_FEWEST_INODES = 6  # of an unpacked package: info, its index and paths, one file, their directories


def fetch(
    cache: ArtifactCache,
    packages: Sequence[CondaPackage],
    settings: Settings,
    channels: Sequence[Channel],
    reporter: Reporter,
) -> list[Artifact]:
    """Publish `packages` in the own cache, and return them in order; raises as `cache.fetch` does, and OSError."""
    _preflight(cache.directory, packages, settings)
    return asyncio.run(_Fetching(cache, settings, channels, reporter).run(packages))


class _Fetching:
    def __init__(
        self, cache: ArtifactCache, settings: Settings, channels: Sequence[Channel], reporter: Reporter
    ) -> None:
        self._cache, self._reporter = cache, reporter
        self._source = client(channels, settings)
        self._turns = Turns(settings, reporter)

    async def run(self, packages: Sequence[CondaPackage]) -> list[Artifact]:
        """Return the artifacts in order, once nobody writes any more."""
        total = sum(package.size or 0 for package in packages)
        downloads = asyncio.Semaphore(PARALLEL_DOWNLOADS)
        what = f"{len(packages)} package{'s' if len(packages) > 1 else ''}"
        fetching = self._reporter.start("fetch", what, total=total, unit="bytes")
        with contextlib.closing(self._turns), fetching as progress:
            async with unpackers(len(packages)) as idle:
                # The largest first: the last to end is then a small one.
                tasks = {
                    index: asyncio.ensure_future(self._one(package, downloads, idle, progress))
                    for index, package in sorted(enumerate(packages), key=lambda item: -(item[1].size or 0))
                }
                try:
                    artifacts = await asyncio.gather(*tasks.values())
                finally:
                    for task in tasks.values():
                        task.cancel()
                    await asyncio.gather(*tasks.values(), return_exceptions=True)  # nobody writes when this returns
        by_index = dict(zip(tasks, artifacts, strict=True))
        return [by_index[index] for index in range(len(packages))]

    async def _one(
        self, package: CondaPackage, downloads: asyncio.Semaphore, idle: asyncio.Queue[Unpacker], progress: Progress
    ) -> Artifact:
        there = await self._turns.begin(package, downloads, self._cache.find)
        if there is not None:
            progress.advance(package.size or 0)
            return there
        temporary = self._cache.temporary()
        archive = path_of_file_url(package.url)
        downloaded = None
        try:
            try:
                if archive is None:
                    downloaded = temporary.with_name(temporary.name + _extension(package))
                    await download(self._source, package, downloaded, progress.advance)
            finally:
                downloads.release()
            unpacker = await idle.get()
            try:
                manifest = await unpacker.unpack(downloaded or archive or temporary, temporary, package)
            except NoSpace as error:
                raise full(self._cache.directory, error.message) from error  # asked before what was unpacked is removed
            finally:
                idle.put_nowait(unpacker)
            artifact = self._cache.publish(temporary, package, manifest)
        finally:
            if downloaded is not None:
                downloaded.unlink(missing_ok=True)
            if temporary.exists():
                trees.remove(temporary)
            plans.beside(temporary).unlink(missing_ok=True)
            self._turns.end(package)
        if downloaded is None:
            progress.advance(package.size or 0)
        return artifact


def _preflight(directory: Path, packages: Sequence[CondaPackage], settings: Settings) -> None:
    """Refuse before anything is downloaded: offline, or with less room than the archives alone take."""
    remote = [package for package in packages if path_of_file_url(package.url) is None]
    if remote and settings.offline:
        lines = [f"  {package.dist_name} ({_size(package)}) from {redact(package.channel)}" for package in remote]
        raise ChannelError(
            "\n".join(["offline, and not in the cache:", *lines]),
            hint="run once without --offline, or name a cache that has them in ENVMGR_SHARED_CACHES",
            details={"packages": [package.dist_name for package in remote]},
        )
    directory.mkdir(parents=True, exist_ok=True)
    needed = sum(package.size or 0 for package in packages)
    status = os.statvfs(directory) if hasattr(os, "statvfs") else None
    if status is not None and status.f_files and status.f_favail < _FEWEST_INODES * len(packages):
        raise NoInodes(
            f"{directory} has {status.f_favail} inodes free; {len(packages)} packages to unpack take more",
            hint=MAKE_ROOM,
            details={"free_inodes": status.f_favail, "packages": len(packages)},
        )
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise NoSpace(
            f"{directory}: {needed / 2**20:.0f} MiB of archives to unpack, {free / 2**20:.0f} MiB free",
            hint=MAKE_ROOM,
        )


def _extension(package: CondaPackage) -> str:
    path = urlsplit(package.url).path
    for extension in (".conda", ".tar.bz2"):
        if path.endswith(extension):
            return extension
    raise CorruptPackage(
        f"{redact(package.url)} is not the URL of a conda artifact; expected one that ends in .conda or .tar.bz2"
    )


def _size(package: CondaPackage) -> str:
    return "size unknown" if package.size is None else f"{package.size / 2**20:.1f} MiB"
