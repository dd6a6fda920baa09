"""Machines on which a request might have a solution: this one with a virtual package that some package asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import match_spec, meets, without_virtual

_MOST_A_NAME = 3
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")


class Machine(NamedTuple):
    """A set of virtual packages in which `offer` meets the spec `text` of some package."""

    virtual_packages: tuple[VirtualPackage, ...]
    offer: VirtualPackage
    text: str


def tried_machines(request: SolveRequest, repodata: Repodata) -> Iterator[Machine]:
    """Yield machines like the request's, each with a virtual package that some reachable package lacks.

    For each name, the least demanding of its unmet specs come first. Raises ChannelError when a channel cannot be
    read.
    """
    asked = {text for spec in request.specs if (text := str(spec.match_spec)).startswith("__")}
    for channel in repodata.reachable(match_spec(spec, request) for spec in without_virtual(request.specs)):
        for record in channel:
            asked.update(text for text in record.depends if text.startswith("__"))
    present = {package.name: package for package in request.virtual_packages}
    offers: dict[str, list[tuple[list[int], VirtualPackage, str]]] = {}
    for text in asked:
        offer = _offer(text)
        if offer is None or _meets(present.get(offer.name), text):
            continue
        key = [int(part) for part in offer.version.split(".")]
        offers.setdefault(offer.name, []).append((key, offer, text))
    for name in sorted(offers):
        for _, offer, text in sorted(offers[name])[:_MOST_A_NAME]:
            others = (package for package in request.virtual_packages if package.name != name)
            yield Machine((*others, offer), offer, text)


def may_have(platform: str, name: str) -> bool:
    """Whether some machine of a platform (a subdir) can have a virtual package of that name (CEP 30)."""
    system = platform.partition("-")[0]
    owners = {"__win": {"win"}, "__osx": {"osx"}, "__linux": {"linux"}, "__glibc": {"linux"}}
    return system in owners.get(name, {system}) and (name != "__unix" or system != "win")


def _offer(text: str) -> VirtualPackage | None:
    """Return a virtual package that meets a spec, or None when no version written in it does."""
    try:
        name = MatchSpec(text).name.normalized
    except InvalidMatchSpecError:
        return None
    rest = text.removeprefix(name).strip()
    for version in [*_VERSION.findall(rest), "0"]:
        build = rest.split()[1] if len(rest.split()) == 2 else "0"
        offer = VirtualPackage(name, version, build)
        if _meets(offer, text):
            return offer
    return None


def _meets(package: VirtualPackage | None, text: str) -> bool:
    try:
        return meets(package, MatchSpec(text))
    except (InvalidMatchSpecError, InvalidVersionError):
        return False
