"""Which channels.yaml files are in force (light: the up-to-date check asks)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from envmgr.errors import ConfigError
from envmgr.settings import Settings

FILE_NAME = "channels.yaml"
SYSTEM_FILE = Path("/etc/envmgr") / FILE_NAME


def files(settings: Settings, *, beside: Sequence[Path], system: Path = SYSTEM_FILE) -> tuple[Path, ...]:
    """Return the channels.yaml files in force for environment files in the directories `beside`, first one first.

    Raises ConfigError when ENVMGR_CHANNELS names no file.
    """
    if settings.channels_file is not None:
        if not settings.channels_file.is_file():
            raise ConfigError(
                f"ENVMGR_CHANNELS names {settings.channels_file}, which is no file",
                hint="unset it, or correct the path",
            )
        return (settings.channels_file,)
    nearest = [path for directory in beside for path in _nearest(Path(directory).absolute())]
    others = (settings.config_file.parent / FILE_NAME, system)
    return tuple(dict.fromkeys([*nearest, *(path for path in others if path.is_file())]))


def _nearest(directory: Path) -> Iterator[Path]:
    for parent in (directory, *directory.parents):
        path = parent / FILE_NAME
        if path.is_file() and (parent == directory or _is_trusted(path)):
            yield path
            return


def _is_trusted(path: Path) -> bool:
    """Whether nobody else can have put the file there: in /tmp, everyone can give everyone channels."""
    try:
        everyone_writes = bool(path.parent.stat().st_mode & stat.S_IWOTH)
        return not everyone_writes or not hasattr(os, "getuid") or path.stat().st_uid in (0, os.getuid())
    except OSError:
        return False
