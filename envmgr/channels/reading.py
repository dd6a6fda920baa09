"""Channels brought into the cache before anything is asked of them: bounded in size, and never slower than a limit.

rattler decompresses whatever comes, and waits as long as anything comes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Protocol

from rattler import PackageName, Subdir

from envmgr.channels.arrivals import LEAST_RATE, no_larger_file, settled
from envmgr.channels.failures import GATEWAY_ERRORS, channel_error, is_panic, names_place
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.urls import path_of_file_url, redact

_NOT_MODIFIED = "(304 Not Modified)"
_NO_INDEX = re.compile(
    r"\((?:400|403|405|406|410|415) [^)]*\)[^\n]*repodata_shards|decode zstd shard|empty response|parse shard index"
)


class Bounds:
    """What a channel may do: `size` are the bytes that an index may have unpacked, `idle` the seconds in which it may
    send next to nothing; 0: as much, or as long, as it likes."""

    def __init__(self, *, size: int, idle: float) -> None:
        self.size, self.idle = size, idle


class Source(Protocol):
    """A gateway whose cache and configuration can be mended; see CheckedGateway."""

    async def names(
        self, sources: list[Any], platforms: list[Any], channel_relations: Any = None
    ) -> Sequence[PackageName]: ...

    def forget(self, channel: Channel, subdir: str) -> None: ...

    def without_shards(self, channel: Channel) -> None: ...


async def read(source: Source, channels: Sequence[Channel], subdirs: Sequence[str], bounds: Bounds) -> None:
    """Return when the repodata of each channel is in the cache for each subdir, or is said not to be there.

    What came and is no repodata is forgotten; what is no index of shards, however it is said, is taken for none. Raises
    ChannelError that names the channel which cannot be read, the first in order where there are several.
    """
    places = [(channel, subdir) for channel in channels for subdir in subdirs if path_of_file_url(channel.url) is None]
    if not places:
        return

    with no_larger_file(bounds.size):
        tasks = [asyncio.ensure_future(_ask(source, *place)) for place in places]
        try:
            is_settled = await settled(tasks, bounds.idle)
            failed = [(place, task.exception()) for place, task in zip(places, tasks, strict=True) if task.done()]
            for (channel, subdir), error in failed:
                if error is None:
                    continue
                if isinstance(error, GATEWAY_ERRORS) and names_place(error):
                    raise channel_error(error, [channel], subdir=None) from error
                if isinstance(error, GATEWAY_ERRORS) or is_panic(error):
                    source.forget(channel, subdir)
                    raise channel_error(error, [channel], subdir=subdir) from None
                raise error
            if not is_settled:
                raise _silent([place for place, task in zip(places, tasks, strict=True) if not task.done()], bounds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(source: Source, channel: Channel, subdir: str) -> None:
    is_current = is_sharded = True
    while True:
        try:
            await source.names([channel.url], [Subdir(subdir)], channel_relations="disabled")
            return
        except GATEWAY_ERRORS as error:
            # rattler asks whether its index of shards is current, and does not know what a 304 without an ETag
            # and a date answers: so it is asked for as if there were none.
            if is_current and _NOT_MODIFIED in str(error):
                is_current = False
                source.forget(channel, subdir)
            # A store of files may say 403 for what it has not, or a page for whatever is asked.
            elif is_sharded and _NO_INDEX.search(str(error)):
                is_sharded = False
                source.without_shards(channel)
            else:
                raise


def _silent(places: Sequence[tuple[Channel, str]], bounds: Bounds) -> ChannelError:
    names = dict.fromkeys(redact(channel.name) for channel, _ in places)
    what = ", ".join(f"{redact(channel.url)}/{subdir}" for channel, subdir in places)
    who = f"the channel `{next(iter(names))}`" if len(names) == 1 else f"one of the channels {', '.join(names)}"
    return ChannelError(
        f"{who} cannot be used: {what} has sent less than {LEAST_RATE} bytes a second for {bounds.idle:g} s",
        hint="try again later, name a mirror in channels.yaml, or wait longer: "
        f"`envmgr config set repodata_idle_timeout {int(bounds.idle) * 10}`",
        details={"channel": next(iter(names)), "url": redact(places[0][0].url)},
    )
