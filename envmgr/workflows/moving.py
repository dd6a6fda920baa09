"""An environment that exists, moved from its lock to another: what `install`, `remove PACKAGE` and `update` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from envmgr.errors import ChangedMeanwhile, LockError, PrefixError
from envmgr.lock import conda_lock
from envmgr.lock.difference import between
from envmgr.lock.model import Lock
from envmgr.platforms.detect import detect
from envmgr.platforms.host_profile import HostProfile
from envmgr.platforms.model import VirtualPackage
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import frozen, generations, layout, succession
from envmgr.store.layout import Location
from envmgr.store.survey_ahead import Ahead
from envmgr.store.usage import using_cache
from envmgr.workflows import beside, lock_file
from envmgr.workflows.beside import Beside
from envmgr.workflows.create import Outcome, Plan
from envmgr.workflows.locking import Locker
from envmgr.workflows.reading import own_lock
from envmgr.workflows.request import CreateRequest, Manner

if TYPE_CHECKING:  # start-up time: YAML, and what edits files
    from envmgr.workflows.saving import EditedFile

_ATTEMPTS = 5  # to change what other commands change at the same time
T = TypeVar("T")


class Asking(Protocol):
    """What every request for a change says of how it is made."""

    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def virtual_packages(self) -> tuple[str, ...]: ...
    @property
    def exclude_newer(self) -> str | None: ...
    @property
    def override_frozen(self) -> bool: ...
    @property
    def pristine(self) -> bool: ...
    @property
    def manner(self) -> Manner: ...


class Changed(NamedTuple):
    """How a change ended, and the environment file that was edited with it (or would be), if any was."""

    outcome: Outcome
    saved: EditedFile | None = None


class Present(NamedTuple):
    """The environment that is to be changed; `ahead` is the survey of it that was begun (None: none was)."""

    location: Location
    number: int
    lock: Lock
    is_suspect: bool
    ahead: Ahead | None = None


class Aim(NamedTuple):
    """What a solve prefers, and which packages of it are to be as new as the spec allows."""

    preferred: Lock
    moving: frozenset[str] = frozenset()


def present_at(location: Location, override_frozen: bool) -> Present:
    """Return the environment that is to be changed; raises PrefixError, LockError and FrozenEnvironment where it
    cannot be."""
    generation = generations.current(location.prefix)
    lock = own_lock(location) if generation is not None else None
    if generation is None:
        raise PrefixError(
            f"{location.prefix} is an environment that another tool made",
            hint=f"give it a lock first: envmgr adopt {location.arguments}",
        )
    if lock is None:
        raise LockError(
            f"{location.prefix} has lost its lock ({layout.LOCK_FILE})",
            hint=f"envmgr create {location.arguments} -f environment.yml",
        )
    frozen.check_thawed(location, override=override_frozen)
    return Present(location, generation.number, lock, generations.is_suspect(location.prefix, generation))


def base_request(request: Asking, lock: Lock, settings: Settings, reporter: Reporter) -> CreateRequest:
    """Return the request that decides the solve, beside the spec, which has the channels already.

    What the lock's machine had and this one lacks (a GPU, seen from a login node) is assumed still, since the
    packages were chosen for it; CONDA_OVERRIDE_… and --virtual-package say otherwise. A lock that was made for a host
    profile stays for that machine.
    """
    if lock.host_profile:
        packages = tuple(VirtualPackage(*text.split("=")) for text in lock.virtual_packages)
        return CreateRequest(
            command=request.command,
            virtual_packages=request.virtual_packages,
            machine=HostProfile(lock.host_profile, lock.platform, packages),
            exclude_newer=request.exclude_newer,
            override_frozen=request.override_frozen,
            pristine=request.pristine,
            manner=request.manner,
        )
    found = {each.name for each in detect(lock.platform, settings.environ, request.virtual_packages)}
    found |= {each.partition("=")[0] for each in request.virtual_packages}
    lacking = [each for each in lock.virtual_packages if each.partition("=")[0] not in found]
    kept = tuple(
        each.removesuffix("=0")
        for each in lacking
        if f"CONDA_OVERRIDE_{each.partition('=')[0].lstrip('_').upper()}" not in settings.environ
    )
    for each in kept:
        reporter.notice(f"solved as before for a machine with {each}, which this one lacks")
    return CreateRequest(
        command=request.command,
        virtual_packages=(*request.virtual_packages, *kept),
        exclude_newer=request.exclude_newer,
        override_frozen=request.override_frozen,
        pristine=request.pristine,
        manner=request.manner,
    )


def beside_file(base: CreateRequest, locker: Locker, reporter: Reporter) -> Beside | None:
    """Return the lock beside the file that the change follows, None where it follows none."""
    path = lock_file.beside(base) if base.files else None
    return None if path is None else beside.read(path, lock_file.read_bytes(path), locker, base, reporter)


def move(
    there: Present,
    locker: Locker,
    settings: Settings,
    aim: Aim,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool,
    digest_with: Callable[[Lock], str] | None = None,
) -> Outcome:
    location, previous = there.location, there.lock
    locker.check_installable()
    with using_cache(settings):
        lock = locker.lock(aim.preferred, moving=aim.moving)
        is_same = lock.request == previous.request and conda_lock.digest(lock) == conda_lock.digest(previous)
        is_well = not there.is_suspect and not (locker.is_pristine and succession.holds_anything(location))
        if is_same and is_well and not locker.manner.reinstall:
            return Outcome(location, up_to_date=True)
        plan = Plan(location, previous, lock, between(previous, lock), locker.missing(lock))
        if not confirm(plan):
            return Outcome(location, plan=plan, declined=True)
        if dry_run:
            return Outcome(location, plan=plan)
        if locker.manner.download_only:
            locker.fetch(lock)
            return Outcome(location, plan=plan, is_downloaded=True)
        digest = digest_with(lock) if digest_with is not None else ""
        realised = locker.realise(location, lock, replaces=there.number, inputs_digest=digest, ahead=there.ahead)
        return Outcome(location, plan=plan, up_to_date=not realised.is_new, carried=realised.carried)


def again(attempt: Callable[[], T], reporter: Reporter) -> T:
    """Return what `attempt` returns; where another command was quicker, it starts anew from what that left."""
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except ChangedMeanwhile as error:
            reporter.notice(f"{error.message}; once more, from there")
    return attempt()
