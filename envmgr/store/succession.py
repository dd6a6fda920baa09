"""What every new generation of an environment has around it, however its tree came about.

Before the switch: may it be changed, who uses it, what in it belongs to nobody. After it: settling, the register,
and which old generations stay. Light: `rollback` pays for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from envmgr.errors import PrefixError, StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    commit,
    frozen,
    generations,
    layout,
    metadata,
    ownership,
    processes,
    pruning,
    registry,
    settling,
)
from envmgr.store.commit import Checkpoint
from envmgr.store.generations import Generation, Switch
from envmgr.store.layout import Location
from envmgr.store.ownership import Foreign

_NAMED = 5  # things in one message
NOTHING = Foreign()


def check_target(location: Location, *, replaces: int | None, override_frozen: bool) -> None:
    """Raise unless what stands at the prefix is what the lock was made against, and may be changed.

    Raises NotAnEnvironment, FrozenEnvironment, PrefixError.
    """
    layout.check_place(location)
    if not layout.is_environment(location.prefix):
        if replaces is not None:
            raise PrefixError(f"{location.label} was removed while this command ran", hint="run the command again")
        return
    frozen.check_thawed(location, override=override_frozen)
    present = generations.current(location.prefix)
    number = 0 if present is None else present.number
    if replaces == number:
        return
    if replaces is None and present is None:
        raise PrefixError(
            f"{location.prefix} is an environment that another tool made",
            hint=f"choose another place, or remove it first: envmgr remove {location.arguments} --all",
        )
    raise PrefixError(
        f"{location.label} was changed by another command while this one ran: "
        f"expected generation {replaces}, found {number}",
        hint="run the command again",
    )


def next_generation(
    location: Location,
    lock: Lock,
    *,
    command: Sequence[str],
    inputs_digest: str,
    replaces: int | None,
    switch: Switch | None = None,
) -> Generation:
    """Return the record of the generation that follows; `switch` forces how it takes its place. Raises OSError."""
    return Generation(
        number=max(commit.next_number(location), (replaces or 0) + 1),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        command=metadata.redacted(command),
        prefix=str(location.prefix),
        name=location.name,
        lock_digest=conda_lock.digest(lock),
        inputs_digest=inputs_digest,
        spec_digest=lock.spec_digest,
        switch=commit.choose_switch(location, switch),
        boot_id=generations.boot_id(),
        previous=replaces,
    )


def name_users(location: Location, reporter: Reporter) -> None:
    """Tell which processes use the environment that is replaced."""
    users = processes.using(location.prefix)
    if users:
        reporter.notice(
            f"{location.label} is in use by {processes.listed(users)}: "
            "what they open from now on is that of the new generation"
        )


def find_foreign(location: Location) -> Foreign:
    """Return what in the environment nobody owns, after marking it as holding that; raises OSError."""
    foreign = ownership.find_foreign(location.prefix, metadata.read_lock(location.prefix))
    if foreign:
        # Before the switch, so that a kill after it cannot let the only copy be pruned.
        pruning.protect(location.prefix, foreign)
    return foreign


def tell_of_copying(location: Location, generation: Generation, reporter: Reporter) -> None:
    """Warn where the switch was no single step of the kernel."""
    if generation.switch == "copy":
        reporter.warning(
            f"{location.label} lay in a lower layer of a container image: its files were copied, not renamed, "
            "which takes time and room and is not one step of the kernel"
        )


def finish(
    location: Location,
    replaces: int | None,
    foreign: Foreign,
    *,
    keep: int,
    settings: Settings,
    reporter: Reporter,
    checkpoint: Checkpoint,
) -> Path | None:
    """Do what is not needed for the environment to be whole; return where the old generation is kept."""
    settling.settle_later(location.prefix)
    try:
        registry.register(settings, location.prefix)
    except StoreError as error:
        reporter.warning(f"{error.message}; other tools will not list {location.label}")
    checkpoint("registered")
    if replaces is None:
        return None
    kept = location.generations / str(replaces)
    if foreign:
        reporter.warning(_foreign_text(foreign, kept))
    pruning.prune(location, keep=keep, checkpoint=checkpoint)
    checkpoint("pruned")
    return kept if kept.is_dir() else None


def listed(foreign: Foreign) -> str:
    """Return foreign things as a message names them."""
    named = [f"{each.name} {each.version} (installed with pip)" for each in foreign.distributions]
    named += foreign.files
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def _foreign_text(foreign: Foreign, kept: Path) -> str:
    """Word where the things are that nobody owned, now that they are not in the environment any more."""
    return f"not taken over into the new generation, and kept in {kept}: {listed(foreign)}"
