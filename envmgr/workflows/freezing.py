"""`--freeze-installed`: packages that are there, as pins that a solve does not break."""

from __future__ import annotations

from collections.abc import Iterable

from envmgr.lock.model import Lock
from envmgr.settings import Settings


def frozen(settings: Settings, lock: Lock, moving: Iterable[str]) -> Settings:
    """Return the settings for a solve in which no conda package of `lock` changes but those named in `moving`."""
    free = frozenset(moving)
    pins = tuple(
        (f"{package.name} =={package.version} {package.build}", "--freeze-installed")
        for package in lock.conda
        if package.name not in free
    )
    return settings._replace(pinned_packages=(*settings.pinned_packages, *pins))
