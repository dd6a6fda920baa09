"""A lock by what a person calls it: an environment, a generation `NAME@N`, a lock file, a file with its lock beside."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, EnvmgrError, LockError
from envmgr.lock.model import Lock
from envmgr.platforms.subdirs import current_subdir
from envmgr.settings import Settings
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.store import layout, recorded
from envmgr.store.layout import Location
from envmgr.workflows import foreign, lock_file
from envmgr.workflows.reading import lock_of
from envmgr.workflows.request import WHOLE, Choice, CreateRequest, SourceText

_GENERATION = re.compile(r"(?P<environment>.+)@(?P<number>[0-9]{1,18})")
_LOCK_SUFFIXES = (".yml", ".yaml", ".json", ".lock", ".txt", ".toml")


class Side(NamedTuple):
    """One thing that has a lock, as it was named; `location` is where it stands, for an environment."""

    label: str
    lock: Lock
    location: Location | None = None


def side(text: str, settings: Settings, *, platform: str | None = None, choice: Choice = WHOLE) -> Side:
    """Return what `text` names; `platform` (a subdir; None: this machine's, or the only one) chooses from a file.

    Raises EnvironmentNotFound, NotAnEnvironment, PrefixError for a generation that is not known, LockError and
    PlatformNotLocked.
    """
    path = Path(os.path.expanduser(text))
    if not _is_environment(text, settings):
        if path.exists() and not path.is_dir():  # a pipe of the shell's `<(…)` as well
            return Side(text, _of_file(path, text, settings, platform, choice))
        match = _GENERATION.fullmatch(text)
        if match is not None:
            location = _find(match["environment"], settings)
            return Side(text, recorded.lock_of(recorded.find(location, int(match["number"]))))
        if text.endswith(_LOCK_SUFFIXES) and not os.path.lexists(path):
            raise LockError(f"there is no file {text}", hint="name a lock file, an environment, or NAME@N")
    location = _find(text, settings)
    return Side(text, lock_of(location), location)


def _of_file(path: Path, label: str, settings: Settings, platform: str | None, choice: Choice) -> Lock:
    data = lock_file.read_bytes(path) or b""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LockError(f"{label} is no lock: it is not UTF-8") from error
    kind = kind_of(str(path), text)
    if kind is FileKind.ENVIRONMENT and text.strip():
        beside = lock_file.beside(CreateRequest(command=(), files=(SourceText(str(path), text),)))
        if beside is not None and beside.is_file() and beside != path:
            return _of_file(beside, str(beside), settings, platform, choice)
    if not kind.is_conda_lock:
        hint = f"lock it first: envmgr lock -f {label}" if kind is FileKind.ENVIRONMENT and text.strip() else None
        raise LockError(f"{label} is no lock but {kind.value}" if text.strip() else f"{label} is empty", hint=hint)
    there = foreign.platforms(text, label, choice)
    wanted = platform or (there[0] if len(there) == 1 else current_subdir())
    found = foreign.read(text, label, platform=wanted, settings=settings, choice=choice)
    if foreign.is_own(text):
        return found.lock
    table = ChannelTable.read(settings, beside=(path.absolute().parent,))
    return foreign.resolved({name: _urls(table, name) for name in found.lock.channels}, found.lock)


def _urls(table: ChannelTable, name: str) -> tuple[str, ...]:
    try:
        return tuple(channel.url for channel in table.resolve((name,)))
    except ChannelError:  # packages name their own
        return ()


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
