"""`verify`: an environment held against its lock, and made anew from it; the package cache likewise."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import audit, trees
from envmgr.artifacts.audit import Audit, Rotten
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, EnvmgrError, LockError, NotAnEnvironment, PrefixError, StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.pypi import audit as pip_audit
from envmgr.pypi import checkouts
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import frozen, generations, healing, layout, sharing
from envmgr.store.carried import Carried, Left
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.generations import Generation
from envmgr.store.layout import LOCK_FILE, Location
from envmgr.store.problems import Findings, Problem
from envmgr.store.realise import RealiseRequest, realise
from envmgr.store.usage import using_cache
from envmgr.store.verify import verify as verify_prefix
from envmgr.workflows.reading import lock_of

_ATTEMPTS = 3  # looks at an environment that others keep replacing


class Repair(NamedTuple):
    """What was done: the generation that was made, where the one before it is kept (None: nowhere), which cached
    packages were set aside, the edited files that only the old generation has still, what came along, and what is
    found now."""

    generation: Generation
    kept: Path | None
    discarded: tuple[str, ...]
    edited: tuple[str, ...]
    carried: Carried
    findings: Findings


def find(settings: Settings, *, name: str | None, prefix: str | None) -> Location:
    """Return the environment that is to be verified, also one of ours that has lost what makes it an environment.

    Raises EnvironmentNotFound or NotAnEnvironment.
    """
    try:
        return layout.find(settings, name=name, prefix=prefix)
    except NotAnEnvironment:
        if name is None and prefix is None:
            raise
        location = layout.named(settings, name) if name is not None else layout.at_path(settings, prefix or "")
        if not os.path.isfile(location.prefix / LOCK_FILE):
            raise
        return location


def verify(location: Location, settings: Settings, reporter: Reporter) -> Findings:
    """Return what is wrong with the environment; raises nothing for what is wrong inside of it.

    One that another command replaced meanwhile is looked at once more.
    """
    for _ in range(_ATTEMPTS - 1):
        before = _identity(location)
        findings = _verify(location, settings, reporter)
        if _identity(location) == before:
            return findings
    return _verify(location, settings, reporter)


def repair(
    location: Location,
    findings: Findings,
    settings: Settings,
    reporter: Reporter,
    *,
    command: Sequence[str],
    override_frozen: bool = False,
    checkpoint: Checkpoint = unwatched,
) -> Repair:
    """Realise the lock of the environment as its next generation, with nothing rotten from the cache.

    Files that people put there come along, what they installed with pip does not. Nothing is mended in place, and the
    environment stays as it is when this fails. Raises PrefixError where there is
    no lock that can be trusted, FrozenEnvironment, and what `store.realise` raises.
    """
    lock, present = _trusted(location)
    frozen.check_thawed(location, override=override_frozen)
    cache = ArtifactCache(settings)
    with using_cache(settings):
        _restore_mark(location)
        discarded = _discard_rotten(lock, cache, reporter)
        _forget_wheels(lock, findings, settings)
        edited = tuple(sorted({each.path for each in findings.faults if each.kind == "changed" and each.package}))
        realised = realise(
            RealiseRequest(
                location=location,
                lock=lock,
                channels=_channels(lock, settings, reporter),
                pypi=ChannelTable.read(settings, beside=(Path.cwd(),)).pypi,
                command=command,
                inputs_digest=present.inputs_digest,
                replaces=present.number,
                override_frozen=override_frozen,
                extent="files",
                known=tuple(Left(path, "edited") for path in edited),
            ),
            settings=settings,
            cache=cache,
            reporter=reporter,
            checkpoint=checkpoint,
        )
    saved = {each.original for each in realised.carried.saved}
    return Repair(
        generation=realised.generation,
        kept=realised.kept,
        discarded=discarded,
        edited=tuple(path for path in edited if path not in saved) if realised.kept is not None else (),
        carried=realised.carried,
        findings=verify(location, settings, reporter),
    )


def verify_cache(settings: Settings, reporter: Reporter) -> Audit:
    """Return what is rotten in the own cache, packages and wheels; raises StoreError where it cannot be read."""
    found = audit.audit(ArtifactCache(settings), reporter)
    with reporter.start("check", "cached wheels"):
        wheels = tuple(pip_audit.audit(settings))
    rotten = [Rotten(each.key, each.directory, f"the wheel of {each.package}", each.reasons)
              for each in wheels if each.reasons]  # fmt: skip
    size = found.bytes + sum(each.bytes for each in wheels)
    return Audit(found.artifacts, size, (*found.rotten, *rotten), wheels=len(wheels))


def set_aside(found: Audit, settings: Settings) -> tuple[str, ...]:
    """Remove what is rotten from the cache, so that it is had again when needed, and return the names.

    Raises ReadOnlyStore, StoreError or PipError.
    """
    cache = ArtifactCache(settings)
    wheels = [each for each in found.rotten if each.directory.parent != cache.directory]
    healing.forget_wheels({each.package.split()[-2] for each in wheels if not each.key}, settings)
    for each in found.rotten:
        if each in wheels:
            trees.remove(each.directory)
        else:
            cache.remove(each.key)
    return tuple(each.package for each in found.rotten)


def _verify(location: Location, settings: Settings, reporter: Reporter) -> Findings:
    has_lock = os.path.lexists(location.prefix / layout.OWN_DIRECTORY)
    lock, problem = _lock_of(location, has_lock=has_lock)
    verified = verify_prefix(location, lock, reporter, has_lock=has_lock)
    findings = verified.findings
    if lock is not None:
        findings = findings._replace(problems=(*findings.problems, *_checkouts(location, lock, settings)))
    return findings._replace(
        problems=(*((problem,) if problem is not None else ()), *findings.problems),
        shared=sharing.sharers(location, verified.linked, settings),
    )


def _checkouts(location: Location, lock: Lock, settings: Settings) -> Iterator[Problem]:
    """Yield the checkouts that are gone, and, as notices, those where another commit is checked out."""
    for each in checkouts.of(lock.pip, checkouts.home(settings, location.prefix)):
        head = each.head() if each.directory.is_dir() else None
        if head != each.commit:
            severity, kind = ("notice", "changed") if head is not None else ("fault", "missing")
            yield Problem(severity, kind, str(each.directory), each.package.name, each.commit, head)  # type: ignore[arg-type]


def _identity(location: Location) -> tuple[int, int] | None:
    """Return what tells the tree at the prefix from the one that takes its place."""
    try:
        status = os.stat(location.prefix)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _lock_of(location: Location, *, has_lock: bool) -> tuple[Lock | None, Problem | None]:
    expected = "the lock of the environment"
    if has_lock and not os.path.lexists(location.prefix / LOCK_FILE):
        reason = None if os.access(location.prefix / layout.OWN_DIRECTORY, os.X_OK) else "Permission denied"
        return None, Problem("fault", "unreadable" if reason else "missing", LOCK_FILE, None, expected, reason)
    try:
        return lock_of(location), None
    except LockError as error:
        return None, Problem("fault", "unreadable", LOCK_FILE, None, expected, error.message)
    except (NotAnEnvironment, OSError):
        return None, None  # a record that cannot be read is found and named by the verification itself


def _trusted(location: Location) -> tuple[Lock, Generation]:
    """Return the lock and the generation of an environment that can be made anew from them."""
    generation = generations.current(location.prefix)
    if generation is None:
        raise PrefixError(
            f"{location.label} cannot be repaired: it has no lock, since another tool made it",
            hint="the tool that made it can install the packages again",
        )
    remedy = f"make it anew from its file: envmgr remove {location.arguments} --all, then envmgr create"
    try:
        lock = lock_of(location)
    except EnvmgrError as error:
        raise PrefixError(
            f"{location.label} cannot be repaired, for want of its lock: {error.message}", hint=remedy
        ) from error
    digest = conda_lock.digest(lock)
    if digest != generation.lock_digest:
        raise PrefixError(
            f"{location.label} cannot be repaired from {location.prefix / LOCK_FILE}, which was changed: "
            f"expected digest {generation.lock_digest}, found {digest}",
            hint=remedy,
        )
    return lock, generation


def _restore_mark(location: Location) -> None:
    """Give the environment back the file that makes it one (CEP 32), without which nothing may take its place."""
    if not layout.is_environment(location.prefix):
        try:
            (location.prefix / "conda-meta/history").touch()
        except OSError as error:
            raise StoreError(f"{location.prefix}/conda-meta/history cannot be written: {error.strerror}") from error


def _discard_rotten(lock: Lock, cache: ArtifactCache, reporter: Reporter) -> tuple[str, ...]:
    """Set aside what is rotten of the cached packages, so that it is not linked again, and return their names."""
    artifacts: list[Artifact] = []
    for package in lock.conda:
        with contextlib.suppress(EnvmgrError):  # `realise` says what is wrong with it
            found = cache.find(package)
            artifacts += [found] if found is not None else []
    total = sum(artifact.manifest.bytes for artifact in artifacts)
    discarded = []
    with reporter.start("check", f"{len(artifacts)} cached packages", total=total, unit="bytes") as progress:
        for artifact in artifacts:
            if cache.verify(artifact):
                cache.discard(artifact)
                discarded.append(artifact.package.dist_name)
            progress.advance(artifact.manifest.bytes)
    return tuple(discarded)


def _forget_wheels(lock: Lock, findings: Findings, settings: Settings) -> None:
    """Let uv forget the wheels whose unpacked files were edited through a hard link from its cache."""
    from_pip = {package.name for package in lock.pip}
    healing.forget_wheels(
        {each.package for each in findings.shared if each.package in from_pip and each.elsewhere}, settings
    )


def _channels(lock: Lock, settings: Settings, reporter: Reporter) -> tuple[Channel, ...]:
    """Return the lock's channels with the mirrors and logins of this machine; one that is gone is only missed when
    something has to be fetched from it."""
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    found: list[Channel] = []
    for url in lock.channels:
        try:
            found += table.resolve((url,))
        except ChannelError as error:
            reporter.notice(error.message)
    return tuple(found)
