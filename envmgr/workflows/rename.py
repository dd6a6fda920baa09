"""`rename`: an environment goes on at another prefix, with its history, and leaves the old one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from envmgr.artifacts.cache import ArtifactCache
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import frozen, renaming
from envmgr.store.layout import Location
from envmgr.store.renaming import RenameRequest
from envmgr.store.usage import using_cache
from envmgr.workflows import clone
from envmgr.workflows.create import Outcome, Plan


class Wish(NamedTuple):
    """Which environment goes where; `command` is the argv."""

    old: Location
    new: Location
    command: tuple[str, ...]
    override_frozen: bool = False


def rename(
    wish: Wish, settings: Settings, reporter: Reporter, *, confirm: Callable[[Plan], bool], dry_run: bool = False
) -> Outcome:
    """Realise the lock of an environment at its new place and remove the old one; `confirm` and `dry_run` as in
    `create`.

    Raises UsageError, PrefixError, FrozenEnvironment, LockError, PackageError, PipError, StoreError and their kinds;
    the environment is then as and where it was.
    """
    old, new = wish.old, wish.new
    clone.check_places(old, new, "renamed")
    frozen.check_thawed(old, override=wish.override_frozen)
    source = clone.current(old, settings, reporter)
    clone.check_lock(source)
    _tell_active(wish, settings, reporter)
    with using_cache(settings):
        plan = clone.plan_for(source, new, settings)
        if not confirm(plan):
            return Outcome(new, plan=plan, declined=True)
        if dry_run:
            return Outcome(new, plan=plan)
        request = RenameRequest(
            old=old,
            number=source.generation.number if source.generation is not None else 0,
            realising=clone.realising(
                source, new, settings, command=wish.command, override_frozen=wish.override_frozen
            ),
        )
        renaming.rename(request, settings=settings, cache=ArtifactCache(settings), reporter=reporter)
    return Outcome(new, plan=plan)


def _tell_active(wish: Wish, settings: Settings, reporter: Reporter) -> None:
    # Most hooks go along; those of csh and cmd only leave what is gone, and without a hook nothing does.
    goes_along = settings.environ.get("_ENVMGR_HOOK", "csh").partition("-")[0] not in ("csh", "cmd")
    if settings.environ.get("CONDA_PREFIX") == str(wish.old.prefix) and not goes_along:
        again = wish.new.name or wish.new.prefix
        reporter.notice(f"{wish.old.label} is active in this shell; afterwards: envmgr activate {again}")
