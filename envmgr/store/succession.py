"""What every new generation of an environment has around it, however its tree came about.

Before the switch: may it be changed, who uses it, what in it belongs to nobody. After it: settling, the register,
and which old generations stay. Light: `rollback` pays for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from envmgr.errors import ChangedMeanwhile, EnvironmentBusy, PrefixError, StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    bringing,
    carried,
    commit,
    frozen,
    generations,
    known,
    layout,
    metadata,
    processes,
    pruning,
    registry,
    settling,
    survey,
    telling,
    toolbox,
)
from envmgr.store.bringing import Seen
from envmgr.store.carried import Carried
from envmgr.store.carrying import Source, Target
from envmgr.store.commit import Checkpoint
from envmgr.store.generations import Generation, Switch
from envmgr.store.layout import Location
from envmgr.store.walk import Statuses


def check_target(location: Location, *, replaces: int | None, override_frozen: bool) -> None:
    """Raise unless what stands at the prefix is what the lock was made against, and may be changed.

    Raises NotAnEnvironment, FrozenEnvironment, PrefixError, ChangedMeanwhile.
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
    raise ChangedMeanwhile(
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


def name_users(location: Location, settings: Settings, reporter: Reporter, *, doing: str = "replaced") -> None:
    """Tell which processes use the environment that is replaced, and wait for them where that is asked for.

    Raises EnvironmentBusy where they are there still after the time that is set.
    """
    users = processes.using(location.prefix)
    if settings.wait_for_users:
        wait_for_users(location, settings.wait_for_users, reporter)
    elif users and doing == "removed":
        reporter.notice(
            f"{location.label} is in use by {processes.listed(users)}: they will not find its files any more"
        )
    elif users:
        reporter.notice(
            f"{location.label} is in use by {processes.listed(users)}: "
            "what they open from now on is that of the new generation"
        )


def wait_for_users(location: Location, seconds: float, reporter: Reporter) -> None:
    """Wait until no process uses the environment; raises EnvironmentBusy after `seconds`."""

    def announce(users: Sequence[processes.User]) -> None:
        reporter.notice(f"waiting for {processes.listed(users)}, which use {location.label}")

    users = processes.wait(location.prefix, seconds, announce)
    if users:
        raise EnvironmentBusy(
            f"{location.label} is in use by {processes.listed(users)} still; waited {seconds:g} s",
            hint="end them, or leave --wait out: what runs keeps whole files, but may find those of the new state",
            details={"pids": [user.pid for user in users]},
        )


def what_is_there(location: Location, replaces: int | None, *, known: Statuses | None = None) -> Source | None:
    """Return what the environment that is to be replaced holds, None where there is none; raises OSError.

    `known` is as in `survey.read`.
    """
    if replaces is None:
        return None
    pruning.unmark(location.prefix)  # an attempt that failed may have left it
    lock = metadata.read_lock(location.prefix)
    return Source(survey.read(location.prefix, lock, known=known), lock)


def holds_anything(location: Location) -> bool:
    """Whether people put anything into the environment that a pristine generation would not have; raises OSError."""
    found = survey.read(location.prefix, metadata.read_lock(location.prefix))
    return bool(found.loose or found.distributions or found.edited or found.records)


def clock(location: Location) -> int | None:
    """Return what the file system's clock said when the environment's lease was taken (ns), None where unknown."""
    try:
        return os.stat(location.lease).st_mtime_ns
    except OSError:
        return None


def bring_late(
    location: Location, replaces: int | None, before: Lock | None, lock: Lock, seen: Seen | None = None
) -> Carried | None:
    """Bring over what was written to the old tree after it was `seen`, now that it is replaced; raises OSError.

    What stays in it all the same marks it as worth keeping. Large files are taken out of it that came along as links.
    """
    old = location.generations / str(replaces)
    if replaces is None or not old.is_dir():
        return None
    came = bringing.late(old, before, Target(location.prefix, lock), seen)
    if came is not None:
        pruning.protect(old, came.left)
    bringing.hand_over(old, location.prefix)
    return came


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
    came: Carried,
    *,
    keep: int,
    settings: Settings,
    reporter: Reporter,
    checkpoint: Checkpoint,
) -> Path | None:
    """Do what is not needed for the environment to be whole; return where the old generation is kept."""
    known.note(settings, location)
    try:
        if not toolbox.is_private(settings, location.prefix):
            registry.register(settings, location.prefix)
    except StoreError as error:
        reporter.warning(f"{error.message}; other tools will not list {location.label}")
    checkpoint("registered")
    if replaces is None:
        settling.settle_later(location.prefix)
        return None
    kept = location.generations / str(replaces)
    before = carried.read(kept)
    # A directory that only this environment has is to be gone where nothing is kept in it.
    limit = pruning.AT_ONCE if location.hidden is None or keep else None
    pruned = pruning.prune(location, keep=keep, limit=limit, checkpoint=checkpoint)
    settling.settle_later(location.prefix, pruned.left)
    checkpoint("pruned")
    found = kept if kept.is_dir() else None
    telling.tell(location, came, found, reporter, before)
    return found
