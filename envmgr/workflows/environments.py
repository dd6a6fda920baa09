"""Which environments exist (light: `env list` and completion pay for it)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from envmgr.errors import StoreError
from envmgr.settings import Settings
from envmgr.store import generations, registry
from envmgr.store.layout import Location


def environments(settings: Settings) -> dict[str, Any]:
    """Return `env list --json`: conda's `envs` and `envs_details`, and by prefix what envmgr knows of each."""
    described = {str(each.prefix): _described(each, settings) for each in registry.environments(settings)}
    return {"envs": list(described), "envs_details": details(described), "environments": described}


def details(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return conda's `envs_details`, of which editors take the names; without a name it has the empty one there."""
    keys = ("active", "base", "frozen", "writable")
    return {
        prefix: {
            "name": each["name"] or "",
            "created": _created(prefix) or each["created"],
            "last_modified": _modified(prefix),
            **{key: each[key] for key in keys},
        }
        for prefix, each in described.items()
    }


def _created(prefix: str) -> str | None:
    """Return the moment that conda wrote down, None where it did not."""
    try:
        with open(os.path.join(prefix, "conda-meta/created_at"), encoding="ascii") as file:
            return _time(float(file.read(40)))
    except (OSError, ValueError, OverflowError):
        return None


def _modified(prefix: str) -> str | None:
    try:
        return _time(os.stat(os.path.join(prefix, "conda-meta/history")).st_mtime)
    except OSError:
        return None


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


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
