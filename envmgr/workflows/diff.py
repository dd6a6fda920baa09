"""`diff`: what is new, gone and changed between two environments, generations or lock files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import EnvmgrError, LockError, PlatformNotLocked
from envmgr.lock import conda_lock
from envmgr.lock.difference import Difference, between
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir
from envmgr.settings import Settings
from envmgr.store import layout, recorded
from envmgr.store.layout import Location
from envmgr.workflows.reading import lock_of

_GENERATION = re.compile(r"(?P<environment>.+)@(?P<number>[0-9]{1,18})")
_LARGEST = 64 << 20  # bytes of a lock file; the largest real ones have a few
_LOCK_SUFFIXES = (".yml", ".yaml", ".json", ".lock")


class Side(NamedTuple):
    """One of the two things compared, as it was named, and its lock."""

    label: str
    lock: Lock


class Comparison(NamedTuple):
    """Both sides and what leads from the first to the second."""

    old: Side
    new: Side
    difference: Difference


def compare(old: str, new: str, settings: Settings, *, platform: str | None = None) -> Comparison:
    """Return the difference between two things, each a name, a path, `NAME@N`, or a lock file.

    `platform` (a subdir; None: this machine's, or the only one) chooses from lock files of several. Raises
    EnvironmentNotFound, NotAnEnvironment, PrefixError for a generation that is not known, LockError and
    PlatformNotLocked.
    """
    sides = [Side(text, _lock(text, settings, platform)) for text in (old, new)]
    return Comparison(sides[0], sides[1], between(sides[0].lock, sides[1].lock))


def _lock(text: str, settings: Settings, platform: str | None) -> Lock:
    path = Path(os.path.expanduser(text))
    if not _is_environment(text, settings):
        if path.exists() and not path.is_dir():  # a pipe of the shell's `<(…)` as well
            return _from_file(path, platform)
        match = _GENERATION.fullmatch(text)
        if match is not None:
            found = recorded.find(_find(match["environment"], settings), int(match["number"]))
            return recorded.lock_of(found)
        if text.endswith(_LOCK_SUFFIXES) and not os.path.lexists(path):
            raise LockError(f"there is no file {text}", hint="name a lock file, an environment, or NAME@N")
    return lock_of(_find(text, settings))


def _is_environment(text: str, settings: Settings) -> bool:
    """Whether something of exactly this name or path is an environment: it goes before every other meaning."""
    try:
        _find(text, settings)
    except EnvmgrError:  # there is none, or this cannot be the name of one
        return False
    return True


def _find(text: str, settings: Settings) -> Location:
    if os.sep in text or text in (".", "..", "~"):
        return layout.find(settings, prefix=text)
    return layout.find(settings, name=text)


def _from_file(path: Path, platform: str | None) -> Lock:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise LockError(f"{path} is no lock file: it has more than {_LARGEST >> 20} MiB")
    locks = conda_lock.loads(data, source=str(path))
    wanted = platform or (current_subdir() if len(locks) != 1 else next(iter(locks)))
    if wanted not in locks:
        raise PlatformNotLocked(
            f"{path} has no lock for {wanted}; it has {', '.join(sorted(locks)) or 'none'}",
            hint="choose one of them with --platform",
        )
    return locks[wanted]
