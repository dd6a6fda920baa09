"""How channels are reached: rattler's HTTP client and its repodata gateway.

Measured of py-rattler 0.28, and relied upon (test_gateway.py holds it): a missing subdir is empty unless it is
`noarch`; the mirror middleware goes to another mirror only with a retry, so it stands inside of the retries, and
only for failed connections and 5xx; user info in a mirror's URL is not sent, so it goes into a header; without a
timeout a client waits for ever; `file://` channels do not pass through the client.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from rattler import Channel as RattlerChannel
from rattler import Client, Gateway, SourceConfig, Subdir
from rattler.exceptions import AuthenticationStorageError
from rattler.networking.middleware import (
    AddHeadersMiddleware,
    AuthenticationMiddleware,
    GCSMiddleware,
    MirrorMiddleware,
    OciMiddleware,
    RetryMiddleware,
    S3Middleware,
)

from envmgr import __version__
from envmgr.channels import reading
from envmgr.channels.credentials import Authorization
from envmgr.channels.failures import GATEWAY_ERRORS, channel_error, is_panic, names_place
from envmgr.channels.model import Channel
from envmgr.channels.reading import Bounds
from envmgr.channels.shards import INDEX, ShardCache
from envmgr.errors import ChannelError
from envmgr.settings import Settings

DOWNLOAD_SECONDS = 3600
_ABANDONED_SECONDS = 3600  # without a byte, which no time-out allows
_RETRIES = 3
_REQUESTS = 50
_USER_AGENT = f"envmgr/{__version__}"


def client(channels: Sequence[Channel], settings: Settings, *, seconds: int | None = DOWNLOAD_SECONDS) -> Client:
    """Return a client that knows the mirrors and credentials of `channels`, stored logins, and oci, s3 and gcs URLs.

    Requests name canonical URLs, as locks have them. `seconds` bounds each request, its body included (None: nothing
    does). With `settings.offline` every request fails before anything is sent. Raises ChannelError when the stored
    logins cannot be read.
    """
    if settings.offline:
        return Client([AddHeadersMiddleware(_refuse)], user_agent=_USER_AGENT)
    mirrors = {f"{channel.url}/": list(targets) for channel in channels if (targets := _targets(channel))}
    retries = _RETRIES + max((len(targets) - 1 for targets in mirrors.values()), default=0)
    authorizations = tuple(
        authorization
        for channel in channels
        if channel.access is not None
        for authorization in channel.access.authorizations()
    )
    try:
        return Client(
            [
                RetryMiddleware(retries),
                *([MirrorMiddleware(mirrors)] if mirrors else []),
                AuthenticationMiddleware(),
                *([AddHeadersMiddleware(_headers(authorizations))] if authorizations else []),
                OciMiddleware(),
                GCSMiddleware(),
                S3Middleware(),
            ],
            user_agent=_USER_AGENT,
            timeout=seconds,
        )
    except AuthenticationStorageError as error:
        raise ChannelError(
            f"the logins that conda's tools share cannot be read: {error}",
            hint="mend the file, move it away, or name another one in RATTLER_AUTH_FILE",
        ) from error


class CheckedGateway(Gateway):
    """A gateway over the cache in `directory` whose shards, which rattler believes, are checked; `channels` are those
    that it is asked for. Offline nothing is fetched, and nothing checked."""

    def __init__(self, directory: Path, client: Client, channels: Sequence[Channel], settings: Settings) -> None:
        self._directory, self._client, self._is_offline = directory, client, settings.offline
        self._read: set[tuple[str, str]] = set()
        self._unsharded: set[str] = set()
        self._bounds = Bounds(size=settings.repodata_size_limit << 20, idle=settings.repodata_idle_timeout)
        self.shards: ShardCache | None = None
        if not settings.offline:
            self.shards = ShardCache(directory, client, channels, idle=settings.repodata_idle_timeout)
        self._open()

    def _open(self) -> None:
        def config(*, is_sharded: bool) -> SourceConfig:
            action: Literal["force-cache-only", "cache-or-fetch"]
            action = "force-cache-only" if self._is_offline else "cache-or-fetch"
            return SourceConfig(cache_action=action, sharded_enabled=is_sharded)

        super().__init__(
            cache_dir=self._directory,
            default_config=config(is_sharded=True),
            per_channel_config={url: config(is_sharded=False) for url in self._unsharded},
            max_concurrent_requests=_REQUESTS,
            client=self._client,
            show_progress=False,
        )

    async def read(self, channels: Sequence[Channel], subdirs: Sequence[str]) -> None:
        """Bring what is not in the cache there, once; raises ChannelError."""
        new = [each for each in channels if not {(each.url, subdir) for subdir in subdirs} <= self._read]
        if new and not self._is_offline:
            _sweep(self._directory)
            await reading.read(self, new, subdirs, self._bounds)
            self._read |= {(channel.url, subdir) for channel in new for subdir in subdirs}

    def without_shards(self, channel: Channel) -> None:
        """Read the channel from now on as one that has no shards."""
        if channel.url not in self._unsharded:
            self._unsharded.add(channel.url)
            self._open()  # rattler's configuration cannot be changed

    def forget(self, channel: Channel, subdir: str) -> None:
        """Remove what the cache has for a subdir of a channel, which rattler keeps before it reads it.

        The channel's server may have said that it is good for an hour, whatever it is.
        """
        if self._is_offline:
            return
        place = f"{RattlerChannel(channel.url).base_url.rstrip('/')}/{subdir}"
        (self._directory / f"{_cache_key(f'{place}/{INDEX}/')}.shards-cache-v1").unlink(missing_ok=True)
        for extension in (".json", ".info.json"):
            (self._directory / f"{_cache_key(place)}{extension}").unlink(missing_ok=True)


def _sweep(directory: Path) -> None:
    """Remove what downloads of processes that were killed have left in a cache."""
    try:
        left = [Path(entry) for entry in os.scandir(directory) if entry.name.startswith(".tmp")]
    except OSError:
        return
    for path in left:
        with contextlib.suppress(OSError):  # another process was quicker
            if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _cache_key(url: str) -> str:
    """Return what rattler and conda call the cached answer of a URL."""
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()[:8]


def gateway(channels: Sequence[Channel], settings: Settings) -> CheckedGateway:
    """Return the gateway to the repodata of `channels`, which are queried by their `url`.

    Repodata is kept in `settings.cache`/repodata; with `settings.offline` only what lies there, however old, and
    `file://` channels are read.
    """
    fetching = client(channels, settings, seconds=settings.repodata_timeout or None)
    return CheckedGateway(settings.cache / "repodata", fetching, channels, settings)


def check(source: Gateway, channels: Sequence[Channel], platform: str) -> None:
    """Return when the repodata of each of `channels` can be read for `platform` (a subdir) and noarch.

    Asks one channel and subdir after the other, so that a failure whose text names no URL (HTML in place of JSON) has
    a place. Raises ChannelError that names the channel, its place and the way out.
    """

    async def names(channel: Channel, subdir: str) -> None:
        await source.names([channel.url], [Subdir(subdir)], channel_relations="disabled")

    for channel in channels:
        for subdir in dict.fromkeys((platform, "noarch")):
            try:
                asyncio.run(names(channel, subdir))
            except BaseException as error:
                if isinstance(error, GATEWAY_ERRORS) or is_panic(error):
                    raise channel_error(error, [channel], subdir=None if names_place(error) else subdir) from error
                raise


def _targets(channel: Channel) -> tuple[str, ...]:
    """Return where requests for the channel go in its place; nothing when they go where they say."""
    targets = channel.access.targets() if channel.access is not None else channel.mirrors
    return () if targets in ((), (channel.url,)) else targets


def _headers(authorizations: Sequence[Authorization]) -> Callable[[str, str], dict[str, str] | None]:
    def headers(host: str, path: str) -> dict[str, str] | None:
        fitting = [one for one in authorizations if one.host == host and path.startswith(one.path)]
        longest = max(fitting, key=lambda one: len(one.path), default=None)
        return {"Authorization": longest.header} if longest is not None else None

    return headers


def _refuse(host: str, _path: str) -> dict[str, str] | None:
    raise ConnectionError(f"envmgr is offline, and {host} was asked")
