"""`remove`: an environment as a whole."""

from __future__ import annotations

from envmgr.errors import EnvironmentNotFound
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import layout, removal
from envmgr.store.layout import Location


def find(settings: Settings, *, name: str | None, prefix: str | None) -> Location:
    """Return the environment that is to be removed; raises EnvironmentNotFound or NotAnEnvironment."""
    try:
        return layout.find(settings, name=name, prefix=prefix)
    except EnvironmentNotFound as error:
        # Elsewhere the hint is how to create it.
        error.hint = "envmgr env list" if error.hint is None or "create" in error.hint else error.hint
        raise


def remove(location: Location, settings: Settings, reporter: Reporter, *, override_frozen: bool = False) -> None:
    """Remove the environment with its kept generations; raises FrozenEnvironment or StoreError."""
    removal.remove(location, settings=settings, reporter=reporter, override_frozen=override_frozen)
