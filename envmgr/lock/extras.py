"""What an entry of conda-lock's format has no field for, to JSON values and back, without credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.urls import without_credentials, without_literal_credentials

_TUPLES = frozenset(
    {
        "channels",
        "channels_until",
        "config_settings",
        "constrains",
        "depends",
        "distributions",
        "requested",
        "requires",
        "track_features",
        "virtual_packages",
    }
)
_URLS = frozenset({"channel", "index_url", "url"})


def of(package: CondaPackage | PipPackage, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields called `names` that have a value."""
    values: dict[str, Any] = {}
    for name in names:
        value = getattr(package, name)
        if value is None or value in ((), "") or (name == "kind" and value == "wheel"):
            continue
        if name in _URLS:
            value = without_credentials(value)
        elif isinstance(value, tuple):
            value = [without_literal_credentials(text) for text in value]
        elif name == "other":
            value = without_literal_credentials(value)
        values[name] = value
    return values


def known(extras: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return those of the fields `names` that `extras` has, as the model has them."""
    return {name: tuple(extras[name]) if name in _TUPLES else extras[name] for name in names if name in extras}
