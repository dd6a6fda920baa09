"""Which environment a file was realised as, so that `run -f` with nothing to do looks at as little as `run -n`.

A record holds the size, time and inode of everything that decided about the environment, and of what would if it
appeared. What is there is looked at each time: the file, its lock, the environment's run.json, and channels.yaml and
configuration files. What is not there is told by the directory of the file, whose time changes when something appears
in it; only then (or from another current directory) all places are looked at again, and the record is renewed. On the
path of `run`: imports neither dataclasses nor pathlib, and no rattler, yaml or hashing.
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
_ENVIRONMENT = "conda-meta/envmgr/run.json"
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
    directory = os.path.dirname(os.path.abspath(question[0]))
    beside, environment = _stamp(directory), _stamp(os.path.join(prefix, _ENVIRONMENT))
    # What appeared since `taken` would be hidden by a later look at the directory.
    if environment is None or stamps(question[0], environ) != taken:
        return
    now = time.time_ns()
    if any(stamp is not None and now - stamp[0] < _TICK_NS for stamp in (*taken.values(), beside)):
        return
    document = {
        "question": _question(question, environ),
        "prefix": prefix,
        "environment": environment,
        "pinned": _stamp(os.path.join(prefix, _PINNED)),
        "stamps": dict(taken),
        "directory": beside,
        "cwd": _cwd(),
    }
    path = _path(root, question, environ)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        scratch = f"{path}.{os.getpid()}"
        with open(scratch, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(document, stream)
        os.replace(scratch, path)


def prefix_of(root: str, question: tuple[str, str, str], environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the environment that `question` was answered with, where nothing has changed since; else None.

    With it comes the time of its run.json, in nanoseconds.
    """
    try:
        with open(_path(root, question, environ), encoding="utf-8", errors="surrogateescape") as stream:
            document = json.load(stream)
        prefix, taken, pinned = document["prefix"], document["stamps"], document["pinned"]
        if not isinstance(prefix, str) or document["question"] != _question(question, environ):
            return None
        run_json = os.stat(os.path.join(prefix, _ENVIRONMENT))
        if document["environment"] != _stamp_of(run_json):
            return None
        if pinned is not None and pinned != _stamp(os.path.join(prefix, _PINNED)):
            return None
        if not all(stamp is None or stamp == _stamp(path) for path, stamp in taken.items()):
            return None
        directory = os.path.dirname(os.path.abspath(question[0]))
        if document["directory"] == _stamp(directory) and document["cwd"] == _cwd():
            return prefix, run_json.st_mtime_ns
        if taken != stamps(question[0], environ) or pinned != _stamp(os.path.join(prefix, _PINNED)):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    remember(root, question, taken, prefix, environ)
    return prefix, run_json.st_mtime_ns


def key(question: tuple[str, str, str], environ: Mapping[str, str]) -> str:
    """Return a short name of `question`, which another one may have too."""
    return f"{zlib.crc32(json.dumps(_question(question, environ)).encode()):08x}"


def forget(root: str) -> None:
    """Forget all answers, as when a file of configuration has come that was not there before."""
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.join(root, _DIRECTORY)):
            os.unlink(os.path.join(root, _DIRECTORY, name))


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


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
        return _stamp_of(os.stat(path))
    except (OSError, ValueError):
        return None


def _stamp_of(found: os.stat_result) -> Stamp:
    return [max(found.st_mtime_ns, found.st_ctime_ns), found.st_size, found.st_ino]


def _question(question: tuple[str, str, str], environ: Mapping[str, str]) -> list[object]:
    file, name, prefix = question
    variables = sorted([name, value] for name, value in environ.items() if name.startswith(_BEGINNINGS))
    place = os.path.abspath(os.path.expanduser(prefix)) if prefix else ""
    return [__version__, os.path.abspath(file), name, place, environ.get("HOME"), variables]


def _path(root: str, question: tuple[str, str, str], environ: Mapping[str, str]) -> str:
    return os.path.join(root, _DIRECTORY, f"{key(question, environ)}.json")
