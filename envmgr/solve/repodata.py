"""The repodata of the channels in use, as both engines and their explanations see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Final, TypeVar

from rattler import Gateway, MatchSpec, PackageName, RepoDataRecord, Subdir

from envmgr.channels import gateway
from envmgr.channels.failures import GATEWAY_ERRORS, channel_error, is_panic, names_place
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, SolveError
from envmgr.platforms.subdirs import validate_subdir
from envmgr.solve.records import is_old_enough
from envmgr.urls import redact

T = TypeVar("T")

# CEP 42 lets a channel name others to be searched with it; envmgr uses the channels that the user named, no others.
RELATIONS: Final = "disabled"


def until(channel: Channel, records: Iterable[RepoDataRecord]) -> Iterable[RepoDataRecord]:
    """Return the records that a channel had at its own cutoff: all where it has none."""
    if channel.exclude_newer is None:
        return records
    return [record for record in records if is_old_enough(record, channel.exclude_newer)]


class DatedSource:
    """A channel as it was at its own cutoff, as rattler's solver asks for it; `names` are those that it has."""

    def __init__(self, source: Gateway, channel: Channel, names: Iterable[str]) -> None:
        self._source, self._channel, self._names = source, channel, sorted(names)

    async def fetch_package_records(self, platform: Subdir, name: PackageName) -> list[RepoDataRecord]:
        asked = MatchSpec(name.normalized)
        found = await self._source.query(
            [self._channel.url], [platform], [asked], recursive=False, channel_relations=RELATIONS
        )
        return [record for records in found for record in until(self._channel, records)]

    def package_names(self, platform: Subdir) -> list[str]:
        return self._names


class TooSlow(ChannelError):
    """What was waited for did not come in its seconds."""


class Repodata:
    """Reads records of channels for a platform and noarch through one gateway, which keeps what it has read.

    Every method raises ChannelError when a channel cannot be read, and the constructor UsageError for a platform
    that is none.
    """

    def __init__(self, source: Gateway, channels: Sequence[Channel], platform: str) -> None:
        self.gateway = source
        self.channels = tuple(channels)
        self.urls = [channel.url for channel in channels]
        self.platforms = [Subdir(validate_subdir(platform)), Subdir("noarch")]
        self._named: dict[str, list[list[RepoDataRecord]]] = {}

    def named(self, name: str) -> list[list[RepoDataRecord]]:
        """Return all records of one package name, one list a channel, in channel order; read once."""
        if name not in self._named:
            self._named[name] = self._query([name], recursive=False)
        return self._named[name]

    def named_in(self, name: str, url: str | None) -> list[RepoDataRecord]:
        """Return all records of one package name in one channel (its base URL), or in all in use when None."""
        found = zip(self.urls, self.named(name), strict=False)
        return [record for channel, records in found if url in {None, channel} for record in records]

    def reachable(self, specs: Iterable[MatchSpec]) -> list[list[RepoDataRecord]]:
        """Return every record that a solution of `specs` may hold, one list a channel, in channel order."""
        return self._query(specs, recursive=True)

    def matching(self, specs: Iterable[MatchSpec]) -> list[list[RepoDataRecord]]:
        """Return the records that match one of `specs`, and not what they need, one list a channel."""
        return self._query(specs, recursive=False)

    def names(self, channels: Sequence[str] | None = None) -> frozenset[str]:
        """Return the package names that these channels (base URLs; all in use when None) offer the platform."""
        urls = self.urls if channels is None else list(channels)
        if not urls:
            return frozenset()
        found = self.wait(self.gateway.names(urls, self.platforms, channel_relations=RELATIONS))
        return frozenset(name.normalized for name in found)

    def platforms_with(self, name: str, platforms: Sequence[str], *, seconds: float) -> list[str]:
        """Return those of `platforms` (subdirs) for which some channel has a package of that name.

        Raises ChannelError after `seconds` as well: a channel without shards is read in full for each platform.
        """
        if not self.urls:
            return []
        subdirs = [Subdir(platform) for platform in platforms]
        query = self.gateway.query(self.urls, subdirs, [name], recursive=False, channel_relations=RELATIONS)
        found: list[list[RepoDataRecord]] = self.wait(query, seconds=seconds)
        return [platform for at, platform in enumerate(platforms) if any(found[at :: len(platforms)])]

    def sources(self) -> list[str | DatedSource]:
        """Return what rattler's solver reads for each channel."""
        return [
            channel.url
            if channel.exclude_newer is None
            else DatedSource(self.gateway, channel, self.names([channel.url]))
            for channel in self.channels
        ]

    def _query(self, specs: Iterable[MatchSpec | str], *, recursive: bool) -> list[list[RepoDataRecord]]:
        wanted = list(specs)
        if not self.urls or not wanted:
            return [[] for _ in self.urls]
        query = self.gateway.query(self.urls, self.platforms, wanted, recursive=recursive, channel_relations=RELATIONS)
        names = [spec if isinstance(spec, str) else spec.name.normalized for spec in wanted]
        by_subdir: list[list[RepoDataRecord]] = self.wait(query, names=names, recursive=recursive)
        # The answer has one list a channel and platform, the platforms of one channel beside each other.
        each = len(by_subdir) // len(self.urls)
        return [
            [record for records in by_subdir[at * each : (at + 1) * each] for record in until(channel, records)]
            for at, channel in enumerate(self.channels)
        ]

    def wait(
        self,
        work: Awaitable[T],
        *,
        seconds: float | None = None,
        names: Iterable[str] = (),
        recursive: bool = False,
    ) -> T:
        """Wait for an asynchronous call of rattler that reads the channels, not longer than `seconds`.

        `names` are those of the packages that it asks for, with all that they depend on where `recursive`. Raises
        ChannelError when it could not read one of them (TooSlow: in time), and SolveError when it crashed on what it
        read.
        """
        source = self.gateway if isinstance(self.gateway, gateway.CheckedGateway) else None
        subdirs = [str(platform) for platform in self.platforms]

        async def waited() -> T:
            if source is not None:
                try:
                    await source.read(self.channels, subdirs)
                    if source.shards is not None:
                        await source.shards.bring(names, subdirs, recursive=recursive)
                except BaseException:
                    if isinstance(work, Coroutine):
                        work.close()
                    raise
            found = await asyncio.wait_for(work, seconds)
            if source is not None and source.shards is not None:
                await source.shards.check(subdirs)
            return found

        try:
            return asyncio.run(waited())
        except asyncio.TimeoutError as error:
            raise TooSlow(f"the channels cannot be read within {seconds:g} s") from error
        except BaseException as error:
            # pyo3 raises a Rust panic past `Exception`; it is repodata that rattler did not foresee.
            if isinstance(error, GATEWAY_ERRORS) or is_panic(error):
                raise self._failure(error) from (None if is_panic(error) else error)
            raise

    def _failure(self, error: BaseException) -> ChannelError | SolveError:
        """Return what a failure of rattler means; where it names no place, each channel is asked on its own."""
        if names_place(error):
            return channel_error(error, self.channels)
        try:
            gateway.check(self.gateway, self.channels, str(self.platforms[0]))
        except ChannelError as located:
            self._forget([channel for channel in self.channels if redact(channel.url) == located.details.get("url")])
            return located
        self._forget(self.channels)
        if is_panic(error):
            return SolveError(f"rattler crashed on this repodata: {redact(str(error))}")
        return channel_error(error, self.channels)

    def _forget(self, channels: Sequence[Channel]) -> None:
        """Remove from the cache what could not be read."""
        if isinstance(self.gateway, gateway.CheckedGateway):
            for channel in channels:
                for platform in self.platforms:
                    self.gateway.forget(channel, str(platform))
