"""Renaming: the same lock at another prefix, with history and locks of the generations before; then the old one goes.

A prefix is named in the files of its packages, so it is never moved. Killed at any step, the environment is whole at
the old place or at the new one, and the next command that changes either finishes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from envmgr.artifacts.cache import ArtifactCache
from envmgr.errors import EnvmgrError, PrefixError, StoreError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import (
    bringing,
    continuing,
    generations,
    journal,
    known,
    layout,
    pruning,
    recovery,
    succession,
    telling,
)
from envmgr.store.bringing import Seen
from envmgr.store.carrying import Target
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.continuing import Continued
from envmgr.store.faults import told_of
from envmgr.store.holding import held
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameRequest:
    """Which environment goes on where: `realising` is for the new place, `number` that of the generation at the old
    one (0: an environment of another tool)."""

    old: Location
    number: int
    realising: RealiseRequest


def rename(
    request: RenameRequest,
    *,
    settings: Settings,
    cache: ArtifactCache,
    reporter: Reporter,
    checkpoint: Checkpoint = unwatched,
) -> Realised:
    """Make the environment at the new place and let it go at the old one; raises what `realise` raises.

    The old one is then as it was.
    """
    old, new, lock = request.old, request.realising.location, request.realising.lock
    with held(old, doing="renaming", reporter=reporter):
        recovery.recover_held(old, is_leaving=True)
        layout.find(settings, prefix=old.prefix)
        succession.check_target(old, replaces=request.number, override_frozen=request.realising.override_frozen)
        succession.name_users(old, settings, reporter, doing="removed")
        with told_of(old, "renaming"):
            entry = journal.begin(old, "rename", number=request.number + 1, target=new)
        checkpoint("rename begun")
        since = succession.clock(old)
        with told_of(old, "reading"):
            source = succession.what_is_there(old, request.number)
        continued = Continued(old.prefix, request.number, entry.path.name)
        try:
            check_free(new)
            realised = realise(
                request.realising._replace(continues=continued, carries=source),
                settings=settings,
                cache=cache,
                reporter=reporter,
                checkpoint=checkpoint,
            )
        except BaseException:
            with contextlib.suppress(EnvmgrError):
                recovery.recover_held(old)
            raise
        with told_of(old, "renaming"):
            seen = Seen(source.survey, since) if source is not None else None
            late = bringing.late(old.prefix, lock, Target(new.prefix, lock), seen)
            bringing.hand_over(old.prefix, new.prefix)
            if late is not None:
                pruning.protect(old.prefix, late.left)
            continuing.leave(old, entry, checkpoint)
            entry.remove()
        checkpoint("old gone")
        telling.tell_late(late, reporter)
        telling.tell(new, realised.carried, new.generations / str(request.number), reporter)
        try:
            known.forget(settings, old)
        except StoreError as error:
            reporter.warning(error.message)
    return realised


def check_free(location: Location) -> None:
    """Raise PrefixError where an environment stands already, NotAnEnvironment where something else does."""
    layout.check_place(location)
    if layout.is_environment(location.prefix):
        raise PrefixError(
            f"{location.label} exists already: {location.prefix}",
            hint=f"choose another name, or remove it first: envmgr remove {location.arguments} --all",
        )
    if generations.kept_numbers(location) or generations.recorded_numbers(location):
        raise PrefixError(
            f"an environment was deleted at {location.prefix}, and generations of it are still kept in "
            f"{location.generations}",
            hint="choose another name, or remove them with: envmgr clean",
        )
