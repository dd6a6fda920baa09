"""Which environment a file was realised as, so that `run -f` with nothing to do reads nothing but file times.

A record holds the size, time and inode of everything that decided about the environment, and of what would if it
appeared. On the path of `run`: imports neither dataclasses nor pathlib, and no rattler, yaml or hashing.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping

from envmgr import __version__

_DIRECTORY = "followed"
_GENERATION = "conda-meta/envmgr/generation.json"
_PINNED = "conda-meta/pinned"
_BEGINNINGS = ("ENVMGR_", "CONDA_OVERRIDE_", "XDG_")
# A change within one tick of the file system's clock after a look leaves no trace in the time.
_TICK_NS = 20_000_000
Stamp = list[int] | None


def stamps(file: str, environ: Mapping[str, str]) -> dict[str, Stamp]:
    """Return the stamp of all that decides what the environment file at `file` means (None: does not exist).

    To be taken before any of it is read.
    """
    return {path: _stamp(path) for path in _watched(os.path.abspath(file), environ)}


def remember(
    root: str, question: tuple[str, str, str], taken: Mapping[str, Stamp], prefix: str, environ: Mapping[str, str]
) -> None:
    """Write down that `question` (file, name and path as given, '' for none) was answered with `prefix`.

    `taken` are the stamps from before. Where it cannot be written, nothing is; the next run looks again.
    """
    now = time.time_ns()
    if any(stamp is not None and now - stamp[0] < _TICK_NS for stamp in taken.values()):
        return
    generation = _stamp(os.path.join(prefix, _GENERATION))
    if generation is None:
        return
    document = {
        "question": _question(question, environ),
        "prefix": prefix,
        "generation": generation,
        "pinned": _stamp(os.path.join(prefix, _PINNED)),
        "stamps": dict(taken),
    }
    path = _path(root, question, environ)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        scratch = f"{path}.{os.getpid()}"
        with open(scratch, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(document, stream)
        os.replace(scratch, path)


def prefix_of(root: str, question: tuple[str, str, str], environ: Mapping[str, str]) -> str | None:
    """Return the environment that `question` was answered with, where nothing has changed since; else None."""
    try:
        with open(_path(root, question, environ), encoding="utf-8", errors="surrogateescape") as stream:
            document = json.load(stream)
        prefix = document["prefix"]
        is_same = (
            document["question"] == _question(question, environ)
            and document["generation"] == _stamp(os.path.join(prefix, _GENERATION))
            and document["pinned"] == _stamp(os.path.join(prefix, _PINNED))
            and document["stamps"] == stamps(question[0], environ)
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return prefix if is_same and isinstance(prefix, str) else None


def _watched(file: str, environ: Mapping[str, str]) -> Iterator[str]:
    directory, name = os.path.split(file)
    yield file
    yield os.path.join(directory, f"{os.path.splitext(name)[0]}.conda-lock.yml")
    for above in _upward(directory):
        yield os.path.join(above, "channels.yaml")
    with contextlib.suppress(OSError):
        for above in _upward(os.getcwd()):
            yield os.path.join(above, ".envmgr.yaml")
    configuration = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    user = environ.get("ENVMGR_CONFIG") or os.path.join(configuration, "envmgr", "config.yaml")
    yield user
    yield os.path.join(os.path.dirname(user), "channels.yaml")
    yield environ.get("ENVMGR_SITE_CONFIG") or "/etc/envmgr/config.yaml"
    yield "/etc/envmgr/channels.yaml"
    if environ.get("ENVMGR_CHANNELS"):
        yield environ["ENVMGR_CHANNELS"]


def _upward(directory: str) -> Iterator[str]:
    while True:
        yield directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return [max(found.st_mtime_ns, found.st_ctime_ns), found.st_size, found.st_ino]


def _question(question: tuple[str, str, str], environ: Mapping[str, str]) -> list[object]:
    file, name, prefix = question
    variables = sorted([name, value] for name, value in environ.items() if name.startswith(_BEGINNINGS))
    place = os.path.abspath(os.path.expanduser(prefix)) if prefix else ""
    return [__version__, os.path.abspath(file), name, place, environ.get("HOME"), variables]


def _path(root: str, question: tuple[str, str, str], environ: Mapping[str, str]) -> str:
    text = json.dumps(_question(question, environ))
    return os.path.join(root, _DIRECTORY, f"{zlib.crc32(text.encode()):08x}.json")
