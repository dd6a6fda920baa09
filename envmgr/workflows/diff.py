"""`diff`: what is new, gone and changed between two environments, generations or lock files."""

from __future__ import annotations

from typing import NamedTuple

from envmgr.lock.difference import Difference, between
from envmgr.settings import Settings
from envmgr.workflows.request import WHOLE, Choice
from envmgr.workflows.sides import Side, side


class Comparison(NamedTuple):
    """Both sides and what leads from the first to the second."""

    old: Side
    new: Side
    difference: Difference


def compare(
    old: str, new: str, settings: Settings, *, platform: str | None = None, choice: Choice = WHOLE
) -> Comparison:
    """Return the difference between two things, each a name, a path, `NAME@N`, or a lock file of any kind.

    `platform` (a subdir; None: this machine's, or the only one) and `choice` choose from lock files of several.
    Raises as `side` does.
    """
    sides = [side(text, settings, platform=platform, choice=choice) for text in (old, new)]
    return Comparison(sides[0], sides[1], between(sides[0].lock, sides[1].lock))
