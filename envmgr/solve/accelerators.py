"""Builds for a GPU that a solve could not see: what it would have chosen on a machine that has one.

Half of the CPU builds that people find on their GPU nodes were chosen on a login node, silently. After each solve the
other builds of the chosen versions are looked at, and where some of them ask for an accelerator that the request's
machine does not show, the solve is tried again with one; only what is chosen then counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rattler import MatchSpec, RepoDataRecord
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

from envmgr.errors import SolveError
from envmgr.lock.model import CondaPackage
from envmgr.platforms.accelerators import ACCELERATORS, mentions
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import Solution, SolveRequest
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import meets

_TRIES = 3
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_NAME = re.compile(r"(?:[^\s\[]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")


class Unseen(NamedTuple):
    """Pairs of a chosen package and the build for an accelerator in its place, and the machine that gets it."""

    packages: tuple[tuple[CondaPackage, CondaPackage], ...]
    offered: tuple[VirtualPackage, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """The arguments of a command line that choose these builds."""
        return tuple(word for each in self.offered for word in ("--virtual-package", f"{each.name}={each.version}"))


def unseen(
    request: SolveRequest, solution: Solution, repodata: Repodata, solve: Callable[[SolveRequest], Solution]
) -> Unseen | None:
    """Return the builds for an accelerator that `request` would get if its machine showed one, None: there are none.

    Raises ChannelError when a channel cannot be read.
    """
    chosen = {package.name: package for package in solution.packages}
    others, asking = _others(solution.packages, repodata)
    wanted = {
        text
        for each in others
        for text in (*_own(each), *(text for spec in each.depends for text in asking.get(_name(spec), ())))
    }
    held = {_named(other) for other in others}

    def tried(offer: tuple[VirtualPackage, ...]) -> tuple[Solution, tuple[tuple[CondaPackage, CondaPackage], ...]]:
        names = {each.name for each in offer}
        machine = (*(each for each in request.virtual_packages if each.name not in names), *offer)
        locked = tuple(each for each in request.locked if each.name not in held)
        found = solve(replace(request, virtual_packages=machine, locked=locked))
        return found, tuple(
            (chosen[new.name], new)
            for new in found.packages
            if new.name in chosen and new.sha256 != chosen[new.name].sha256 and _asks(new, asking)
        )

    for offer in _offers(wanted, request):
        try:
            found, pairs = tried(offer)
            if not pairs:
                continue
            # What these builds ask for is often less than the newest that some other build asks for.
            asked = {text for each in found.packages for text in mentions((*each.depends, *each.constrains))}
            for least in list(_offers(asked, request))[:1]:
                if least != offer and tried(least)[1] == pairs:
                    return Unseen(pairs, least)
        except SolveError:
            continue
        return Unseen(pairs, offer)
    return None


def with_new_choices(request: SolveRequest, machine: Collection[str], repodata: Repodata) -> SolveRequest:
    """Return a request whose locked packages are not preferred where they have other builds for an accelerator that
    was not there when they were chosen: `machine` are the virtual packages then, as `name=version=build`.

    Raises ChannelError when a channel cannot be read.
    """
    now = {str(each) for each in request.virtual_packages if each.name in ACCELERATORS}
    if not request.locked or now == {text for text in machine if _name(text) in ACCELERATORS}:
        return request
    others, asking = _others(request.locked, repodata, whatever=True)
    freed = {_named(each) for each in others if _own(each) or any(_name(text) in asking for text in each.depends)}
    return replace(request, locked=tuple(each for each in request.locked if each.name not in freed))


def _others(
    packages: Sequence[CondaPackage], repodata: Repodata, *, whatever: bool = False
) -> tuple[list[RepoDataRecord], dict[str, tuple[str, ...]]]:
    """Return the other builds of the same versions, and the packages with builds that ask for an accelerator.

    Left out are packages that ask for one themselves, unless `whatever`.
    """
    named = {package.name: package for package in packages}
    looked_at = [each for each in packages if whatever or not mentions((*each.depends, *each.constrains))]
    builds = _flat(repodata.matching(MatchSpec(f"{each.name} =={each.version}") for each in looked_at))
    others = [each for each in builds if each.sha256 is None or each.sha256.hex() != named[_named(each)].sha256]
    news = {name for each in others for text in each.depends if (name := _name(text)) not in named}
    needed = _flat(repodata.matching(MatchSpec(name) for name in sorted(news) if name and not name.startswith("__")))
    return others, _asking([*needed, *others])


def _offers(texts: Iterable[str], request: SolveRequest) -> Iterable[tuple[VirtualPackage, ...]]:
    """Yield machines that show what the specs ask for and the request's does not, the newest first."""
    present = {package.name: package for package in request.virtual_packages}
    versions: dict[str, dict[tuple[int, ...], str]] = {}
    for text in texts:
        try:
            if meets(present.get(_name(text)), MatchSpec(text)):
                continue
        except (InvalidMatchSpecError, InvalidVersionError):
            continue
        for number in _NUMBERS.findall(text.partition(" ")[2]) or ["12" if _name(text) == "__cuda" else "8.0"]:
            versions.setdefault(_name(text), {})[tuple(map(int, number.split(".")))] = number
    if not versions:
        return
    for at in range(_TRIES):
        offer = []
        for name in ACCELERATORS:
            newest = sorted(versions.get(name, {}).items(), reverse=True)
            if newest:
                offer.append(VirtualPackage(name, newest[min(at, len(newest) - 1)][1]))
        if offer and "__cuda" not in (*present, *(each.name for each in offer)):
            offer.append(VirtualPackage("__cuda", "12"))  # CEP 46: no compute capability without a driver
        yield tuple(sorted(offer))
        if at + 1 >= max(len(each) for each in versions.values()):
            return


def _asking(records: Iterable[RepoDataRecord]) -> dict[str, tuple[str, ...]]:
    """Return the names of packages some build of which asks for an accelerator, with the specs."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for text in _own(record):
            found.setdefault(_named(record), {})[text] = None
    return {name: tuple(texts) for name, texts in found.items()}


def _asks(package: CondaPackage, asking: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a package is for an accelerator: it asks for one, or needs a package that does."""
    return bool(mentions((*package.depends, *package.constrains))) or any(
        _name(text) in asking for text in package.depends
    )


def _own(record: RepoDataRecord) -> list[str]:
    return mentions((*record.depends, *record.constrains))


def _named(record: RepoDataRecord) -> str:
    name: str = record.name.normalized
    return name


def _name(text: str) -> str:
    match = _NAME.match(text)
    return match[1].lower() if match is not None else ""


def _flat(channels: Iterable[Iterable[RepoDataRecord]]) -> list[RepoDataRecord]:
    return [record for records in channels for record in records]
