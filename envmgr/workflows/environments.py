"""Which environments exist (light: `env list` and completion pay for it)."""

from __future__ import annotations

import os
from typing import Any

from envmgr.errors import StoreError
from envmgr.settings import Settings
from envmgr.store import generations, registry
from envmgr.store.layout import Location


def environments(settings: Settings) -> dict[str, Any]:
    """Return `env list --json`: conda's `envs` and, by prefix, what envmgr knows of each."""
    locations = registry.environments(settings)
    return {
        "envs": [str(location.prefix) for location in locations],
        "environments": {str(location.prefix): _described(location, settings) for location in locations},
    }


def _described(location: Location, settings: Settings) -> dict[str, Any]:
    try:
        generation = generations.current(location.prefix)
    except StoreError:
        generation = None  # what is wrong with one environment does not hide the others
    return {
        "name": location.name,
        "active": settings.environ.get("CONDA_PREFIX") == str(location.prefix),
        "base": False,
        "frozen": os.path.exists(location.prefix / "conda-meta/frozen"),
        "writable": os.access(location.prefix, os.W_OK),
        "generation": generation.number if generation else None,
        "created": generation.created if generation else None,
    }
