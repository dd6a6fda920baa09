"""`remove`: an environment as a whole."""

from __future__ import annotations

from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import layout, removal
from envmgr.store.layout import Location


def find(settings: Settings, *, name: str | None, prefix: str | None) -> Location:
    """Return the environment that is to be removed; raises EnvironmentNotFound or NotAnEnvironment."""
    return layout.find(settings, name=name, prefix=prefix)


def remove(location: Location, settings: Settings, reporter: Reporter) -> None:
    """Remove the environment with its kept generations; raises FrozenEnvironment or StoreError."""
    removal.remove(location, settings=settings, reporter=reporter)
