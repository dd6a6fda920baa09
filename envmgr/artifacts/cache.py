"""The content-addressed cache of extracted conda artifacts, shared by any number of processes without a lock.

`pkgs/NAME-VERSION-BUILD-SHA256/` is exactly what the artifact holds and appears by one rename, after
`pkgs/NAME-VERSION-BUILD-SHA256.json`, its manifest: a directory that is there was verified and is whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envmgr.artifacts import plans, trees
from envmgr.artifacts.distrust import check_record, inspect
from envmgr.artifacts.keys import KEY, key_of, stem_of
from envmgr.artifacts.manifest import Artifact, Manifest, read_manifest
from envmgr.artifacts.view import sweep_views
from envmgr.errors import CorruptPackage, EnvmgrError, NoInodes, NoSpace, ReadOnlyStore, StoreError
from envmgr.leases import process_tag, tag_is_dead
from envmgr.lock.model import CondaPackage
from envmgr.reporting import Reporter
from envmgr.settings import Settings

if TYPE_CHECKING:  # start-up time: YAML
    from envmgr.channels.model import Channel

__all__ = ["Artifact", "ArtifactCache", "key_of"]

_ABANDONED = 24 * 3600  # seconds after which a leftover counts as one whatever its maker
_TEMPORARY = ".tmp-"
MAKE_ROOM = "make room with: envmgr clean; or choose another cache with ENVMGR_CACHE=DIRECTORY"
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
                from envmgr.artifacts import fetching  # start-up time: rattler and asyncio

                fetched = fetching.fetch(self, list(wanted.values()), self._settings, channels, reporter)
                found.update(zip(wanted, fetched, strict=True))
        return tuple(found[index] for index in range(len(packages)))

    def verify(self, artifact: Artifact) -> tuple[str, ...]:
        """Return what is wrong with a cached artifact, every byte of it compared with its own listing."""
        from envmgr.artifacts.verify import problems  # start-up time: threads

        return problems(artifact)

    def discard(self, artifact: Artifact) -> None:
        """Forget a rotten artifact, so that the next `fetch` downloads it again, shared caches notwithstanding.

        One that is sound stays: another process has healed it meanwhile. Raises ReadOnlyStore or StoreError when it
        cannot be removed from the own cache.
        """
        if artifact.directory.parent != self.directory:
            self._distrusted.add(artifact.directory)
        elif self.verify(artifact):
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
            aside = self.temporary()
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

    def publish(self, temporary: Path, package: CondaPackage, manifest: Manifest) -> Artifact:
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
            aside = self.temporary()
            with contextlib.suppress(FileNotFoundError):
                os.rename(directory, aside)
            trees.remove(aside)
            self._write_manifest(key, manifest)
        return Artifact(package, directory, manifest)

    def _publish_plan(self, temporary: Path, key: str) -> None:
        with contextlib.suppress(OSError):  # whoever links it first makes one
            os.replace(plans.beside(temporary), plans.beside(self.directory / key))

    def _write_manifest(self, key: str, manifest: Manifest) -> None:
        temporary = self.temporary()
        temporary.write_text(manifest.to_json(), encoding="ascii")
        os.replace(temporary, self.directory / f"{key}.json")

    def temporary(self) -> Path:
        """Return a new name in the own cache; what dead processes leave under such names is swept."""
        return self.directory / f"{_TEMPORARY}{process_tag()}-{os.urandom(6).hex()}"


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


def full(directory: Path, message: str) -> NoSpace | NoInodes:
    """Return the error for a cache in which nothing more fits, by what there is none left of."""
    try:
        status = os.statvfs(directory)
    except (OSError, AttributeError):
        return NoSpace(message, hint=MAKE_ROOM)
    if status.f_files and not status.f_favail:
        return NoInodes(f"{message} (no inode is free)", hint=MAKE_ROOM)
    free = status.f_bavail * status.f_frsize
    return NoSpace(f"{message} ({free / 2**20:.1f} MiB are free)", hint=MAKE_ROOM)


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
        raise full(directory, error.message) from error
    except EnvmgrError:
        raise
    except OSError as error:
        where = error.filename or directory
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise ReadOnlyStore(f"{where} cannot be written: {error.strerror}", hint=_OWN_CACHE) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise full(directory, f"{where} cannot be written: {error.strerror}") from error
        raise StoreError(f"{where}: {error.strerror or error}") from error
