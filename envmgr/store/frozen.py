"""Environments that ask not to be changed (CEP 22)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from envmgr.errors import FrozenEnvironment
from envmgr.store.layout import Location

MARKER = "conda-meta/frozen"
_LARGEST = 1 << 16  # bytes of the marker that are read


def check_thawed(location: Location, *, override: bool = False) -> None:
    """Raise FrozenEnvironment with the marker's own message where conda-meta/frozen exists, unless overridden."""
    path = location.prefix / MARKER
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        content = b""
    if override:
        return
    raise FrozenEnvironment(
        f"{location.label} is protected by {path}: {_message(content) or 'it may not be changed'}",
        hint="to change it all the same, add --override-frozen",
    )


def keep_marker(old: Path | None, tree: Path) -> None:
    """Copy the marker of the tree that is replaced: to override it once is not to take it away."""
    if old is not None:
        with contextlib.suppress(OSError), (old / MARKER).open("rb") as file:
            (tree / MARKER).write_bytes(file.read(_LARGEST))


def _message(content: bytes) -> str:
    try:
        document = json.loads(content)
        return str(document["message"]).strip()
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
