"""Environments from small channels: locks by package name, realised as the workflows do it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from builders.channels import LocalChannel
from envmgr.artifacts.cache import ArtifactCache
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock, PipPackage, Request
from envmgr.reporting import Phase, Progress, SilentReporter, Unit
from envmgr.settings import Settings
from envmgr.store import generations, layout, recorded, removal
from envmgr.store.commit import unwatched
from envmgr.store.generations import Switch
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise
from envmgr.store.renaming import RenameRequest, rename
from envmgr.store.rollback import RollbackRequest, take_kept


class Collector(SilentReporter):
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notices: list[str] = []
        self.warnings: list[str] = []

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        self.phases.append(phase)
        return super().start(phase, text, total=total, unit=unit)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


class Store:
    """One store and one channel; `reporter` hears everything that is done."""

    def __init__(self, settings: Settings, channel: LocalChannel) -> None:
        self.settings = settings
        self.channel = channel
        self.reporter = Collector()
        self.cache = ArtifactCache(settings)

    def lock(self, *names: str, pip: Sequence[PipPackage] = (), variables: Sequence[tuple[str, str]] = ()) -> Lock:
        """Return the lock of these packages, each asked for by its name."""
        packages = [self.channel.package(name)._replace(requested=(name,)) for name in sorted(names)]
        return Lock(
            platform="linux-64",
            conda=tuple(packages),
            pip=tuple(pip),
            channels=(self.channel.url,),
            request=Request(dependencies=tuple(sorted(names)), variables=tuple(variables)),
        )

    def location(self, where: str) -> Location:
        """Return the location of a name, or of a path when it has a slash."""
        return layout.at_path(self.settings, where) if "/" in where else layout.named(self.settings, where)

    def request(self, where: str, lock: Lock, **changes: Any) -> RealiseRequest:
        """Return the request to make `where` as the lock says, on top of what is there now."""
        location = self.location(where)
        present = generations.current(location.prefix)
        request = RealiseRequest(
            location=location,
            lock=lock,
            channels=(),
            command=("envmgr", "create", "-n", where),
            inputs_digest="",
            replaces=None if present is None else present.number,
        )
        return request._replace(**changes)

    def create(
        self, where: str, *names: str, checkpoint: Callable[[str], None] = unwatched, **changes: Any
    ) -> Realised:
        """Realise the packages at a name or path, replacing what is there."""
        return self.realise(self.request(where, self.lock(*names), **changes), checkpoint)

    def realise(self, request: RealiseRequest, checkpoint: Callable[[str], None] = unwatched) -> Realised:
        """Realise the request with this store's settings, cache and reporter."""
        return realise(request, settings=self.settings, cache=self.cache, reporter=self.reporter, checkpoint=checkpoint)


def rollback_request(store: Store, where: str, number: int, switch: Switch | None = None) -> RollbackRequest:
    """Return the request to go back to a generation of `where`, on top of what is there now."""
    location = store.location(where)
    target, present = recorded.find(location, number), generations.current(location.prefix)
    assert present is not None
    command = ("envmgr", "rollback", "-n", where, str(number))
    return RollbackRequest(
        location, target.generation, recorded.lock_of(target), command, present.number, switch=switch
    )


# A server that forks costs milliseconds a child where a new interpreter costs the imports each time.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["builders.store"])


def realise_until(settings: Settings, request: RealiseRequest, step: str) -> int:
    """Realise in another process that kills itself (SIGKILL) at `step`; return its exit code."""
    return _ended(_PROCESSES.Process(target=_realise_until, args=(settings, request, step)))


def roll_back_until(settings: Settings, request: RollbackRequest, step: str) -> int:
    """Roll back in another process that kills itself (SIGKILL) at `step`; return its exit code."""
    return _ended(_PROCESSES.Process(target=_roll_back_until, args=(settings, request, step)))


def start_rolling_back(settings: Settings, request: RollbackRequest) -> multiprocessing.process.BaseProcess:
    """Start to roll back in another process."""
    child = _PROCESSES.Process(target=_roll_back_until, args=(settings, request, ""))
    child.start()
    return child


def remove_until(settings: Settings, location: Location, step: str) -> int:
    """Remove in another process that kills itself (SIGKILL) at `step`; return its exit code."""
    return _ended(_PROCESSES.Process(target=_remove_until, args=(settings, location, step)))


def rename_until(settings: Settings, request: RenameRequest, step: str) -> int:
    """Rename in another process that kills itself (SIGKILL) at `step`; return its exit code."""
    return _ended(_PROCESSES.Process(target=_rename_until, args=(settings, request, step)))


def realise_at_once(settings: Settings, requests: Sequence[RealiseRequest]) -> list[int]:
    """Realise each request in a process of its own, all at the same time; return their exit codes.

    What one of them raised is printed: their standard error is that of a server, which no test shows.
    """
    raised: SimpleQueue[str] = _PROCESSES.SimpleQueue()
    children = [_PROCESSES.Process(target=_realise_and_tell, args=(settings, each, raised)) for each in requests]
    for child in children:
        child.start()
    for child in children:
        child.join()
    while not raised.empty():
        sys.stderr.write(raised.get())
    return [child.exitcode if child.exitcode is not None else -1 for child in children]


def start_realising(settings: Settings, request: RealiseRequest) -> multiprocessing.process.BaseProcess:
    """Start to realise in another process."""
    child = _PROCESSES.Process(target=_realise_until, args=(settings, request, ""))
    child.start()
    return child


def faults(prefix: Path, lock: Lock) -> list[str]:
    """Return what is wrong with an environment that should be as the lock says; nothing when it is whole."""
    if not (prefix / "conda-meta/history").is_file():
        return ["no history"]
    generation = generations.current(prefix)
    found = [] if generation and generation.lock_digest == conda_lock.digest(lock) else ["another generation"]
    names = {path.name for path in (prefix / "conda-meta").glob("*.json")}
    if names != {f"{package.dist_name}.json" for package in lock.conda}:
        found.append(f"records {sorted(names)}")
    for name in sorted(names):
        record = json.loads((prefix / "conda-meta" / name).read_text())
        found += [f"missing {path}" for path in record["files"] if not os.path.lexists(prefix / path)]
    return found


def _realise_until(settings: Settings, request: RealiseRequest, step: str) -> None:
    realise(
        request,
        settings=settings,
        cache=ArtifactCache(settings),
        reporter=SilentReporter(),
        already_done=request.is_done,
        checkpoint=_killer(step),
    )
    os._exit(0)  # the runtime of rattler may crash when the interpreter ends


def _realise_and_tell(settings: Settings, request: RealiseRequest, raised: SimpleQueue[str]) -> None:
    try:
        _realise_until(settings, request, "")
    except BaseException:
        raised.put(traceback.format_exc())
        raise


def _roll_back_until(settings: Settings, request: RollbackRequest, step: str) -> None:
    made = take_kept(request, settings=settings, reporter=SilentReporter(), checkpoint=_killer(step))
    os._exit(0 if made is not None else 3)


def _remove_until(settings: Settings, location: Location, step: str) -> None:
    removal.remove(location, settings=settings, reporter=SilentReporter(), checkpoint=_killer(step))
    os._exit(0)


def _rename_until(settings: Settings, request: RenameRequest, step: str) -> None:
    cache = ArtifactCache(settings)
    rename(request, settings=settings, cache=cache, reporter=SilentReporter(), checkpoint=_killer(step))
    os._exit(0)


def _killer(step: str) -> Callable[[str], None]:
    def reached(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def _ended(child: Any) -> int:
    child.start()
    child.join()
    assert isinstance(child.exitcode, int)
    return child.exitcode
