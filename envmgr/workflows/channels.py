"""Building and listing the channels that channels.yaml and envmgr know by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envmgr.channels import building
from envmgr.channels.built import BuildReport
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.usage import using_cache
from envmgr.urls import redact


def build(
    names: Sequence[str], settings: Settings, reporter: Reporter, *, beside: Path
) -> tuple[tuple[Channel, BuildReport], ...]:
    """Build the named channels, or all that have recipes; `beside` is where channels.yaml is looked for first.

    Raises ChannelError for a name without recipes and for a recipe that cannot be built.
    """
    table = ChannelTable.read(settings, beside=(beside,))
    channels = table.resolve(names) if names else table.with_recipes()
    for channel in channels:
        if channel.recipes is None:
            raise ChannelError(
                f"channel `{channel.name}` has no recipes: it comes from {redact(channel.url)}",
                hint="`envmgr channel build` without a name builds every channel that has recipes",
            )
    if not channels:
        raise ChannelError(
            "no channel with recipes is known here",
            hint="name one in channels.yaml, as `channels: {ours: {recipes: recipes}}`",
        )
    with using_cache(settings):
        return tuple((channel, building.build(channel, settings=settings, reporter=reporter)) for channel in channels)


def known(settings: Settings, *, beside: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return every channel known by name with where it comes from (URLs, or a directory of recipes)."""
    table = ChannelTable.read(settings, beside=(beside,))
    return tuple(
        (
            name,
            tuple(
                f"recipes in {channel.recipes}" if channel.recipes else redact(channel.url)
                for channel in table.resolve((name,))
            ),
        )
        for name in table.names()
    )
