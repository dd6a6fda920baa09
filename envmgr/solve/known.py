"""What trials have shown, and what follows from it for requests that were not tried.

A solution of one request is a solution of each other one that it meets under the same rules; what has no solution has
none either when more is asked for beside it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from rattler import RepoDataRecord

from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.records import record_of_package
from envmgr.solve.specs import channel_url, unmet_virtual, without_virtual
from envmgr.spec.model import Dependency


class _Asked(NamedTuple):
    """What of a request can be more or less while its rules are the same."""

    specs: frozenset[Dependency]
    constraints: frozenset[Dependency]

    @classmethod
    def of(cls, request: SolveRequest) -> _Asked:
        return cls(frozenset(request.specs), frozenset(request.constraints))


class _Witness:
    """A solution that is held against other requests; records are made of its packages as they are needed."""

    def __init__(self, packages: Packages) -> None:
        self.packages = packages
        self._by_name = {package.name: package for package in packages}
        self._records: dict[str, RepoDataRecord] = {}

    def meets(self, request: SolveRequest) -> bool:
        """Whether it is a solution of a request under the rules that it was found under."""
        specs = without_virtual(request.specs)
        return all(spec.name in self._by_name and self._matches(spec, request) for spec in specs) and all(
            self._matches(constraint, request) for constraint in request.constraints if constraint.name in self._by_name
        )

    def _matches(self, spec: Dependency, request: SolveRequest) -> bool:
        package = self._by_name[spec.name]
        if spec.match_spec.extras or spec.match_spec.condition is not None:
            return False  # what these bring is the engine's to say
        if spec.channel is not None and channel_url(spec, request) != package.channel:
            return False
        if spec.name not in self._records:
            self._records[spec.name] = record_of_package(package)
        return spec.match_spec.matches(self._records[spec.name])


class Known:
    """The outcomes of trials by their rules."""

    def __init__(self) -> None:
        self._witnesses: dict[Hashable, list[_Witness]] = {}
        self._refused: dict[Hashable, list[_Asked]] = {}

    def solves(self, request: SolveRequest, packages: Packages) -> None:
        """Take note of a solution."""
        self._witnesses.setdefault(_rules(request), []).append(_Witness(packages))

    def refuses(self, request: SolveRequest) -> None:
        """Take note of a request that has none."""
        self._refused.setdefault(_rules(request), []).append(_Asked.of(request))

    def solution(self, request: SolveRequest) -> Packages | None:
        """Return a solution of a request that was found for another one, if there is any."""
        if unmet_virtual(request) is not None:
            return None
        found = self._witnesses.get(_rules(request), ())
        return next((each.packages for each in reversed(found) if each.meets(request)), None)

    def has_none(self, request: SolveRequest) -> bool:
        """Whether a request asks for more than one that has no solution."""
        asked = _Asked.of(request)
        return any(
            each.specs <= asked.specs and each.constraints <= asked.constraints
            for each in self._refused.get(_rules(request), ())
        )


def _rules(request: SolveRequest) -> Hashable:
    """Return everything that decides which solutions there are, except for what is asked for."""
    named = frozenset(
        (each.name, channel_url(each, request))
        for each in (*request.specs, *request.constraints)
        if each.channel is not None  # the package comes from there whatever the priority
    )
    return (
        request.channels,
        request.platform,
        request.virtual_packages,
        request.pinned,
        request.channel_priority,
        request.exclude_newer,
        request.add_pip,
        named,
    )
