"""A lock for what stands at a prefix already: written beside the records, without touching a file of a package."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import CondaPackage, Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.shell import scripts as shell_scripts
from envmgr.store import (
    commit,
    frozen,
    generations,
    known,
    layout,
    metadata,
    pruning,
    recovery,
    registry,
    settling,
    succession,
)
from envmgr.store.faults import told_of
from envmgr.store.generations import Generation
from envmgr.store.holding import held
from envmgr.store.layout import Location


class AdoptRequest(NamedTuple):
    """Which lock is to be that of what stands at the location.

    `replaces` is the generation that it is by its record (None: of another tool), of which the lock is kept.
    """

    location: Location
    lock: Lock
    replaces: int | None
    command: Sequence[str]
    override_frozen: bool = False


def adopt(
    request: AdoptRequest, *, is_still_so: Callable[[], bool], settings: Settings, reporter: Reporter
) -> Generation:
    """Write the lock as a generation of its own; `is_still_so` is asked under the lease.

    Raises FrozenEnvironment, StoreError and its kinds; a kill leaves the environment as it was, or adopted.
    """
    location, lock, replaces, command, override_frozen = request
    with held(location, doing="adopting", reporter=reporter):
        recovery.recover_held(location)
        frozen.check_thawed(location, override=override_frozen)
        if generations.number(location.prefix) != replaces or not is_still_so():
            raise StoreError(
                f"{location.label} was changed by another command while this one ran", hint="run the command again"
            )
        before = metadata.read_lock(location.prefix)
        with told_of(location, "adopting"):
            location.staging.mkdir(parents=True, exist_ok=True)
            if replaces is not None:
                pruning.keep_record_of(location.prefix, location.generations, replaces)
            generation = succession.next_generation(
                location, lock, command=command, inputs_digest="", replaces=replaces
            )
            _write(location, lock, generation, before.conda if before is not None else lock.conda)
        settling.settle_later(location.prefix)
        known.note(settings, location)
        try:
            registry.register(settings, location.prefix)
        except StoreError as error:
            reporter.warning(f"{error.message}; other tools will not list {location.label}")
    return generation


def _write(location: Location, lock: Lock, generation: Generation, before: Sequence[CondaPackage]) -> None:
    """Write lock, history, scripts and, last, the record that makes it a generation: each file as a whole."""
    prefix = location.prefix
    (prefix / layout.OWN_DIRECTORY).mkdir(parents=True, exist_ok=True)
    _replace(prefix / layout.LOCK_FILE, conda_lock.dumps_json(lock))
    history = prefix / "conda-meta/history"
    block = metadata.history_block(lock, before, command=generation.command, moment=time.time())
    old = history.read_bytes()
    _replace(history, old + (b"" if not old or old.endswith(b"\n") else b"\n") + block.encode())
    shell_scripts.write(prefix, prefix, location.name)
    commit.write_generation(prefix, generation)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    unfinished.write_bytes(content)
    unfinished.replace(path)
