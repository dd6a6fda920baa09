"""The shards of a channel (CEP 16), held against the sha256 by which its index names them.

rattler 0.28 keeps a shard under the hash that it asked for, whatever came, and unpacked, so that its hash cannot be
looked at afterwards (test_bad_channels.py holds both). So each shard that is new in the cache is fetched once more:
what has the right hash says what the cache has to hold. A shard that was checked has the modification time 0.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

from rattler import Channel as RattlerChannel
from rattler import Client
from rattler.package_streaming import download_to_path

from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.urls import path_of_file_url, redact

INDEX = "repodata_shards.msgpack.zst"
_BASE_URL = b"\xafshards_base_url"  # a key of 15 bytes, as msgpack writes it
_AT_ONCE = 50


class _Shard(NamedTuple):
    path: Path  # where rattler keeps it
    url: str
    channel: Channel


class ShardCache:
    """The shards that rattler keeps below `directory`, its cache; `client` fetches from `channels`."""

    def __init__(self, directory: Path, client: Client, channels: Sequence[Channel]) -> None:
        self._directory = directory
        self._client = client
        self._channels = [channel for channel in channels if path_of_file_url(channel.url) is None]
        self._seen = 0  # when the directory had changed last, in nanoseconds
        self._wrong: ChannelError | None = None

    async def check(self, subdirs: Iterable[str]) -> None:
        """Return when every shard of these subdirs in the cache is what its channel's index names.

        Raises ChannelError for one that is not, after it was removed, and from then on: a gateway has read it.
        """
        if self._wrong is not None:
            raise self._wrong
        changed = self._changed()
        if not self._channels or changed == self._seen:
            return
        new = {entry.name: Path(entry) for entry in os.scandir(self._directory / "shards-v1") if _is_new(entry)}
        found = list(self._named(new, tuple(subdirs))) if new else []
        if found:
            turn = asyncio.Semaphore(_AT_ONCE)
            with tempfile.TemporaryDirectory(dir=self._directory) as scratch:
                try:
                    await asyncio.gather(*(self._check(shard, Path(scratch), turn) for shard in found))
                except ChannelError as error:
                    self._wrong = error
                    raise
        self._seen = changed

    def _changed(self) -> int:
        try:
            return (self._directory / "shards-v1").stat().st_mtime_ns
        except OSError:
            return 0

    def _named(self, new: dict[str, Path], subdirs: Sequence[str]) -> Iterator[_Shard]:
        """Yield those of the new shards that an index in use names, and where they come from."""
        for channel in self._channels:
            for subdir in subdirs:
                asked = f"{RattlerChannel(channel.url).base_url.rstrip('/')}/{subdir}/{INDEX}"
                name = hashlib.md5(f"{asked}/".encode(), usedforsecurity=False).hexdigest()[:8]
                try:
                    index = (self._directory / f"{name}.shards-cache-v1").read_bytes()
                except OSError:
                    continue
                base = urljoin(asked, _text_after(index, _BASE_URL)).rstrip("/")
                for filename in [each for each in new if bytes.fromhex(each.partition(".")[0]) in index]:
                    yield _Shard(path=new.pop(filename), url=f"{base}/{filename}.zst", channel=channel)

    async def _check(self, shard: _Shard, scratch: Path, turn: asyncio.Semaphore) -> None:
        again = scratch / f"{shard.path.name}.zst"
        try:
            async with turn:
                await download_to_path(self._client, shard.url, again)
            fault = await asyncio.to_thread(_fault, shard.path, again)
        except Exception as error:
            fault = f"cannot be checked: {str(error).splitlines()[0] if str(error) else error!r}"
        if fault is not None:
            shard.path.unlink(missing_ok=True)
            name = redact(shard.channel.name)
            raise ChannelError(
                f"the channel `{name}` cannot be used: {redact(shard.url)} {redact(fault)}",
                hint="run the command again; if it stays so, tell the maintainers, or name a mirror in channels.yaml",
                details={"channel": name, "url": redact(shard.channel.url)},
            )
        os.utime(shard.path, (0, 0))


def _is_new(entry: os.DirEntry[str]) -> bool:
    stem, _, extension = entry.name.partition(".")
    return extension == "msgpack" and len(stem) == 64 and entry.stat().st_mtime_ns != 0


def _fault(kept: Path, packed: Path) -> str | None:
    """Return what is wrong with a shard in the cache, given one that was fetched for the same name."""
    data, named = packed.read_bytes(), kept.name.partition(".")[0]
    found = hashlib.sha256(data).hexdigest()
    if found != named:
        return f"has the sha256 {found}, its index says {named}"
    expected = kept.read_bytes()
    return None if _unpacked(data, len(expected) + 1) == expected else "was another file a moment ago"


def _unpacked(data: bytes, most: int) -> bytes:
    # start-up time: only where a shard is new
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    unpacked: bytes = zstd.ZstdDecompressor().decompress(data, max_length=most)
    return unpacked


def _text_after(data: bytes, key: bytes) -> str:
    """Return the text that msgpack has after a key; empty where there is none."""
    at = data.find(key) + len(key)
    if at < len(key) or at >= len(data):
        return ""
    form = data[at]
    if 0xA0 <= form <= 0xBF:
        start, length = at + 1, form & 0x1F
    elif form in (0xD9, 0xDA):
        start = at + 2 + (form == 0xDA)
        length = int.from_bytes(data[at + 1 : start], "big")
    else:
        return ""
    return data[start : start + length].decode(errors="replace")
