"""Environments from small channels: locks by package name, realised as the workflows do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from builders.channels import LocalChannel
from envmgr.artifacts.cache import ArtifactCache
from envmgr.lock.model import Lock, PipPackage, Request
from envmgr.reporting import Phase, Progress, SilentReporter, Unit
from envmgr.settings import Settings
from envmgr.store import generations, layout
from envmgr.store.commit import unwatched
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise


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
        return replace(request, **changes)

    def create(
        self, where: str, *names: str, checkpoint: Callable[[str], None] = unwatched, **changes: Any
    ) -> Realised:
        """Realise the packages at a name or path, replacing what is there."""
        return self.realise(self.request(where, self.lock(*names), **changes), checkpoint)

    def realise(self, request: RealiseRequest, checkpoint: Callable[[str], None] = unwatched) -> Realised:
        """Realise the request with this store's settings, cache and reporter."""
        return realise(request, settings=self.settings, cache=self.cache, reporter=self.reporter, checkpoint=checkpoint)
