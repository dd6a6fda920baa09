"""The shards of a channel (CEP 16), fetched by us: rattler keeps whatever comes under the hash that it asked for.

rattler 0.28 looks at no hash, and unpacks what comes before it keeps it, whatever its size (test_bad_channels.py holds
both). So what a solve can reach is brought into its cache before it looks there: each shard once, held against the
sha256 by which its index names it, and marked by the modification time 0. Beside it stand the names that its records
depend on, so that the next walk opens none. What rattler fetched nevertheless is fetched once more, and compared.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rattler import Channel as RattlerChannel
from rattler import Client
from rattler.package_streaming import download_to_path

from envmgr.channels.arrivals import LEAST_RATE, no_larger_file, settled
from envmgr.channels.failures import channel_error
from envmgr.channels.model import Channel
from envmgr.channels.shard_index import ShardIndex, dependencies
from envmgr.errors import ChannelError
from envmgr.urls import path_of_file_url, redact

INDEX = "repodata_shards.msgpack.zst"
_AT_ONCE = 50
_LARGEST = 1 << 28  # bytes of a shard, unpacked; python's has some millions


class _Shard(NamedTuple):
    digest: str
    url: str
    channel: Channel


class ShardCache:
    """The shards that rattler keeps below `directory`, its cache; `client` fetches from `channels`.

    A channel that sends next to nothing for `idle` seconds is given up (0: never).
    """

    def __init__(self, directory: Path, client: Client, channels: Sequence[Channel], *, idle: float = 0) -> None:
        self._directory = directory
        self._shards = directory / "shards-v1"
        self._client = client
        self._idle = idle
        self._channels = [channel for channel in channels if path_of_file_url(channel.url) is None]
        self._indexes: dict[tuple[str, str], tuple[Channel, ShardIndex] | None] = {}
        self._walked: set[str] = set()
        self._seen = 0  # when the directory had changed last, in nanoseconds
        self._wrong: ChannelError | None = None

    async def bring(self, names: Iterable[str], subdirs: Collection[str], *, recursive: bool) -> None:
        """Bring the shards of these package names into the cache, and of all that they depend on where `recursive`.

        What no sharded index has is left to whoever asks for it. Raises ChannelError for a shard that cannot be had,
        or is not what its index names, after it was removed, and from then on.
        """
        if self._wrong is not None:
            raise self._wrong
        indexes = list(self._open(subdirs))
        frontier = {name.lower() for name in names} - self._walked
        while indexes and frontier:
            found = {
                digest: _Shard(digest, f"{index.base}/{digest}.msgpack.zst", channel)
                for channel, index in indexes
                for name in frontier
                if (digest := index.hashes.get(name, b"").hex())
            }
            reached = await self._all_names(list(found.values()))
            if not recursive:
                return
            self._walked |= frontier
            frontier = reached - self._walked

    async def check(self, subdirs: Collection[str]) -> None:
        """Return when every shard of these subdirs in the cache is what its channel's index names.

        Raises ChannelError for one that is not, after it was removed, and from then on: a gateway has read it.
        """
        if self._wrong is not None:
            raise self._wrong
        changed = self._changed()
        if not self._channels or changed == self._seen:
            return
        new = [entry.name.partition(".")[0] for entry in os.scandir(self._shards) if _is_new(entry)]
        found = [
            _Shard(digest, f"{index.base}/{digest}.msgpack.zst", channel)
            for digest in new
            for channel, index in self._open(subdirs)
            if bytes.fromhex(digest) in index.hashes.values()
        ]
        await self._all_names(list({shard.digest: shard for shard in found}.values()))
        self._seen = changed

    def _changed(self) -> int:
        try:
            return self._shards.stat().st_mtime_ns
        except OSError:
            return 0

    def _open(self, subdirs: Iterable[str]) -> Iterator[tuple[Channel, ShardIndex]]:
        """Yield the indexes of these subdirs that rattler has in its cache."""
        for channel in self._channels:
            for subdir in subdirs:
                key = (channel.url, subdir)
                if self._indexes.get(key) is None:
                    self._indexes[key] = self._read(channel, subdir)
                found = self._indexes[key]
                if found is not None:
                    yield found

    def _read(self, channel: Channel, subdir: str) -> tuple[Channel, ShardIndex] | None:
        try:
            data = self._index_path(channel, subdir).read_bytes()
        except OSError:
            return None
        return (channel, ShardIndex(data, _place(channel, subdir))) if b"shards" in data else None

    def _index_path(self, channel: Channel, subdir: str) -> Path:
        name = hashlib.md5(f"{_place(channel, subdir)}/{INDEX}/".encode(), usedforsecurity=False).hexdigest()[:8]
        return self._directory / f"{name}.shards-cache-v1"

    def _forget(self, shard: _Shard) -> None:
        """Remove the indexes of a channel whose shard cannot be had: they may be older than its server says."""
        for url, subdir in self._indexes:
            if url == shard.channel.url:
                self._index_path(shard.channel, subdir).unlink(missing_ok=True)

    async def _all_names(self, shards: Sequence[_Shard]) -> set[str]:
        """Return the names that all of these shards depend on, with each in the cache and checked."""
        known = {shard.digest: self._known_names(shard.digest) for shard in shards}
        missing = [shard for shard in shards if known[shard.digest] is None]
        reached = {name for names in known.values() if names is not None for name in names}
        if not missing:
            return reached
        turn = asyncio.Semaphore(_AT_ONCE)
        self._shards.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp", dir=self._directory) as scratch, no_larger_file(_LARGEST):
            tasks = [asyncio.ensure_future(self._fetch(shard, Path(scratch), turn)) for shard in missing]
            try:
                if not await settled(tasks, self._idle):
                    late = next(shard for shard, task in zip(missing, tasks, strict=True) if not task.done())
                    raise _error(late, f"comes with less than {LEAST_RATE} bytes a second for {self._idle:g} s")
                for task in tasks:
                    if task.done():
                        reached |= task.result()
            except ChannelError as error:
                self._wrong = error
                raise
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return reached

    def _known_names(self, digest: str) -> set[str] | None:
        """Return the names that a shard which was checked depends on, None where it was not."""
        try:
            if (self._shards / f"{digest}.msgpack").stat().st_mtime_ns != 0:
                return None
            return set((self._shards / f"{digest}.names").read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError):
            return None

    async def _fetch(self, shard: _Shard, scratch: Path, turn: asyncio.Semaphore) -> set[str]:
        """Fetch a shard into the cache, and return the names that it depends on; raises ChannelError."""
        packed, kept = scratch / f"{shard.digest}.zst", self._shards / f"{shard.digest}.msgpack"
        try:
            async with turn:
                await download_to_path(self._client, shard.url, packed)
        except Exception as error:
            kept.unlink(missing_ok=True)
            self._forget(shard)
            said = str(error).strip("'\"") or repr(error)
            said = said if shard.url in said else f"{said} for url ({shard.url})"
            raise channel_error(ChannelError(said), [shard.channel]) from error
        fault = await asyncio.to_thread(_keep, packed, kept, shard.digest)
        if fault is not None:
            kept.unlink(missing_ok=True)
            raise _error(shard, fault)
        return self._known_names(shard.digest) or set()


def _place(channel: Channel, subdir: str) -> str:
    return f"{RattlerChannel(channel.url).base_url.rstrip('/')}/{subdir}"


def _keep(packed: Path, kept: Path, digest: str) -> str | None:
    """Put a shard that was fetched into the cache, and return what is wrong with it where it is not put there."""
    data = packed.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        return f"has the sha256 {found}, its index says {digest}"
    unpacked = _unpacked(data)
    if unpacked is None:
        return f"is not packed by zstd, or is larger than {_LARGEST >> 20} MiB"
    try:
        if kept.read_bytes() != unpacked:
            return "was another file a moment ago"
    except FileNotFoundError:
        new = packed.with_suffix(".msgpack")
        new.write_bytes(unpacked)
        os.replace(new, kept)
    names = packed.with_suffix(".names")
    names.write_text("\n".join(sorted(name for name in dependencies(unpacked) if name.isprintable())), encoding="utf-8")
    os.replace(names, kept.with_suffix(".names"))
    os.utime(kept, (0, 0))
    return None


def _unpacked(data: bytes) -> bytes | None:
    # start-up time: only where a shard is new
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    unpacking = zstd.ZstdDecompressor()
    try:
        unpacked: bytes = unpacking.decompress(data, max_length=_LARGEST)
    except zstd.ZstdError:
        return None
    return unpacked if unpacking.eof else None


def _is_new(entry: os.DirEntry[str]) -> bool:
    stem, _, extension = entry.name.partition(".")
    return extension == "msgpack" and len(stem) == 64 and entry.stat().st_mtime_ns != 0


def _error(shard: _Shard, fault: str) -> ChannelError:
    name = redact(shard.channel.name)
    return ChannelError(
        f"the channel `{name}` cannot be used: {redact(shard.url)} {redact(fault)}",
        hint="run the command again; if it stays so, tell the maintainers, or name a mirror in channels.yaml",
        details={"channel": name, "url": redact(shard.channel.url)},
    )
