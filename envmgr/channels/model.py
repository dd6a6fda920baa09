"""A channel: a name that people write, and the URLs behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from envmgr.channels.credentials import Access
from envmgr.spec.model import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A date or a duration as it was written, and where."""

    text: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel in use.

    `name` is what users wrote (`conda-forge`, `embedded`, a URL), without credentials; `url` is the canonical base URL
    without subdir, trailing slash and credentials; `mirrors` are base URLs tried in order instead of `url` (empty:
    `url` itself); `recipes` is the absolute directory of recipes for a channel that is built on first use. Nothing
    that came after `exclude_newer` counts, which is `dated` as written and where, and moves with the clock where
    `is_moving`. `access` holds the same URLs with their credentials, in memory only: None where there are none.
    """

    name: str
    url: str
    mirrors: tuple[str, ...] = ()
    recipes: Path | None = None
    exclude_newer: datetime | None = None
    is_moving: bool = False
    dated: Dated | None = field(default=None, compare=False)
    access: Access | None = field(default=None, repr=False, compare=False)
