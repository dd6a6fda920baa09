"""The content-addressed cache of extracted conda artifacts, shared by any number of processes without a lock.

`pkgs/NAME-VERSION-BUILD-SHA256/` is exactly what the artifact holds and appears by one rename, after
`pkgs/NAME-VERSION-BUILD-SHA256.json`, its manifest: a directory that is there was verified and is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import rattler

from envmgr.artifacts import plans, trees
from envmgr.artifacts.distrust import check_record, inspect
from envmgr.artifacts.download import download
from envmgr.artifacts.keys import KEY, key_of, stem_of
from envmgr.artifacts.manifest import Artifact, Manifest, read_manifest
from envmgr.artifacts.turns import Turns
from envmgr.artifacts.unpackers import Unpacker, unpackers
from envmgr.artifacts.verify import problems
from envmgr.artifacts.view import sweep_views
from envmgr.channels.gateway import client
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, CorruptPackage, EnvmgrError, NoInodes, NoSpace, ReadOnlyStore, StoreError
from envmgr.leases import process_tag, tag_is_dead
from envmgr.lock.model import CondaPackage
from envmgr.reporting import Progress, Reporter
from envmgr.settings import Settings
from envmgr.urls import path_of_file_url, redact

__all__ = ["Artifact", "ArtifactCache", "key_of"]

PARALLEL_DOWNLOADS = 8
_FEWEST_INODES = 6  # of an unpacked package: info, its index and paths, one file, their directories
_ABANDONED = 24 * 3600  # seconds after which a leftover counts as one whatever its maker
_TEMPORARY = ".tmp-"
_MAKE_ROOM = "make room with: envmgr clean; or choose another cache with ENVMGR_CACHE=DIRECTORY"
_OWN_CACHE = "choose a cache that you may write with ENVMGR_CACHE=DIRECTORY, and name this one in ENVMGR_SHARED_CACHES"


class ArtifactCache:
    """The artifacts below `settings.cache`/pkgs, and those of `settings.shared_caches`, which are only read."""

    def __init__(self, settings: Settings) -> None:
        self.directory = settings.cache / "pkgs"
        self._shared = tuple(cache / "pkgs" for cache in settings.shared_caches)
        self._settings = settings
        self._distrusted: set[Path] = set()
        self._manifests: dict[Path, tuple[tuple[int, int, int], Manifest | None]] = {}

    def find(self, package: CondaPackage) -> Artifact | None:
        """Return the cached artifact, or None; it is whole as far as can be seen without looking at every file.

        Raises StoreError for a manifest of a newer schema in the own cache, and CorruptPackage for a record whose
        name, version or build is no path component, or that is not the one of the cached artifact.
        """
        artifact = self._find(package) if package.sha256 else self._find_by_md5(package)
        if artifact is not None:
            check_record(artifact.package, artifact.manifest)
        return artifact

    def missing(self, packages: Iterable[CondaPackage]) -> tuple[CondaPackage, ...]:
        """Return those packages that `fetch` would have to download; raises as `find` does."""
        return tuple(package for package in packages if self.find(package) is None)

    def fetch(
        self, packages: Sequence[CondaPackage], *, channels: Sequence[Channel], reporter: Reporter
    ) -> tuple[Artifact, ...]:
        """Return the artifacts in the order of `packages`, downloading and checking what is not cached.

        Raises ChecksumMismatch and CorruptPackage for artifacts that are not what the channel promised or would
        write outside of a prefix (nothing of them stays), ChannelError for what cannot be had, and NoSpace,
        ReadOnlyStore or StoreError where the cache cannot be written.
        """
        with _translated(self.directory):
            self.sweep()
            found = {index: artifact for index, package in enumerate(packages) if (artifact := self.find(package))}
            wanted = {index: package for index, package in enumerate(packages) if index not in found}
            if wanted:
                self._preflight(list(wanted.values()))
                fetched = asyncio.run(self._fetch_all(list(wanted.values()), channels, reporter))
                found.update(zip(wanted, fetched, strict=True))
        return tuple(found[index] for index in range(len(packages)))

    def verify(self, artifact: Artifact) -> tuple[str, ...]:
        """Return what is wrong with a cached artifact, every byte of it compared with its own listing."""
        return problems(artifact)

    def discard(self, artifact: Artifact) -> None:
        """Forget a rotten artifact, so that the next `fetch` downloads it again, shared caches notwithstanding.

        One that is sound stays: another process has healed it meanwhile. Raises ReadOnlyStore or StoreError when it
        cannot be removed from the own cache.
        """
        if artifact.directory.parent != self.directory:
            self._distrusted.add(artifact.directory)
        elif problems(artifact):
            self.remove(artifact.directory.name)

    def entries(self) -> Iterator[tuple[str, int, Path]]:
        """Yield key, bytes and directory of every artifact of the own cache, sorted by key."""
        with _translated(self.directory):
            for name in sorted(_names(self.directory)):
                if KEY.fullmatch(name) and (self.directory / name).is_dir():
                    directory = self.directory / name
                    manifest = read_manifest(self.directory / f"{name}.json")
                    size = manifest.bytes if manifest is not None else trees.measure(directory)[0]
                    yield name, size, directory

    def remove(self, key: str) -> None:
        """Remove the artifact `key` from the own cache, at once for whoever looks; absent is fine.

        Raises ReadOnlyStore or StoreError when it cannot be removed.
        """
        if KEY.fullmatch(key) is None:
            raise StoreError(f"{self.directory}: `{key}` is not the key of a cached artifact")
        with _translated(self.directory):
            aside = self._temporary()
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.directory / key, aside)
            for name in _names(self.directory):
                if name == f"{key}.json" or plans.key_of_file(name) == key:
                    (self.directory / name).unlink(missing_ok=True)
            trees.remove(aside)

    def sweep(self) -> int:
        """Remove what dead processes left half done, and return how many such leftovers there were.

        What cannot be removed (it belongs to someone else, or is being written by an unpacking process that has
        not noticed yet) is left to the next sweep.
        """
        removed = sweep_views()
        with _translated(self.directory):
            names = _names(self.directory)
        for name in names:
            path = self.directory / name
            if name.startswith(_TEMPORARY):
                dead = tag_is_dead(name[len(_TEMPORARY) :].rpartition("-")[0])
                if dead is False or (dead is None and not _is_old(path)):
                    continue
            else:
                key = name[:-5] if name.endswith(".json") else plans.key_of_file(name)
                if key is None or key in names or not _is_old(path):
                    continue
            with contextlib.suppress(OSError):
                trees.remove(path)
                removed += 1
        return removed

    def _find(self, package: CondaPackage) -> Artifact | None:
        key = key_of(package)
        artifact = self._own(key, package)
        for directory in self._shared:
            if artifact is None:
                with contextlib.suppress(StoreError):  # a shared cache of a newer envmgr is of no use to this one
                    artifact = self._load(directory, key, package)
        return artifact

    def _find_by_md5(self, package: CondaPackage) -> Artifact | None:
        """Return an artifact for a record of old that has no sha256; what was published had its md5 verified."""
        stem = stem_of(package)
        for layer in (self.directory, *self._shared):
            for name in sorted(name for name in _names(layer) if name.startswith(f"{stem}-") and KEY.fullmatch(name)):
                full = package._replace(sha256=name[-64:])
                artifact = self._load(layer, name, full) if key_of(full) == name else None
                if artifact is not None and package.md5 and artifact.manifest.md5 == package.md5:
                    return artifact
        return None

    def _own(self, key: str, package: CondaPackage) -> Artifact | None:
        artifact = self._load(self.directory, key, package)
        directory = self.directory / key
        if artifact is None and (directory / "info" / "index.json").is_file():
            return self._rebuild(key, package)
        return artifact

    def _load(self, layer: Path, key: str, package: CondaPackage) -> Artifact | None:
        directory = layer / key
        if directory in self._distrusted:
            return None
        try:
            manifest = self._manifest(layer / f"{key}.json")
            if manifest is None or manifest.sha256 != package.sha256:
                return None
            if not (directory / "info" / "index.json").is_file():
                return None
        except OSError:
            return None
        return Artifact(package, directory, manifest)

    def _manifest(self, path: Path) -> Manifest | None:
        """Return what `read_manifest` does, parsed once for as long as the file is the same."""
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return None
        signature = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._manifests.get(path)
        if known is None or known[0] != signature:
            known = self._manifests[path] = (signature, read_manifest(path))
        return known[1]

    def _rebuild(self, key: str, package: CondaPackage) -> Artifact | None:
        """Check a published directory again whose manifest is lost or of an older schema."""
        try:
            manifest = inspect(self.directory / key, package, sha256=package.sha256, md5=package.md5 or "")
            self._write_manifest(key, manifest)
        except (CorruptPackage, OSError):
            return None
        return Artifact(package, self.directory / key, manifest)

    def _preflight(self, packages: Sequence[CondaPackage]) -> None:
        """Refuse before anything is downloaded: offline, or with less room than the archives alone take."""
        remote = [package for package in packages if path_of_file_url(package.url) is None]
        if remote and self._settings.offline:
            lines = [f"  {package.dist_name} ({_size(package)}) from {redact(package.channel)}" for package in remote]
            raise ChannelError(
                "\n".join(["offline, and not in the cache:", *lines]),
                hint="run once without --offline, or name a cache that has them in ENVMGR_SHARED_CACHES",
                details={"packages": [package.dist_name for package in remote]},
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        needed = sum(package.size or 0 for package in packages)
        status = os.statvfs(self.directory) if hasattr(os, "statvfs") else None
        if status is not None and status.f_files and status.f_favail < _FEWEST_INODES * len(packages):
            raise NoInodes(
                f"{self.directory} has {status.f_favail} inodes free; {len(packages)} packages to unpack take more",
                hint=_MAKE_ROOM,
                details={"free_inodes": status.f_favail, "packages": len(packages)},
            )
        free = shutil.disk_usage(self.directory).free
        if free < needed:
            raise NoSpace(
                f"{self.directory}: {needed / 2**20:.0f} MiB of archives to unpack, {free / 2**20:.0f} MiB free",
                hint=_MAKE_ROOM,
            )

    async def _fetch_all(
        self, packages: Sequence[CondaPackage], channels: Sequence[Channel], reporter: Reporter
    ) -> list[Artifact]:
        source = client(channels, self._settings)
        total = sum(package.size or 0 for package in packages)
        downloads = asyncio.Semaphore(PARALLEL_DOWNLOADS)
        what = f"{len(packages)} package{'s' if len(packages) > 1 else ''}"
        turns = Turns(self._settings, reporter)
        with contextlib.closing(turns), reporter.start("fetch", what, total=total, unit="bytes") as progress:
            async with unpackers(len(packages)) as idle:
                # The largest first: the last to end is then a small one.
                tasks = {
                    index: asyncio.ensure_future(self._fetch_one(source, package, downloads, turns, idle, progress))
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

    async def _fetch_one(
        self,
        source: rattler.Client,
        package: CondaPackage,
        downloads: asyncio.Semaphore,
        turns: Turns,
        idle: asyncio.Queue[Unpacker],
        progress: Progress,
    ) -> Artifact:
        there = await turns.begin(package, downloads, self.find)
        if there is not None:
            progress.advance(package.size or 0)
            return there
        temporary = self._temporary()
        archive = path_of_file_url(package.url)
        downloaded = None
        try:
            try:
                if archive is None:
                    downloaded = temporary.with_name(temporary.name + _extension(package))
                    await download(source, package, downloaded, progress.advance)
            finally:
                downloads.release()
            unpacker = await idle.get()
            try:
                manifest = await unpacker.unpack(downloaded or archive or temporary, temporary, package)
            except NoSpace as error:
                raise _full(self.directory, error.message) from error  # asked before what was unpacked is removed
            finally:
                idle.put_nowait(unpacker)
            artifact = self._publish(temporary, package, manifest)
        finally:
            if downloaded is not None:
                downloaded.unlink(missing_ok=True)
            if temporary.exists():
                trees.remove(temporary)
            plans.beside(temporary).unlink(missing_ok=True)
            turns.end(package)
        if downloaded is None:
            progress.advance(package.size or 0)
        return artifact

    def _publish(self, temporary: Path, package: CondaPackage, manifest: Manifest) -> Artifact:
        """Give what was extracted and checked its name; whoever comes second uses what the first published."""
        package = package._replace(sha256=manifest.sha256, md5=package.md5 or manifest.md5)
        key = key_of(package)
        directory = self.directory / key
        self._write_manifest(key, manifest)
        for _ in range(3):
            try:
                os.rename(temporary, directory)
                self._publish_plan(temporary, key)
                break
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            artifact = self._load(self.directory, key, package)
            if artifact is not None:
                return artifact
            aside = self._temporary()
            with contextlib.suppress(FileNotFoundError):
                os.rename(directory, aside)
            trees.remove(aside)
            self._write_manifest(key, manifest)
        return Artifact(package, directory, manifest)

    def _publish_plan(self, temporary: Path, key: str) -> None:
        with contextlib.suppress(OSError):  # whoever links it first makes one
            os.replace(plans.beside(temporary), plans.beside(self.directory / key))

    def _write_manifest(self, key: str, manifest: Manifest) -> None:
        temporary = self._temporary()
        temporary.write_text(manifest.to_json(), encoding="ascii")
        os.replace(temporary, self.directory / f"{key}.json")

    def _temporary(self) -> Path:
        return self.directory / f"{_TEMPORARY}{process_tag()}-{os.urandom(6).hex()}"


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


def _names(directory: Path) -> set[str]:
    try:
        return set(os.listdir(directory))
    except FileNotFoundError:
        return set()


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _ABANDONED
    except OSError:
        return False


def _full(directory: Path, message: str) -> NoSpace | NoInodes:
    """Return the error for a cache in which nothing more fits, by what there is none left of."""
    try:
        status = os.statvfs(directory)
    except (OSError, AttributeError):
        return NoSpace(message, hint=_MAKE_ROOM)
    if status.f_files and not status.f_favail:
        return NoInodes(f"{message} (no inode is free)", hint=_MAKE_ROOM)
    free = status.f_bavail * status.f_frsize
    return NoSpace(f"{message} ({free / 2**20:.1f} MiB are free)", hint=_MAKE_ROOM)


@contextlib.contextmanager
def _translated(directory: Path) -> Iterator[None]:
    """Turn what the operating system says about the cache into the error that a user can act on."""
    try:
        yield
    except (NoSpace, ReadOnlyStore) as error:
        if error.hint is not None:
            raise
        if isinstance(error, ReadOnlyStore):
            error.hint = _OWN_CACHE
            raise
        raise _full(directory, error.message) from error
    except EnvmgrError:
        raise
    except OSError as error:
        where = error.filename or directory
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise ReadOnlyStore(f"{where} cannot be written: {error.strerror}", hint=_OWN_CACHE) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _full(directory, f"{where} cannot be written: {error.strerror}") from error
        raise StoreError(f"{where}: {error.strerror or error}") from error
