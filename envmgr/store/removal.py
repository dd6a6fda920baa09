"""Removing an environment as a whole, kept generations included: renamed away at once, then deleted."""

from __future__ import annotations

from envmgr.errors import StoreError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import frozen, known, layout, recovery, succession, telling
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.erasing import erase
from envmgr.store.faults import told_of
from envmgr.store.holding import held
from envmgr.store.layout import Location


def remove(
    location: Location,
    *,
    settings: Settings,
    reporter: Reporter,
    override_frozen: bool = False,
    checkpoint: Checkpoint = unwatched,
) -> None:
    """Remove the environment and everything kept of it; what a kill leaves over, the next command deletes.

    Raises EnvironmentNotFound, NotAnEnvironment, FrozenEnvironment, StoreError and its kinds.
    """
    with held(location, doing="removing", reporter=reporter):
        recovery.recover_held(location, is_leaving=True)
        layout.find(settings, prefix=location.prefix)
        frozen.check_thawed(location, override=override_frozen)
        succession.name_users(location, settings, reporter, doing="removed")
        with told_of(location, "removing"):
            erase(location, checkpoint)
        telling.tell_checkouts(location, settings, reporter)
        try:
            known.forget(settings, location)
        except StoreError as error:
            reporter.warning(error.message)
