"""Locks beside environment files that were found to fit: for the same bytes they fit again, and need not be read.

To follow a lock means to read YAML, files and channels, and to check seals, closure and machine: for a small
environment that takes longer than linking it. All of it is a function of bytes that the key of what is remembered
names; whatever else takes part (a date, recipes, a pip half, anything that had to be said) is not remembered. Light.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, overload

from envmgr import __version__
from envmgr.artifacts.cache import ArtifactCache
from envmgr.errors import LockError
from envmgr.lock import conda_lock
from envmgr.lock.model import CondaPackage, Lock
from envmgr.platforms.driver import machine_mark
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise
from envmgr.workflows.beside import Beside
from envmgr.workflows.request import USUAL, CreateRequest, Inputs

if TYPE_CHECKING:  # start-up time: YAML
    from envmgr.channels.model import Channel

DIRECTORY = "fitting-locks"
MOST = 64  # locks that are remembered; 140 packages take 120 KiB
_SCHEMA = 1
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_DIGEST = 64  # hexadecimal digits before the lock itself


def key(request: CreateRequest, settings: Settings, inputs: Inputs) -> str | None:
    """Return the sha256 (hexadecimal) of all that decides whether the lock beside a file fits, None where more does.

    Raises OSError where a file of channels cannot be read.
    """
    machine = machine_mark(settings.environ)
    if inputs.digest is None or inputs.path is None or machine is None:
        return None
    if request.machine is not None or request.manner != USUAL:
        return None
    texts = [file.text for file in request.files]
    texts += [file.read_text(encoding="utf-8", errors="replace") for file in inputs.files]
    texts += [*request.channels, *settings.channels, settings.channel_alias or ""]
    named = sorted({name for text in texts for name in _VARIABLE.findall(text)})
    variables = [[name, settings.environ.get(name)] for name in named]
    places = [str(inputs.path.absolute()), os.getcwd(), str(settings.home), str(settings.config_file)]
    everything = [_SCHEMA, __version__, inputs.digest, places, settings.channel_alias, machine, variables]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


class Following(NamedTuple):
    """A lock that is followed again; the rest of what was asked for is read where artifacts have to be fetched."""

    lock: Lock
    request: CreateRequest
    settings: Settings
    reporter: Reporter
    inputs: Inputs
    cache: ArtifactCache

    @property
    def beside(self) -> Beside | None:
        """The lock file, as it was found to fit."""
        path = self.inputs.path
        return None if path is None else Beside(path, {self.lock.platform: self.lock}, self.lock, ())

    def missing(self) -> tuple[CondaPackage, ...]:
        """Return the artifacts that are not in the package cache."""
        return self.cache.missing(self.lock.conda)

    def realise(self, location: Location) -> Realised:
        """Make the environment where nothing is yet; see store.realise for what is raised."""
        wanted = RealiseRequest(
            location=location,
            lock=self.lock,
            channels=_Channels(self._read_channels),
            command=self.request.command,
            inputs_digest=self.inputs.digest or "",
            override_frozen=self.request.override_frozen,
        )
        return realise(
            wanted,
            settings=self.settings,
            cache=self.cache,
            reporter=self.reporter,
            already_done=wanted.is_done,
        )

    def _read_channels(self) -> Sequence[Channel]:
        from envmgr.workflows.locking import Locker  # start-up time: only where something is fetched

        platform, files = self.inputs.platform, self.inputs.files
        return Locker(self.request, self.settings, self.reporter, platform=platform, channel_files=files).channels


class _Channels(Sequence["Channel"]):
    """Channels that are read once somebody asks for them."""

    def __init__(self, read: Callable[[], Sequence[Channel]]) -> None:
        self._read = lru_cache(maxsize=1)(read)

    @overload
    def __getitem__(self, index: int) -> Channel: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Channel]: ...

    def __getitem__(self, index: int | slice) -> Channel | Sequence[Channel]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())


def find(key: str, request: CreateRequest, settings: Settings, reporter: Reporter, inputs: Inputs) -> Following | None:
    """Return what was remembered under `key`, None where there is nothing that is whole."""
    known = settings.cache / DIRECTORY / f"{key}.json"
    try:
        content = known.read_bytes()
        seal, data = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(data).hexdigest().encode() != seal:
            return None
        (lock,) = conda_lock.loads(data, source=str(known)).values()
        os.utime(known)  # what is used stays
    except (OSError, LockError, ValueError):
        return None
    return Following(lock, request, settings, reporter, inputs, ArtifactCache(settings))


def remember(key: str, lock: Lock, settings: Settings) -> None:
    """Remember that `lock` fits, and forget the one that was used the longest time ago where there are too many.

    A cache that cannot be written remembers nothing.
    """
    directory = settings.cache / DIRECTORY
    data = conda_lock.dumps_json(lock)
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        unfinished = directory / f".{key}.{os.getpid()}"
        unfinished.write_bytes(hashlib.sha256(data).hexdigest().encode() + data)
        unfinished.replace(directory / f"{key}.json")
        there = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in there[: max(len(there) - MOST, 0)]:
            path.unlink(missing_ok=True)
