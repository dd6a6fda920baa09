"""A solve: the request, the solution, and the protocol that each engine implements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from envmgr.channels.model import Channel
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.settings import ChannelPriority
from envmgr.spec.model import Dependency, Origin

Packages = tuple[CondaPackage, ...]

EXCLUDE_NEWER = Origin(source="--exclude-newer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """Everything that decides a solve. Every field means the same to every engine, or the engine refuses it.

    `specs` must each be met by an installed package; `constraints` must hold where their package is installed;
    A spec that names a channel (`conda-forge::x`) takes its package from that channel alone, whatever the priority;
    `channel_urls` maps such names as written to base URLs, and a name that is not in it is looked up in `channels`.
    `locked` are preferred when allowed (name by name), and allowed are those whose channel is in use, that are not
    newer than `exclude_newer` and not hidden by the channel priority; `pinned` may not change at all.
    `exclude_newer` (any time zone; without one it is UTC) drops records that entered the index later, or, where the
    index does not say, were built later, and records with neither time; a record of that very moment stays.
    `exclude_newer_origin` is where it is written.
    `time_limit` bounds the solve, not the reading of repodata. `add_pip` makes python depend on pip, as conda does,
    where a channel in use has a pip.
    """

    specs: tuple[Dependency, ...]
    channels: tuple[Channel, ...]
    platform: str
    virtual_packages: tuple[VirtualPackage, ...]
    locked: tuple[CondaPackage, ...] = ()
    pinned: tuple[CondaPackage, ...] = ()
    constraints: tuple[Dependency, ...] = ()
    channel_priority: ChannelPriority = "strict"
    exclude_newer: datetime | None = None
    exclude_newer_origin: Origin = EXCLUDE_NEWER
    time_limit: timedelta | None = None
    add_pip: bool = True
    channel_urls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The packages of a solved request, sorted by name, `requested` filled in, and the engine with its version."""

    packages: tuple[CondaPackage, ...]
    solver: str


class Refused(Exception):
    """An engine found that a request has no solution; its own words, which need not be any where none are wanted."""


class Solver(Protocol):
    """An engine: turns a request into a solution.

    Raises PackagesNotFound, Unsatisfiable, SolveTimeout, SolverUnavailable, ChannelError, UsageError.
    """

    name: str

    def solve(self, request: SolveRequest) -> Solution: ...

    def attempt(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        """Return the packages of a solution; raises Refused, without looking for the reason, where there is none."""
