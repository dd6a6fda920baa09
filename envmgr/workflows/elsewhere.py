"""Where else a package is looked for when the channels in use do not have it: on this machine, and on the pip side."""

from __future__ import annotations

from collections.abc import Sequence

from rattler import Gateway

from envmgr.channels.gateway import gateway
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, SolveError
from envmgr.lock.model import CondaPackage
from envmgr.settings import Settings
from envmgr.solve.base import Solver, SolveRequest
from envmgr.solve.explain import Explaining
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.repodata import Repodata


def explaining(table: ChannelTable, in_use: Sequence[Channel], settings: Settings) -> Explaining:
    """Return how much is done to explain a solve over the channels in use that has no solution."""
    return Explaining(seconds=settings.explain_timeout, elsewhere=KnownHere(table, in_use, settings))


def why_not(engine: Solver, request: SolveRequest) -> SolveError | None:
    """Return why a request has no solution, None when it has one."""
    try:
        engine.solve(request)
    except SolveError as error:
        return error
    return None


class KnownHere:
    """The channels that this user's tables name, read without a network: what is local, and what was fetched before.

    Channels that are not in use are never asked; the indexes of the pip half are, unless offline.
    """

    def __init__(self, table: ChannelTable, in_use: Sequence[Channel], settings: Settings) -> None:
        self._settings = settings._replace(offline=True)
        self._may_ask = not settings.offline
        self._pypi = table.pypi
        self._in_use = tuple(in_use)
        self.channels = tuple(_others(table, in_use))
        self._names: dict[tuple[Channel, str], frozenset[str] | None] = {}
        self._opened: Gateway | None = None

    def names(self, channel: Channel, platform: str) -> frozenset[str] | None:
        """Return the names that a channel has for a platform, None where they are not on this machine."""
        key = (channel, platform)
        if key not in self._names:
            try:
                self._names[key] = Repodata(self._gateway(), [channel], platform).names()
            except (ChannelError, SolveError):
                self._names[key] = None
        return self._names[key]

    def attempt(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        """Solve with what is on this machine; raises Refused, SolveTimeout, ChannelError."""
        return RattlerSolver(self._gateway()).attempt(request)

    def is_on_pypi(self, name: str) -> bool | None:
        """Whether the indexes of the pip half have a project of that name; None when they were not asked."""
        from envmgr.pypi import projects  # start-up time: only to word an error

        return projects.exists(name, self._settings._replace(offline=False), self._pypi) if self._may_ask else None

    def _gateway(self) -> Gateway:
        if self._opened is None:
            self._opened = gateway((*self._in_use, *self.channels), self._settings)
        return self._opened


def _others(table: ChannelTable, in_use: Sequence[Channel]) -> list[Channel]:
    used = {channel.url for channel in in_use}
    found: dict[str, Channel] = {}
    for name in table.names():
        if name == "defaults":  # used only where it is named: its terms are not for everybody
            continue
        try:
            for channel in table.resolve([name]):
                if channel.url not in used:
                    found.setdefault(channel.url, channel)
        except ChannelError:  # a directory that is gone, a variable that is not set: not to be had here
            continue
    return list(found.values())
