"""Channels of recipes: built where a command needs them and they are not current."""

from __future__ import annotations

from collections.abc import Sequence

from envmgr.channels import built
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.reporting import Reporter
from envmgr.settings import Settings


def build_recipe_channels(channels: Sequence[Channel], settings: Settings, reporter: Reporter) -> None:
    """Build those channels that have recipes and are missing or out of date.

    A recipe that cannot be built, for want of a network say, is a warning where the channel has an index already.
    Raises ChannelError where it has none.
    """
    for channel in dict.fromkeys(channels):
        if channel.recipes is None or built.is_current(channel, settings):
            continue
        from envmgr.channels import building  # start-up time: recipes are rendered by a heavy library

        try:
            building.build(channel, settings=settings, reporter=reporter)
        except ChannelError as error:
            if not (built.directory_of(channel, settings) / "noarch/repodata.json").is_file():
                raise
            reporter.warning(f"{error.message}; used is what the channel {channel.name} has")
