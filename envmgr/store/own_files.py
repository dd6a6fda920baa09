"""envmgr's own files in an environment: the lock, the record of the generation, variables, activation scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from envmgr.errors import EnvmgrError, StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.shell import files as shell_files
from envmgr.shell import scripts as shell_scripts
from envmgr.store import generations
from envmgr.store.inventory import read_regular
from envmgr.store.layout import LOCK_FILE, OWN_DIRECTORY, Location
from envmgr.store.problems import Problem, Severity

_HISTORY = "conda-meta/history"
_STATE = "conda-meta/state"


def problems(location: Location, lock: Lock | None) -> Iterator[Problem]:
    """Yield what is wrong with them; `lock` is the one found there, None where there is none to be read."""
    if not os.path.isfile(location.prefix / _HISTORY):
        yield Problem("fault", "missing", _HISTORY, None, "a history (CEP 32)", None)
    generation = None
    try:
        generation = generations.current(location.prefix)
    except StoreError as error:
        yield Problem("fault", "unreadable", generations.FILE, None, "the record of a generation", error.message)
    if generation is None and lock is None:
        return
    if generation is not None:
        yield from _lock_problems(generation, lock)
        if generation.prefix != str(location.prefix):
            yield Problem("fault", "changed", generations.FILE, None, f"an environment at {generation.prefix}",
                          f"one at {location.prefix}")  # fmt: skip
    elif not os.path.lexists(location.prefix / generations.FILE):
        yield Problem("fault", "missing", generations.FILE, None, "the record of a generation", None)
    if lock is not None:
        yield from _state_problems(location, lock)
    yield from _script_problems(location)


def _lock_problems(generation: generations.Generation, lock: Lock | None) -> Iterator[Problem]:
    if lock is None:
        return  # why it could not be read is for whoever tried to say
    expected = f"the lock with digest {generation.lock_digest}"
    digest = conda_lock.digest(lock)
    if digest != generation.lock_digest:
        yield Problem("fault", "changed", LOCK_FILE, None, expected, f"that with digest {digest}")


def _state_problems(location: Location, lock: Lock) -> Iterator[Problem]:
    expected = dict(lock.request.variables)
    try:
        document: Any = json.loads(read_regular(location.prefix / _STATE))
        found = document.get("env_vars", {})
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError, AttributeError, RecursionError):
        yield Problem("fault", "unreadable", _STATE, None, "the variables of the environment", "no JSON mapping")
        return
    if not isinstance(found, dict):
        yield Problem("fault", "unreadable", _STATE, None, "the variables of the environment", "no mapping of them")
    elif found != expected:
        differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        # Conda's `env config vars set` writes there, and activation goes by it.
        severity: Severity = "fault" if expected and not found else "notice"
        what = f"others for {', '.join(differing)}"
        yield Problem(severity, "changed", _STATE, None, "the variables of the lock", what)


def _script_problems(location: Location) -> Iterator[Problem]:
    try:
        texts = shell_scripts.texts(location.prefix, location.prefix, location.name)
    except (EnvmgrError, OSError) as error:
        yield Problem("fault", "unreadable", OWN_DIRECTORY, None, "what activation does", str(error))
        return
    for file, text in texts.items():
        path = f"{OWN_DIRECTORY}/{file}"
        try:
            found = read_regular(location.prefix / path)
        except FileNotFoundError:
            yield Problem("fault", "missing", path, None, "an activation script", None)
        except OSError as error:
            yield Problem("fault", "unreadable", path, None, "an activation script", error.strerror)
        else:
            # One that is older than what it was computed from is not used.
            if found != os.fsencode(text) and shell_files.is_current(file, str(location.prefix)):
                yield Problem("fault", "changed", path, None, "what activation does now", "something else")
