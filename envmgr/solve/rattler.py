"""The rattler engine (resolvo), fed by the repodata gateway."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import rattler
from rattler import BuildString, Gateway, GenericVirtualPackage, PackageName, RepoDataRecord, Version
from rattler.exceptions import SolverError

from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, SolveError, SolveExceeded, SolveTimeout
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import Refused, Solution, SolveRequest
from envmgr.solve.explain import Explaining, explain
from envmgr.solve.hopeless import is_hopeless
from envmgr.solve.locked import admissible
from envmgr.solve.pip import is_brought_by_python, with_pip, without_pip
from envmgr.solve.priority import hidden
from envmgr.solve.records import packages_of_records, record_of_package
from envmgr.solve.repodata import RELATIONS, Repodata, TooSlow
from envmgr.solve.specs import in_utc, match_spec, refuse_impossible
from envmgr.solve.trials import Abandoned
from envmgr.urls import redact

_PRIORITIES = {
    "strict": rattler.ChannelPriority.Strict,
    "flexible": rattler.ChannelPriority.Flexible,
    "disabled": rattler.ChannelPriority.Disabled,
}
_UNSATISFIABLE = "Cannot solve the request because of: "
_GRACE_SECONDS = 0.5
_LATEST = datetime(9999, 12, 30, tzinfo=timezone.utc)  # rattler takes a later moment for none
_SECOND_CHANCE = timedelta(seconds=10)  # for a solve that needed too much memory, which mostly has no solution
_TWICE = "encountered duplicate records for"
_CANCELLED = "Solve operation has been cancelled"


class RattlerSolver:
    """Solves with rattler over the repodata of one gateway."""

    name = "rattler"

    def __init__(self, gateway: Gateway, explaining: Explaining | None = None) -> None:
        self._gateway = gateway
        self._explaining = explaining or Explaining()
        self._readers: dict[tuple[tuple[Channel, ...], str], Repodata] = {}

    def solve(self, request: SolveRequest) -> Solution:
        """Return the solution of a request.

        Raises PackagesNotFound, Unsatisfiable, SolveTimeout, ChannelError, and UsageError for a time limit
        that is none.
        """
        refuse_impossible(request)
        try:
            packages = self.attempt(request)
        except Refused as refused:
            raise self._explained(request, str(refused)) from None
        except (SolveExceeded, SolveTimeout) as error:
            if not self._explaining.has_exceeded or self._explaining.seconds <= 0:
                raise
            raise self._explained(request, f"(rattler has no words for it: {error})", error) from None
        return Solution(packages=packages, solver=f"rattler {rattler.__version__}")

    def attempt(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        """Return the packages of a solution; raises Refused, unexplained, where there is none.

        Raises Abandoned where rattler goes on after the time limit.
        """
        if self._explaining.has_exceeded:
            if is_hopeless(request, self._repodata(request)):
                raise Refused
            return self.trial(replace(request, time_limit=request.time_limit or _SECOND_CHANCE))
        return self._in_time(request)

    def trial(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        """As `attempt`, and SolveTimeout or SolveExceeded where it was ended and nothing is known without an engine.

        rattler stops solving at its time limit, but not writing why there is no solution: where it is not aside, that
        is Abandoned.
        """
        aside = self._explaining.aside
        if aside is None or request.time_limit is None:
            return self._in_time(request)
        try:
            return aside(request)
        except (SolveExceeded, SolveTimeout):
            if is_hopeless(request, self._repodata(request)):
                raise Refused from None
            raise

    def _in_time(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        limit = request.time_limit
        seconds = None if limit is None else limit.total_seconds() + _GRACE_SECONDS
        return self._packages(request, self._repodata(request), seconds=seconds)

    def _explained(self, request: SolveRequest, words: str, undecided: SolveError | None = None) -> SolveError:
        repodata = self._repodata(request)
        return explain(request, words, self.trial, repodata, self._explaining, undecided=undecided)

    def _repodata(self, request: SolveRequest) -> Repodata:
        key = (request.channels, request.platform)
        if key not in self._readers:
            self._readers[key] = Repodata(self._gateway, request.channels, request.platform)
        return self._readers[key]

    def _packages(
        self, request: SolveRequest, repodata: Repodata, *, seconds: float | None
    ) -> tuple[CondaPackage, ...]:
        reason = hidden(request, repodata)
        if reason is not None:
            raise Refused(reason)
        pip = is_brought_by_python(request, repodata)
        prefer = [with_pip(package) if pip else package for package in admissible(request, repodata)]
        keep = [with_pip(package) if pip else package for package in request.pinned]
        cutoff = request.exclude_newer
        sources = repodata.sources()
        try:
            records: list[RepoDataRecord] = repodata.wait(
                rattler.solve(
                    sources,
                    [match_spec(spec, request) for spec in request.specs],
                    gateway=self._gateway,
                    platforms=repodata.platforms,
                    locked_packages=[record_of_package(package) for package in prefer],
                    pinned_packages=[record_of_package(package) for package in keep],
                    virtual_packages=[_generic(package) for package in request.virtual_packages],
                    timeout=request.time_limit,
                    channel_priority=_PRIORITIES[request.channel_priority],
                    # py-rattler writes UTC over whatever time zone a moment has.
                    exclude_newer=None if cutoff is None else min(in_utc(cutoff), _LATEST),
                    constraints=[match_spec(constraint, request) for constraint in request.constraints],
                    channel_relations=RELATIONS,
                    add_pip_as_python_dependency=pip,
                ),
                seconds=seconds,
                names=[*(spec.name for spec in request.specs), *(["pip"] if pip else [])],
                recursive=True,
            )
        except SolverError as error:
            raise _reading(str(error), request) from error
        except TooSlow as error:
            raise Abandoned("rattler did not end at its time limit") from error
        packages = packages_of_records(records, request.specs)
        return tuple(without_pip(package) for package in packages) if pip else packages


def _generic(package: VirtualPackage) -> GenericVirtualPackage:
    build = BuildString.new_unchecked(package.build)
    return GenericVirtualPackage(PackageName(package.name), Version(package.version), build)


def _reading(text: str, request: SolveRequest) -> Exception:
    time_limit = request.time_limit
    if text.startswith(_UNSATISFIABLE):
        return Refused(text.removeprefix(_UNSATISFIABLE).strip())
    if text.startswith(_CANCELLED) and time_limit is not None:
        return SolveTimeout(
            f"rattler found no solution within {time_limit.total_seconds():g} s, nor that there is none",
            hint="name versions for the packages that matter, or allow more time",
        )
    if text.startswith(_TWICE):
        names = ", ".join(redact(channel.name) for channel in request.channels)
        return ChannelError(
            f"a channel cannot be used: of {names}, one lists {text.removeprefix(_TWICE).strip()} twice",
            hint="its index is broken: tell the maintainers of the channel, or name a mirror in channels.yaml",
        )
    return SolveError(f"rattler cannot solve this request: {redact(text)}")
