"""The channels that an environment was asked for with, wherever the next command runs, and what `-c` adds to them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, UsageError
from envmgr.lock.model import Lock
from envmgr.settings import Settings
from envmgr.urls import is_url, without_credentials


def channels_of(lock: Lock, settings: Settings) -> tuple[str, ...]:
    """Return the names of the lock's channels; those that mean something only where the file is, as their URLs."""
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    found: list[str] = []
    at = 0
    for name in lock.request.channels:
        urls = _urls(table, name)
        is_known = is_url(name) or name in table.entries or name.partition("/")[0] in table.entries
        is_same = bool(urls) and urls == lock.channels[at : at + len(urls)]
        found.append(name if is_known or is_same or at >= len(lock.channels) else lock.channels[at])
        at += max(len(urls), 1) if is_known or is_same else 1
    return tuple(dict.fromkeys(found or lock.channels))


def channels_here(lock: Lock, settings: Settings) -> tuple[Channel, ...]:
    """Return the channels of a lock with the mirrors and credentials that they have here, to fetch what it names."""
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    found: dict[str, Channel] = {}
    # By name first: credentials belong to names. What is gone since then is missed when something has to come from it.
    for name in (*lock.request.channels, *lock.channels):
        with contextlib.suppress(ChannelError):
            found = {channel.url: channel for channel in table.resolve((name,))} | found
    return tuple(found.values())


def _urls(table: ChannelTable, name: str) -> tuple[str, ...]:
    try:
        return tuple(channel.url for channel in table.resolve((name,)))
    except ChannelError:  # said where the channel is used
        return ()


def with_channels(names: Sequence[str], added: Sequence[str], *, override: bool) -> tuple[str, ...]:
    """Return the channels after the change: new ones behind the others, so that no package changes its channel."""
    if override:
        if not added:
            raise UsageError("--override-channels leaves no channel", hint="add -c CHANNEL")
        return tuple(added)
    given = {plain(name): name for name in added}
    kept = [given.pop(plain(name), name) for name in names]  # given again, it may have credentials
    return (*kept, *given.values())


def plain(channel: str) -> str:
    return (without_credentials(channel) if is_url(channel) else channel).rstrip("/")
