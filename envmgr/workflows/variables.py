"""`env config vars`: the variables of an environment, changed as one new generation of the same packages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from envmgr.errors import PrefixError, UsageError
from envmgr.lock.difference import between
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.shell import plan as plans
from envmgr.store.layout import Location
from envmgr.store.usage import using_cache
from envmgr.workflows import asked
from envmgr.workflows.asked_channels import channels_of
from envmgr.workflows.create import Outcome, Plan
from envmgr.workflows.locking import Locker
from envmgr.workflows.moving import present_at
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import channel_files


def variables(location: Location) -> dict[str, str]:
    """Return what activation sets, by name: those of the lock, and those that conda or a package's files set.

    Raises NotAnEnvironment and PrefixError.
    """
    return dict(sorted(plans.read(location.prefix, location.name).variables))


def parse_assignment(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`; raises UsageError for what is none, or none that can be set."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"`{text}` sets nothing: expected NAME=VALUE", hint=f"envmgr env config vars set {name}=VALUE")
    fault = plans.variable_fault(name, value)
    if fault is not None:
        raise UsageError(fault)
    return name, value


class VariablesRequest(NamedTuple):
    """What `env config vars set` and `unset` were asked for; `command` is the argv, for the history."""

    command: tuple[str, ...]
    set_to: Mapping[str, str] = MappingProxyType({})
    unset: tuple[str, ...] = ()
    override_frozen: bool = False


def change(
    location: Location,
    request: VariablesRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Outcome:
    """Set and unset variables of an environment; its packages stay as they are, nothing is solved or fetched.

    Raises UsageError for a name to unset that is not set, and what `install` raises.
    """
    unset, override_frozen = request.unset, request.override_frozen
    there = present_at(location, override_frozen)
    lock = there.lock
    old = _in_state(location.prefix, dict(lock.request.variables))
    absent = [name for name in unset if name not in old]
    if absent:
        raise UsageError(
            f"{location.label} does not set {' and '.join(absent)}; it sets {', '.join(sorted(old)) or 'nothing'}",
            hint=f"envmgr env config vars list {location.arguments}",
        )
    new = {name: value for name, value in (old | dict(request.set_to)).items() if name not in unset}
    spec = replace(asked.asked_for(lock, location), channels=channels_of(lock, settings), variables=tuple(new.items()))
    base = CreateRequest(command=request.command, override_frozen=override_frozen)
    files = channel_files((), settings)
    locker = Locker(base, settings, reporter, platform=lock.platform, channel_files=files, spec=spec)
    wanted = lock._replace(request=lock.request._replace(variables=tuple(new.items())), spec_digest=locker.spec_digest)
    if dict(lock.request.variables) == old == new and not there.is_suspect:
        return Outcome(location, up_to_date=True)
    with using_cache(settings):
        plan = Plan(location, lock, wanted, between(lock, wanted), locker.missing(wanted))
        if not confirm(plan):
            return Outcome(location, plan=plan, declined=True)
        if dry_run:
            return Outcome(location, plan=plan)
        realised = locker.realise(location, wanted, replaces=there.number, inputs_digest="", keeps_variables=False)
    if settings.environ.get("CONDA_PREFIX") == str(location.prefix) and "_ENVMGR_HOOK" not in settings.environ:
        reporter.notice(f"this shell has the variables of before; afterwards: envmgr activate {location.label}")
    return Outcome(location, plan=plan, up_to_date=not realised.is_new)


def _in_state(prefix: Path, locked: dict[str, str]) -> dict[str, str]:
    """Return what conda-meta/state sets: the lock's, and what `conda env config vars` has changed in it since."""
    try:
        document = json.loads((prefix / plans.STATE).read_bytes())
        values = {str(name): value for name, value in document.get("env_vars", {}).items() if value != plans.UNSET}
    except FileNotFoundError:
        return locked
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise PrefixError(
            f"{prefix / plans.STATE} cannot be read: {error}", hint="mend or remove it, and run the command again"
        ) from error
    return {name: value for name, value in values.items() if plans.variable_fault(name, value) is None}
