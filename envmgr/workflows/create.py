"""`create`: spec → lock → realise; the same thing asked for again is a digest comparison.

The rooms that solve and realise are imported when there is something to do: a `create` with nothing to do pays
for none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.errors import LockError, PrefixError, UsageError
from envmgr.lock.model import CondaPackage, Lock
from envmgr.platforms.subdirs import current_subdir, validate_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec.peek import name_and_prefix
from envmgr.store import frozen, generations, layout, pinned
from envmgr.store.carried import Carried
from envmgr.store.layout import Location
from envmgr.workflows import lock_file
from envmgr.workflows.reading import own_lock
from envmgr.workflows.request import CreateRequest, Inputs, inputs_digest
from envmgr.workflows.sources import channel_files, directories, parse_sources

if TYPE_CHECKING:  # start-up time: what has nothing to do has no difference
    from envmgr.lock.difference import Difference
    from envmgr.store.generations import Generation
    from envmgr.workflows.beside import Beside
    from envmgr.workflows.foreign_locking import ForeignLocker
    from envmgr.workflows.locking import Locker
    from envmgr.workflows.remembered import Following


class Plan(NamedTuple):
    """What `create` is about to do at `location`: from `previous` (None: nothing there) to `lock`.

    `fetched` are the conda artifacts that are not in the package cache; `beside` is the lock beside the environment
    file as it was found (None: there is none to be read or written), and `is_followed` whether `lock` is that one.
    """

    location: Location
    previous: Lock | None
    lock: Lock
    difference: Difference
    fetched: tuple[CondaPackage, ...]
    beside: Beside | None = None
    is_followed: bool = False


class Outcome(NamedTuple):
    """How `create` ended: with nothing to do (`up_to_date`), with a plan that was carried out, shown, or declined.

    With a plan and `up_to_date`, another command carried out the same plan first. `written` is the lock beside the
    environment file where it is new or was changed, `carried` what came along beside the packages. Where it
    `is_downloaded`, the cache has the conda half of the plan, and the environment is as it was.
    """

    location: Location
    up_to_date: bool = False
    plan: Plan | None = None
    declined: bool = False
    written: Path | None = None
    carried: Carried = Carried()
    is_downloaded: bool = False


def create(
    request: CreateRequest,
    settings: Settings,
    reporter: Reporter,
    *,
    confirm: Callable[[Plan], bool],
    dry_run: bool = False,
) -> Outcome:
    """Make the environment that was asked for, or find that it is there already.

    `confirm` is shown the plan and decides; with `dry_run` it is shown and nothing is changed beyond the caches.
    Raises SpecError, ConfigError, ChannelError, SolveError, PipError, PackageError, PrefixError, StoreError and
    their kinds; the environment is then as it was.
    """
    location = locate(request, settings)
    settings = pinned.in_force(settings, location.prefix)
    inputs = _inputs(request, settings)
    if _is_there(location, inputs.digest, request):
        return Outcome(location, up_to_date=True)
    work = _Work(request, location, settings, reporter, confirm, dry_run, inputs)
    if dry_run or inputs.digest is None:
        return _create(work)
    from envmgr.workflows.coalescing import coalesced  # start-up time

    with coalesced(location, inputs.digest, settings, reporter):
        return _create(work._replace(inputs=_inputs(request, settings)))


def _inputs(request: CreateRequest, settings: Settings) -> Inputs:
    platform = validate_subdir(request.platform) if request.platform else current_subdir()
    files = channel_files(request.files, settings)
    path, data = _beside(request)
    return Inputs(platform, files, path, data, inputs_digest(request, settings, files, platform, data))


def _is_there(location: Location, digest: str | None, request: CreateRequest) -> bool:
    """Whether the environment was made from these inputs, and nothing in it is to be left behind."""
    if digest is None or (request.pristine and _holds_anything(location)):
        return False
    return generations.is_current(location, digest)


class _Work(NamedTuple):
    """One creation; `inputs` are those that were read when its turn came."""

    request: CreateRequest
    location: Location
    settings: Settings
    reporter: Reporter
    confirm: Callable[[Plan], bool]
    dry_run: bool
    inputs: Inputs


def _create(work: _Work) -> Outcome:
    request, location, settings, reporter, _, _, inputs = work
    if _is_there(location, inputs.digest, request):
        return Outcome(location, up_to_date=True)  # another process made it meanwhile
    layout.check_place(location)
    present = generations.current(location.prefix)
    if present is None and layout.is_environment(location.prefix):
        raise PrefixError(
            f"{location.prefix} is an environment that another tool made",
            hint=f"choose another place, or give it a lock first: envmgr adopt {location.arguments}",
        )
    from envmgr.store.usage import using_cache  # start-up time: what has nothing to do takes nothing

    with using_cache(settings):
        if present is not None or inputs.data is None or inputs.digest is None:
            return _lock_and_realise(work, present)
        from envmgr.workflows import remembered  # start-up time: what links packages

        key = remembered.key(request, settings, inputs)
        following = remembered.find(key, request, settings, reporter, inputs) if key is not None else None
        return _lock_and_realise(work, None, key) if following is None else _follow_again(work, following)


def _lock_and_realise(work: _Work, present: Generation | None, key: str | None = None) -> Outcome:
    """Go the whole line; a lock that is followed, and will be again, is remembered under `key` (None: it is not)."""
    from envmgr.lock.difference import between  # start-up time: rattler, yaml and the engines come with these

    request, location, settings, reporter, confirm, dry_run, inputs = work
    platform, files, path, data, digest = inputs
    is_pristine = not request.pristine or not _holds_anything(location)
    locker = _locker(request, settings, reporter, platform, files)
    fits = present is not None and present.spec_digest == locker.spec_digest
    fits = fits and present is not None and not generations.is_suspect(location.prefix, present)
    found = _found(path, data, locker, request, reporter)
    if found is None and data is not None:
        digest = None  # another tool's lock is not followed, and each time that is said
    own = _own(location, locker) if fits else None
    if is_pristine and own is not None and (found is None or found.asks_for(own)):
        if found is not None and found.fitting is None and not dry_run:
            found = _with_other_platforms(found, locker, request, settings, reporter)
        written = found.put(own, reporter) if found is not None and not dry_run else None
        return Outcome(location, up_to_date=True, written=written)
    frozen.check_thawed(location, override=request.override_frozen)
    locker.check_installable()
    previous = _previous(location, reporter)
    followed = found.fitting if found is not None else None
    lock = followed or locker.lock((found and found.lock) or previous)
    _say_what_lacks(found, followed, lock, locker, request, reporter)
    difference = between(previous, lock)
    plan = Plan(location, previous, lock, difference, locker.missing(lock), found, followed is not None)
    if not confirm(plan):
        return Outcome(location, plan=plan, declined=True)
    if dry_run:
        return Outcome(location, plan=plan)
    if request.manner.download_only:
        locker.fetch(lock)
        return Outcome(location, plan=plan, is_downloaded=True)
    if found is not None and followed is None:
        found = _with_other_platforms(found, locker, request, settings, reporter)
        digest = digest and inputs_digest(request, settings, files, platform, found.bytes_with(lock) or data)
    if locker.is_foreign:
        lock = locker.complete(lock)
        plan = plan._replace(lock=lock, difference=between(previous, lock))
    replaces = present.number if present else None
    realised = locker.realise(location, lock, replaces=replaces, inputs_digest=digest or "")
    written = found.put(lock, reporter) if found is not None and followed is None else None
    if key is not None and found is not None and not locker.is_foreign and locker.is_steady(found):
        from envmgr.workflows import remembered  # as in the caller

        remembered.remember(key, lock, settings)
    came = realised.carried
    return Outcome(location, plan=plan, up_to_date=not realised.is_new, written=written, carried=came)


def _follow_again(work: _Work, following: Following) -> Outcome:
    """Make the environment of a lock that is known to fit, where nothing is yet."""
    from envmgr.lock.difference import between  # start-up time

    location, lock = work.location, following.lock
    frozen.check_thawed(location, override=work.request.override_frozen)
    plan = Plan(location, None, lock, between(None, lock), following.missing(), following.beside, is_followed=True)
    if not work.confirm(plan):
        return Outcome(location, plan=plan, declined=True)
    if work.dry_run:
        return Outcome(location, plan=plan)
    realised = following.realise(location)
    return Outcome(location, plan=plan, up_to_date=not realised.is_new, carried=realised.carried)


def locate(request: CreateRequest, settings: Settings) -> Location:
    """Return where the environment goes: -n and -p beat the files, and the last file that names one beats the others.

    Raises UsageError when nothing names it.
    """
    if request.name is not None:
        return layout.named(settings, request.name)
    if request.prefix is not None:
        return layout.at_path(settings, request.prefix)
    specs = [source for source in request.files if not source.is_lock]
    for source in reversed(specs):
        name, prefix = name_and_prefix(source.text)
        if name is not None:
            return layout.named(settings, name)
        if prefix is not None:
            from envmgr.spec.names import expand_prefix  # start-up time: only for files that name a path

            base = directories([source]) or (Path.cwd(),)
            expanded = expand_prefix(prefix, environ=settings.environ, home=settings.home, base=base[0])
            return layout.at_path(settings, expanded)
    where = " and ".join(source.source for source in request.files)
    if where:
        # A file that is not YAML has no name either, but that is not what to say about it.
        parse_sources(specs, settings, platform=current_subdir())
        hint = "add -n NAME or -p PATH"
        raise UsageError(
            f"the environment has no name: {where} gives none",
            hint=f"{hint}, or write `name: NAME` into the file" if specs else hint,
        )
    found = next((name for name in ("environment.yml", "environment.yaml") if os.path.isfile(name)), None)
    raise UsageError(
        "the environment has no name",
        hint=f"envmgr create -f {found}" if found and not request.specs else "add -n NAME or -p PATH",
    )


def _beside(request: CreateRequest) -> tuple[Path | None, bytes | None]:
    """Return where the lock of the file is, if it may have one, and its bytes; raises what --locked asks for."""
    path = lock_file.beside(request)
    data = lock_file.read_bytes(path) if path is not None else None
    if request.locked and request.no_lock:
        raise UsageError("--locked and --no-lock contradict each other", hint="give one of them")
    if path is None and any(source.is_lock for source in request.files):
        return None, None  # the file is the lock
    if request.locked and path is None:
        raise UsageError(
            "--locked follows the lock beside one environment file, and there is none here",
            hint="envmgr create --locked -f environment.yml",
        )
    if request.locked and data is None:
        raise LockError(f"{path} does not exist, and --locked follows it", hint=lock_file.command(request))
    return path, data


def _locker(
    request: CreateRequest, settings: Settings, reporter: Reporter, platform: str, files: Sequence[Path]
) -> Locker | ForeignLocker:
    """Return what turns the request into a lock: for a lock of another tool, there is nothing to solve."""
    locks = [source.source for source in request.files if source.is_lock]
    if not locks:
        from envmgr.workflows.locking import Locker  # start-up time

        for flag, value in (("--environment", request.part.environment), ("--category", request.part.categories)):
            if value:
                raise UsageError(f"{flag} chooses a part of a lock file, and none is named", hint=f"leave {flag} out")
        locker = Locker(request, settings, reporter, platform=platform, channel_files=files)
        return locker.for_dependencies() if request.manner.only_dependencies else locker
    if request.manner.only_dependencies:
        raise UsageError(f"--only-deps: {locks[0]} is a lock, of all that it names", hint="leave --only-deps out")
    if len(request.files) > 1 or request.specs:
        raise UsageError(
            f"{locks[0]} is a lock: nothing can be added to what it locks",
            hint=f"name it alone, and then: envmgr install {' '.join(request.specs) or 'PACKAGE'}",
        )
    from envmgr.workflows.foreign_locking import ForeignLocker  # start-up time

    return ForeignLocker(request, settings, reporter, platform=platform)


def _found(
    path: Path | None, data: bytes | None, locker: Locker | ForeignLocker, request: CreateRequest, reporter: Reporter
) -> Beside | None:
    from envmgr.workflows import beside  # start-up time

    return beside.read(path, data, locker, request, reporter) if path is not None and not locker.is_foreign else None


def _say_what_lacks(
    found: Beside | None,
    followed: Lock | None,
    lock: Lock,
    locker: Locker | ForeignLocker,
    request: CreateRequest,
    reporter: Reporter,
) -> None:
    """Warn of what this machine lacks for a lock that is followed, and of platforms that the lock lacks."""
    if followed is None and not locker.is_foreign:
        return
    for sentence in locker.lacking(lock):
        reporter.warning(sentence)
    if found is not None and not locker.is_foreign:
        from envmgr.workflows import other_platforms  # start-up time

        other_platforms.say_what_is_missing(found, locker, reporter, request)


def _with_other_platforms(
    found: Beside, locker: Locker | ForeignLocker, request: CreateRequest, settings: Settings, reporter: Reporter
) -> Beside:
    if locker.is_foreign:
        return found
    from envmgr.workflows import other_platforms  # start-up time

    files = channel_files(request.files, settings)
    return other_platforms.locked(found, locker, request, settings, reporter, files)


def _holds_anything(location: Location) -> bool:
    from envmgr.store.succession import holds_anything  # start-up time: for --pristine only

    return generations.current(location.prefix) is not None and holds_anything(location)


def _own(location: Location, locker: Locker | ForeignLocker) -> Lock | None:
    """Return the lock of what is there where it fits what is asked for and can be read."""
    try:
        lock = own_lock(location)
    except LockError:
        return None
    if lock is None or locker.outdated(lock):
        return None
    if locker.is_foreign:
        return lock
    here = locker.here(lock)  # made beside another copy of the recipes: the same where this one builds the same
    return here if here == lock or locker.is_built_here(here) else None


def _previous(location: Location, reporter: Reporter) -> Lock | None:
    """Return the lock of what is there; a damaged one is no reason not to make the environment anew."""
    try:
        return own_lock(location)
    except LockError as error:
        reporter.warning(f"{error.message}; the packages are chosen anew")
        return None
