"""Building a channel of recipes."""

from __future__ import annotations

from collections.abc import Sequence

from envmgr.channels.assembly import Assembly
from envmgr.channels.built import BuildReport
from envmgr.channels.model import Channel
from envmgr.reporting import Reporter
from envmgr.settings import Settings


def build(
    channel: Channel, *, settings: Settings, reporter: Reporter, only: Sequence[str] | None = None
) -> BuildReport:
    """Build what the recipes of a channel lack, index it, and publish it in one step.

    `only` names recipes (directories); the others stay as they are. Raises ChannelError naming every recipe that
    cannot be built, with file and line, after what could be built has been published.
    """
    return Assembly(channel, settings=settings, reporter=reporter).build(only)
