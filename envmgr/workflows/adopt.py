"""`adopt`: an environment made by another tool, or changed by hand, gets a lock; nothing in it is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.channels.table import ChannelTable
from envmgr.errors import EnvmgrError, LockError, LockTampered, PrefixError, UsageError
from envmgr.lock import closure
from envmgr.lock.model import CondaPackage, Lock, Request
from envmgr.platforms.detect import detect
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.solve.records import record_of_package
from envmgr.spec.match_specs import parse
from envmgr.spec.model import Origin
from envmgr.store import adopting, frozen, generations, metadata, records, verify
from envmgr.store.adopting import AdoptRequest
from envmgr.store.carried import Left
from envmgr.store.generations import Generation
from envmgr.store.layout import OWN_DIRECTORY, Location
from envmgr.store.problems import Findings
from envmgr.workflows import adopted_wheels
from envmgr.workflows.reading import own_lock

_NAMED = 5


class Plan(NamedTuple):
    """The lock that the environment gets, on top of generation `replaces` (None: another tool made it).

    `left` are distributions that cannot be locked, with the reason: they stay, outside of the lock. `findings` are
    what is not as the packages brought it.
    """

    location: Location
    lock: Lock
    replaces: int | None
    left: tuple[Left, ...]
    findings: Findings

    @property
    def is_lossy(self) -> bool:
        """Whether the next generation will not be exactly what is there now."""
        return bool(self.left or self.findings.faults)


def plan(
    location: Location,
    settings: Settings,
    reporter: Reporter,
    *,
    channels: Sequence[str] = (),
    override_frozen: bool = False,
) -> Plan | None:
    """Return the lock of what is there; None where it has that lock already.

    `channels` go before those of the records. Raises PrefixError for what no lock can describe, FrozenEnvironment,
    ChannelError, and PipError where there is no index to be asked.
    """
    frozen.check_thawed(location, override=override_frozen)
    present = generations.current(location.prefix)
    own = _own(location) if present is not None else None
    found = records.read(location.prefix)
    if own is not None and not channels and _is_locked(own, found):
        return None
    lock, left = locked(location, found, own, settings, reporter, channels)
    number = present.number if present else None
    return Plan(location, lock, number, left, _findings(location, lock, reporter, is_ours=own is not None))


def locked(
    location: Location,
    found: Lock,
    own: Lock | None,
    settings: Settings,
    reporter: Reporter,
    channels: Sequence[str] = (),
) -> tuple[Lock, tuple[Left, ...]]:
    """Return the lock of what the records `found` say, and what that cannot hold; `own` is the lock there is (None:
    there is none). Raises as `plan` does."""
    lock = _conda_half(found, location, settings, channels, reporter)
    lock, left = adopted_wheels.with_pip_half(lock, location, own, settings, reporter)
    try:
        closure.check(lock, source=location.label)
    except LockTampered as error:
        raise PrefixError(
            f"{location.label} is not whole, so that no lock describes it\n" + error.message.partition("\n")[2],
            hint=f"mend it with the tool that made it, or create it anew from: envmgr export {location.arguments}",
            details=error.details,
        ) from error
    return lock, left


def adopt(
    plan: Plan, settings: Settings, reporter: Reporter, *, command: tuple[str, ...], override_frozen: bool = False
) -> Generation:
    """Write the lock; raises FrozenEnvironment and StoreError, also where the environment changed meanwhile."""
    names = {package.dist_name for package in plan.lock.conda}
    return adopting.adopt(
        AdoptRequest(plan.location, plan.lock, plan.replaces, command, override_frozen),
        is_still_so=lambda: metadata.record_names(plan.location.prefix) == names,
        settings=settings,
        reporter=reporter,
    )


def _findings(location: Location, lock: Lock, reporter: Reporter, *, is_ours: bool) -> Findings:
    """Return what of the packages in the new lock is not as they brought it; what adopting writes does not count."""
    findings = verify.verify(location, lock, reporter, has_lock=is_ours).findings
    ours = (f"{OWN_DIRECTORY}/", "conda-meta/state")
    return findings._replace(problems=tuple(each for each in findings.problems if not each.path.startswith(ours)))


def _own(location: Location) -> Lock | None:
    try:
        return own_lock(location)
    except LockError:
        return None  # a damaged one is a reason for a new one


def _is_locked(own: Lock, found: Lock) -> bool:
    """Whether the records of both halves are those that the lock names, and the variables its own."""
    return (
        [each.dist_name for each in own.conda] == [each.dist_name for each in found.conda]
        and [(each.name, each.version) for each in own.pip] == [(each.name, each.version) for each in found.pip]
        and dict(own.request.variables) == dict(found.request.variables)
    )


def _conda_half(
    found: Lock, location: Location, settings: Settings, channels: Sequence[str], reporter: Reporter
) -> Lock:
    if not found.conda:
        raise PrefixError(f"{location.label} has no conda package, so there is nothing to adopt")
    if found.platform not in (current_subdir(), "noarch"):
        raise UsageError(
            f"{location.label} is an environment for {found.platform}; this is {current_subdir()}",
            hint="adopt it on its own platform",
        )
    lost = [each.dist_name for each in found.conda if not each.url or not (each.sha256 or each.md5)]
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        raise PrefixError(
            f"the records of {location.label} do not say where these come from, or give no hash, so they cannot be "
            f"locked: {', '.join(lost[:_NAMED])}{more}",
            hint=f"create it anew from what it was asked for: envmgr export {location.arguments}",
            details={"packages": lost},
        )
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    first = tuple(channel.url for channel in table.resolve(channels))
    # No record says in which order they were asked for: what brought most stands first.
    counted = Counter(package.channel for package in found.conda)
    others = [url for url, _ in counted.most_common() if url not in first]
    urls = (*first, *others)
    if len(others) > 1:
        reporter.notice(f"channels in order of the packages they brought: {', '.join(urls)} (-c says another order)")
    conda = tuple(_with_true_specs(package, reporter) for package in found.conda)
    return found._replace(
        platform=current_subdir(),
        conda=conda,
        channels=urls,
        channel_priority=settings.channel_priority,
        virtual_packages=tuple(str(each) for each in detect(current_subdir(), settings.environ)),
        request=Request(
            channels=(*channels, *others),
            dependencies=tuple(spec for package in conda for spec in package.requested),
            variables=found.request.variables,
        ),
    )


def _with_true_specs(package: CondaPackage, reporter: Reporter) -> CondaPackage:
    """Return the package asked for by its name alone where a spec of the history is not met by what is there."""
    origin = Origin(source="conda-meta/history")
    for spec in package.requested:
        try:
            if parse(spec, origin)[0].match_spec.matches(record_of_package(package)):
                continue
        except (EnvmgrError, ValueError):
            pass
        reporter.notice(f"asked for as `{spec}`, which {package.dist_name} is not: taken as {package.name}")
        return package._replace(requested=(package.name,))
    return package
