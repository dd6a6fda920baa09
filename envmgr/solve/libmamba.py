"""The libmamba engine (libsolv), fed with the same records as the rattler engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from rattler import Gateway

from envmgr.errors import ChannelError, SolveError, SolveExceeded, SolverUnavailable
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.solve import libsolv
from envmgr.solve.base import Packages, Refused, Solution, SolveRequest
from envmgr.solve.bounded import BoundedEngine
from envmgr.solve.candidates import Row, candidates
from envmgr.solve.explain import Explaining, explain
from envmgr.solve.libsolv import Answer, Candidate, Problem
from envmgr.solve.locked import admissible, reached
from envmgr.solve.pip import is_brought_by_python, with_pip
from envmgr.solve.pool import Pool
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.records import packages_of_records, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import refuse_impossible, unmet_virtual, without_virtual
from envmgr.urls import redact

_VERSIONS = (2, 8, 32)  # of each name, one try after the other; then all
_LEAST_SECONDS = 0.001
_LEAST_LOOK = 1.0  # seconds for rattler's words


class LibmambaSolver:
    """Solves with libmamba over the repodata of one gateway; importing this module needs libmambapy."""

    name = "libmamba"

    def __init__(self, gateway: Gateway, explaining: Explaining | None = None) -> None:
        self._gateway = gateway
        self._explaining = explaining or Explaining()

    def solve(self, request: SolveRequest) -> Solution:
        """Return the solution of a request.

        Raises PackagesNotFound, Unsatisfiable, SolveTimeout, ChannelError, UsageError for a time limit that is
        none, and SolverUnavailable for a spec with extras or conditions, which libmamba does not know.
        """
        refuse_impossible(request)
        for spec in (*request.specs, *request.constraints):
            if spec.match_spec.extras or spec.match_spec.condition is not None:
                raise SolverUnavailable(
                    f"{spec.origin}: libmamba knows no extras or conditions as in `{redact(spec.text)}`",
                    hint="pass `--solver rattler`",
                )
        repodata = self._repodata(request)
        with BoundedEngine() as engine:
            try:
                packages = self._packages(request, repodata, engine)
            except Refused:
                raise self._explained(request, repodata, engine) from None
        return Solution(packages=packages, solver=f"libmamba {libsolv.version()}")

    def attempt(self, request: SolveRequest) -> tuple[CondaPackage, ...]:
        """Return the packages of a solution; raises Refused, unexplained, where there is none."""
        with BoundedEngine() as engine:
            return self._packages(request, self._repodata(request), engine)

    def _repodata(self, request: SolveRequest) -> Repodata:
        return Repodata(self._gateway, request.channels, request.platform)

    def _explained(self, request: SolveRequest, repodata: Repodata, engine: BoundedEngine) -> SolveError:
        """Let rattler, which needs no preparation, find the words and do the trials; hold its edits against libmamba.

        Where rattler finds a solution that libmamba does not, libmamba has to do it all.
        """

        def attempt(variant: SolveRequest) -> tuple[CondaPackage, ...]:
            return self._packages(variant, self._repodata(variant), engine)

        def accepts(variant: SolveRequest, packages: Packages) -> bool:
            return _accepts(variant, packages, is_brought_by_python(variant, self._repodata(variant)), engine)

        quick, words = RattlerSolver(self._gateway, self._explaining), "libmamba found no solution"
        limited = replace(request, time_limit=timedelta(seconds=max(self._explaining.seconds / 2, _LEAST_LOOK)))
        try:
            quick.trial(limited)
        except Refused as refused:
            return explain(request, str(refused) or words, quick.trial, repodata, self._explaining, confirm=accepts)
        except SolveExceeded:  # it wrote why, which it does where there is no solution
            return explain(request, words, quick.trial, repodata, self._explaining, confirm=accepts)
        except (SolveError, ChannelError):
            pass
        return explain(request, words, attempt, repodata, replace(self._explaining, aside=None))

    def _packages(self, request: SolveRequest, repodata: Repodata, engine: BoundedEngine) -> tuple[CondaPackage, ...]:
        if unmet_virtual(request) is not None:
            raise Refused
        pip = is_brought_by_python(request, repodata)
        repos = candidates(request, repodata, brings_pip=pip)
        locked = {package.name: package for package in admissible(request, repodata)}
        # In the order of asking: where newest versions exclude each other, the first one gets it, as with resolvo.
        names = list(dict.fromkeys(spec.name for spec in without_virtual(request.specs)))
        # What is installed is kept where possible, needed or not: it may only be what the specs can lead to.
        possible = {row.name for rows in repos for row in rows} | set(names)
        preferred = [locked[name] for name in reached(possible, locked, brings_pip=pip)]
        installed = [row_of_package(with_pip(package) if pip else package) for package in preferred]
        pool = Pool(repos, installed, request.virtual_packages, names)
        if pool.is_hopeless():
            raise Refused
        solve = _Solve(request, repos, installed, names, engine)
        chosen = _newest(pool, solve, names, {row.name: row.version for row in installed})
        records = [row.record for row in chosen]
        packages = {package.name: package for package in packages_of_records(records, request.specs)}
        return tuple(packages[name] for name in sorted(reached(names, packages, brings_pip=pip)))


def _accepts(request: SolveRequest, packages: Packages, pip: bool, engine: BoundedEngine) -> bool:
    """Whether libmamba finds a solution in packages that rattler chose under the same rules, all of them candidates:
    quick at any size of the channels."""
    rows = [row_of_package(with_pip(package) if pip else package) for package in packages]
    names = sorted({spec.name for spec in without_virtual(request.specs)})
    try:
        return _Solve(request, [rows], (), names, engine).among([range(len(rows))]) is not None
    except SolveError:
        return False


class _Solve:
    """One request, asked with more or fewer of its candidates."""

    def __init__(
        self,
        request: SolveRequest,
        repos: Sequence[Sequence[Row]],
        installed: Sequence[Row],
        names: Sequence[str],
        engine: BoundedEngine,
    ) -> None:
        self._repos, self._installed, self._engine = repos, installed, engine
        self._problem = Problem(
            repos=(),
            is_ranked=request.channel_priority == "flexible",
            installed=[
                *(_of_row(row) for row in installed),
                *(_of_virtual(package) for package in request.virtual_packages),
            ],
            names=names,
        )
        self._until = None if request.time_limit is None else time.monotonic() + request.time_limit.total_seconds()
        self._limit = request.time_limit

    def among(self, cut: Sequence[Sequence[int]]) -> list[Row] | None:
        """Return the rows of a solution that holds nothing but these of the candidates, None when there is none.

        Raises SolveTimeout when the time limit of the request is over, and SolveError where libmamba fails.
        """
        repos = [[_of_row(rows[index]) for index in kept] for rows, kept in zip(self._repos, cut, strict=True)]
        answer = self._answer(self._problem._replace(repos=repos))
        if not answer.has_solution:
            return None
        chosen = [self._repos[repo][cut[repo][index]] for repo, index in answer.install]
        names = {row.name for row in chosen}
        kept = [row for row in self._installed if row.name not in answer.remove and row.name not in names]
        return [*kept, *chosen]

    def _answer(self, problem: Problem) -> Answer:
        if self._until is not None and self._limit is not None:
            left = max(self._until - time.monotonic(), _LEAST_SECONDS)
            return self._engine.run(problem, timedelta(seconds=left), stated=self._limit)
        try:
            return libsolv.run(problem)
        except (RuntimeError, ValueError) as error:
            raise SolveError(f"libmamba cannot solve this request: {redact(str(error))}") from error


def _newest(pool: Pool, solve: _Solve, names: Sequence[str], installed: Mapping[str, str]) -> list[Row]:
    """Return a solution in which `names` are as new as with all candidates, or as installed.

    Fewer candidates are asked first. More of them follow while there is no solution, or an older one than there might
    be that is still getting newer. Raises Refused when all of them together have none.
    """
    before: dict[str, str] | None = None
    for versions in (*_VERSIONS, None):
        cut = pool.newest(versions)
        is_everything = versions is None or sum(map(len, cut)) == pool.in_channels
        found = solve.among(cut)
        if found is None:
            if is_everything:
                break
            continue
        versions_of = {row.name: row.version for row in found if row.name in names}
        is_newest = all(
            version in {pool.newest_version(name), installed.get(name)} for name, version in versions_of.items()
        )
        if is_newest or is_everything or versions_of == before:
            return found
        before = versions_of
    raise Refused


def row_of_package(package: CondaPackage) -> Row:
    """Return a locked package as a candidate."""
    return Row(record_of_package(package), package.name, package.version, package.depends, package.constrains)


def _of_row(row: Row) -> Candidate:
    record = row.record
    timestamp = record.timestamp
    return Candidate(
        name=row.name,
        version=row.version,
        build=str(record.build),
        build_number=record.build_number,
        timestamp=int(timestamp.timestamp() * 1000) if timestamp else 0,
        depends=row.depends,
        constrains=row.constrains,
        track_features=record.track_features,
    )


def _of_virtual(package: VirtualPackage) -> Candidate:
    return Candidate(package.name, package.version, package.build, 0, 0, (), (), ())
