"""A lock of another tool on its way to an environment: followed without solving, its records completed from artifacts.

Such a lock names artifacts. What else a record has (what it depends on, where a noarch package goes) stands in the
artifacts, which are fetched first; then the lock is held to closure as our own are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rattler import IndexJson

from envmgr.artifacts.cache import ArtifactCache
from envmgr.artifacts.completion import completed
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, LockTampered, PipError
from envmgr.lock import closure, conda_lock
from envmgr.lock.model import UNKNOWN, CondaPackage, Lock
from envmgr.platforms.detect import detect
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise
from envmgr.urls import path_of_file_url, redact, without_literal_credentials
from envmgr.workflows import following, foreign
from envmgr.workflows.asked_channels import channels_of
from envmgr.workflows.recipe_channels import build_recipe_channels
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import directories

_NAMED = 5  # packages in one warning
_BARE_VARIABLE = re.compile(r"\$(\w+)")


class ForeignLocker:
    """What `Locker` is for a spec, for one lock file of another tool: the lock is there already."""

    is_foreign: Literal[True] = True

    def __init__(self, request: CreateRequest, settings: Settings, reporter: Reporter, *, platform: str) -> None:
        """Read the file of `request`; raises LockError and its kinds, UsageError and ChannelError."""
        self._request, self._settings, self._reporter, self.platform = request, settings, reporter, platform
        (source,) = request.files
        self._source = "stdin" if source.source == "-" else redact(source.source)
        self._foreign = foreign.read(
            source.text, source.source, platform=platform, settings=settings, choice=request.part
        )
        for warning in self._foreign.warnings:
            reporter.warning(warning)
        unused = [
            flag
            for flag, value in (
                ("-c", request.channels or request.override_channels),
                ("--exclude-newer", request.exclude_newer),
            )
            if value
        ]
        if unused:
            reporter.warning(f"{self._source} names each of its packages: {' and '.join(unused)} changes nothing")
        self._table = ChannelTable.read(settings, beside=directories(request.files) or (Path.cwd(),))
        self._cache = ArtifactCache(settings)
        if foreign.is_own(source.text):
            self._lock, self._channels = self._own_lock()
        else:
            listed = {name: self._urls_of(name) for name in self._foreign.lock.channels}
            self._check_files(listed)
            lock = foreign.resolved(listed, self._foreign.lock)
            self._lock = lock._replace(conda=tuple(self._identified(package) for package in lock.conda))
            self._channels = self._table.resolve(self._foreign.places)
        self.spec_digest = hashlib.sha256(f"foreign {conda_lock.digest(self._lock)}".encode()).hexdigest()
        text = _BARE_VARIABLE.sub(r"${\1}", source.text)
        if without_literal_credentials(text) != text:
            reporter.warning(
                f"{self._source} has credentials in its URLs, that everybody who has the file can read;"
                " they are used, and written nowhere"
            )

    def outdated(self, lock: Lock) -> tuple[str, ...]:
        """Return why a lock with this digest does not fit: there is nothing else to go by."""
        return ()

    def check_installable(self) -> None:
        """Raise PipError where the pip half cannot be installed on this machine."""
        if self._lock.pip and self.platform != current_subdir():
            raise PipError(
                f"{self._source}: a pip half is installed by the python of its own platform; "
                f"this is {current_subdir()}, asked for is {self.platform}",
                hint="create the environment on that platform",
            )

    def lock(self, _previous: Lock | None = None) -> Lock:
        """Return the lock as far as the file and the cache tell it."""
        found = [self._cache.find(package) if package.sha256 or package.md5 else None for package in self._lock.conda]
        conda = tuple(
            completed(artifact) if artifact is not None else package
            for package, artifact in zip(self._lock.conda, found, strict=True)
        )
        return self._lock._replace(conda=conda, spec_digest=self.spec_digest)

    def missing(self, lock: Lock) -> tuple[CondaPackage, ...]:
        """Return the conda artifacts of `lock` that are not in the package cache."""
        return tuple(
            package
            for package in lock.conda
            if not (package.sha256 or package.md5) or self._cache.find(package) is None
        )

    def fetch(self, lock: Lock) -> None:
        """Download the conda artifacts of `lock` that are not in the package cache; raises as that does."""
        self._cache.fetch(lock.conda, channels=self._channels, reporter=self._reporter)

    def complete(self, lock: Lock) -> Lock:
        """Return the lock with the records that its artifacts have, which are fetched, closed and whole.

        Raises LockTampered for one that is not closed, and what fetching raises.
        """
        artifacts = self._cache.fetch(lock.conda, channels=self._channels, reporter=self._reporter)
        conda = tuple(completed(artifact) for artifact in artifacts)
        self._say_what_was_hashed()
        if lock.pip:
            from envmgr.pypi import provided  # start-up time: most environments have no pip half

            pairs = [(package, artifact.directory) for package, artifact in zip(conda, artifacts, strict=True)]
            conda = provided.with_distributions(conda, provided.read(pairs))
        whole = self._without_stale(lock._replace(conda=conda))
        try:
            closure.check(whole, source=self._source)
        except LockTampered as error:
            error.hint = self._hint(error) or "write the lock anew with the tool that made it"
            raise
        known = self.lacking(lock)
        for sentence in self.lacking(whole):
            if sentence not in known:
                self._reporter.warning(sentence)
        return whole

    def lacking(self, lock: Lock) -> tuple[str, ...]:
        """Return what this machine lacks for `lock`, one sentence a virtual package."""
        request = self._request
        here = detect(self.platform, self._settings.environ, request.virtual_packages, reporter=self._reporter)
        return following.lacking(lock, here) if self.platform == current_subdir() else ()

    def realise(self, location: Location, lock: Lock, *, replaces: int | None, inputs_digest: str) -> Realised:
        """Make the environment that `lock` describes; see store.realise for what is raised."""
        wanted = RealiseRequest(
            location=location,
            lock=lock,
            channels=self._channels,
            command=self._request.command,
            inputs_digest=inputs_digest,
            replaces=replaces,
            override_frozen=self._request.override_frozen,
            extent="nothing" if self._request.pristine else "everything",
        )
        return realise(
            wanted,
            settings=self._settings,
            cache=self._cache,
            reporter=self._reporter,
            already_done=wanted.is_done,
        )

    def _own_lock(self) -> tuple[Lock, tuple[Channel, ...]]:
        """Return a lock that envmgr wrote, here or elsewhere, as it is on this machine, and its channels."""
        lock = self._foreign.lock
        closure.check(lock, source=self._source)
        channels = self._table.resolve(channels_of(lock, self._settings))
        build_recipe_channels(channels, self._settings, self._reporter)
        return following.relocated(lock, channels), channels

    def _urls_of(self, name: str) -> tuple[str, ...]:
        try:
            return tuple(channel.url for channel in self._table.resolve((name,)))
        except ChannelError:  # it counts only where packages come from it, and those name their URLs
            return ()

    def _check_files(self, listed: dict[str, tuple[str, ...]]) -> None:
        """Raise LockTampered for artifacts on this machine that are in no channel that the file lists."""
        directories = {f"{url}/" for urls in listed.values() for url in urls}
        outside = [
            package
            for package in self._foreign.lock.conda
            if package.url.lower().startswith("file:") and not package.url.startswith(tuple(directories))
        ]
        if outside:
            raise LockTampered(
                f"{self._source}: {outside[0].dist_name} comes from {outside[0].url}, "
                "which is outside of every channel of the lock",
                details={"faults": [package.url for package in outside]},
            )

    def _identified(self, package: CondaPackage) -> CondaPackage:
        """Return an archive that lies in no channel with the platform that it says itself."""
        path = None if package.subdir else path_of_file_url(package.url)
        if path is None:
            return package
        try:
            index = IndexJson.from_package_archive(path)
        except Exception as error:
            raise LockTampered(f"{self._source}: {path} is no conda package: {error}") from error
        return package._replace(subdir=index.subdir or "noarch")

    def _say_what_was_hashed(self) -> None:
        unhashed = self._foreign.unhashed
        if unhashed:
            what = f"{unhashed[0]} has" if len(unhashed) == 1 else f"{len(unhashed)} of its packages have"
            self._reporter.warning(
                f"{self._source}: {what} no hash there, so nothing vouches for what came; it is locked with its sha256"
            )

    def _without_stale(self, lock: Lock) -> Lock:
        """Return the lock without what artifacts said when they were built and their channel has corrected since.

        The file was solved with the channel's records; a bound that its packages do not meet is not theirs any more.
        """
        partial = {package.name for package in self._lock.conda if package.noarch == UNKNOWN}
        said = {package.name: package.depends for package in self._lock.conda}
        stale = [
            each
            for each in closure.unmet(lock)
            if each.package.name in partial
            and each.found is not None
            and (each.is_constraint or not said[each.package.name])
        ]
        if not stale:
            return lock
        dropped = {(each.package.name, each.text) for each in stale}
        bounds = [each.fault for each in stale if not each.is_constraint]
        if bounds:
            more = f", and {len(bounds) - _NAMED} more" if len(bounds) > _NAMED else ""
            self._reporter.warning(f"{self._source}: installed as written, though {'; '.join(bounds[:_NAMED])}{more}")
        return lock._replace(conda=tuple(_without(package, dropped) for package in lock.conda))

    def _hint(self, error: LockTampered) -> str | None:
        """Return the category that a conda-lock file has what is missing in, as a flag."""
        (source,) = self._request.files
        others = foreign.other_categories(source.text, source.source, self._request.part.categories)
        missing = any("which is not in the lock" in str(fault) for fault in error.details.get("faults", ()))
        return f"it may be in another category: --category main --category {others[0]}" if others and missing else None


def _without(package: CondaPackage, dropped: set[tuple[str, str]]) -> CondaPackage:
    def kept(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(text for text in texts if (package.name, text) not in dropped)

    return package._replace(depends=kept(package.depends), constrains=kept(package.constrains))
