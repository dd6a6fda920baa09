"""What is built of a channel of recipes, and whether that is current.

Light on purpose: a create that finds everything built reads one file and the names in the recipes' directory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.channels.interpreter import Interpreter
from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.settings import Settings
from envmgr.urls import path_of_file_url

BUILDER = 1  # a higher number builds every recipe again
STATE = "envmgr-channel.json"
_SCHEMA = 1


class Built(NamedTuple):
    """One artifact that was built, below the channel's directory, and how long it took."""

    recipe: str
    artifact: str
    seconds: float


class BuildReport(NamedTuple):
    """What a build did: artifacts built, artifacts kept (paths below the channel's directory), seconds in all."""

    built: tuple[Built, ...]
    kept: tuple[str, ...]
    seconds: float


def directory_of(channel: Channel, settings: Settings) -> Path:
    """Return where the artifacts of a channel of recipes are built.

    Raises ChannelError when its URL is not a directory below `cache/channels`, which is all that is ever written to.
    """
    directory = path_of_file_url(channel.url)
    if channel.recipes is None or directory is None or directory.parent.parent != settings.cache / "channels":
        raise ChannelError(f"channel {channel.name} is not built from recipes")
    return directory


def home(directory: Path) -> Path:
    """Return where the generations of a built channel are: its directory is a symlink to one of them."""
    return directory.with_name(f"{directory.name}.d")


def name_of(url: str, settings: Settings) -> str | None:
    """Return the name of the channel of recipes that is built at `url` in this cache, None where none is."""
    directory = path_of_file_url(url)
    is_built = directory is not None and directory.parent.parent == settings.cache / "channels"
    return directory.name if directory is not None and is_built else None


def is_current(channel: Channel, settings: Settings) -> bool:
    """Whether everything in the channel's recipes is built and indexed, by names, sizes and times of the recipes.

    Raises ChannelError for a channel without recipes.
    """
    directory = directory_of(channel, settings)
    assert channel.recipes is not None
    state = read_state(directory)
    return bool(state) and state.get("stamp") == stamp(channel.recipes, Interpreter.running())


def stamp(recipes: Path, interpreter: Interpreter) -> str:
    """Return a text that changes whenever a recipe, a file beside one or the interpreter may have changed."""
    lines = [f"{BUILDER}", interpreter.stamp]
    for folder, folders, names in os.walk(recipes):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            lines.append(f"{os.path.relpath(path, recipes)} {facts.st_size} {facts.st_mtime_ns} {facts.st_mode}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def read_state(directory: Path) -> dict[str, Any]:
    """Return what the last build wrote down about a channel's directory; empty where there is nothing usable."""
    try:
        state = json.loads((directory / STATE).read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("schema") == _SCHEMA else {}


def write_state(directory: Path, *, stamp: str, builds: Sequence[dict[str, Any]]) -> None:
    """Write down what a channel's directory holds, replacing the file in one step."""
    path = directory / STATE
    scratch = path.with_name(f".{STATE}.{os.getpid()}")
    document = {"schema": _SCHEMA, "stamp": stamp, "builds": list(builds)}
    scratch.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(scratch, path)
