"""The libmamba engine (libsolv), fed with the same records as the rattler engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rattler import Gateway, RepoDataRecord

from envmgr.errors import SolveError, SolverUnavailable
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.solve import libsolv
from envmgr.solve.base import Refused, Solution, SolveRequest
from envmgr.solve.bounded import BoundedEngine
from envmgr.solve.candidates import candidates
from envmgr.solve.explain import Explaining, explain
from envmgr.solve.libsolv import Answer, Candidate, Problem
from envmgr.solve.locked import admissible, reached
from envmgr.solve.pip import is_brought_by_python, is_python, with_pip
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.records import packages_of_records, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import refuse_impossible, unmet_virtual
from envmgr.urls import redact


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
        repodata = Repodata(self._gateway, request.channels, request.platform)
        with BoundedEngine() as engine:
            try:
                packages = self._packages(request, repodata, engine)
            except Refused as refused:
                raise self._explained(request, str(refused), repodata, engine) from None
        return Solution(packages=packages, solver=f"libmamba {libsolv.version()}")

    def _explained(self, request: SolveRequest, words: str, repodata: Repodata, engine: BoundedEngine) -> SolveError:
        """Let rattler, which needs no preparation, do the many trials, and hold the edits against libmamba."""

        def attempt(variant: SolveRequest) -> tuple[CondaPackage, ...]:
            reader = Repodata(self._gateway, variant.channels, variant.platform)
            return self._packages(variant, reader, engine, in_words=False)

        quick = RattlerSolver(self._gateway)
        try:
            quick.attempt(request)
        except Refused:
            return explain(request, words, quick.attempt, repodata, self._explaining, confirm=attempt)
        except SolveError:
            pass
        return explain(request, words, attempt, repodata, self._explaining)

    def _packages(
        self, request: SolveRequest, repodata: Repodata, engine: BoundedEngine, *, in_words: bool = True
    ) -> tuple[CondaPackage, ...]:
        unmet = unmet_virtual(request)
        if unmet is not None:
            raise Refused(f"nothing provides {unmet.text} on this machine")
        pip = is_brought_by_python(request, repodata)
        repos = candidates(request, repodata, brings_pip=pip)
        locked = {package.name: package for package in admissible(request, repodata)}
        names = [spec.name for spec in request.specs if not spec.name.startswith("__")]
        # What is installed is kept where possible, needed or not: it may only be what the specs can lead to.
        possible = {record.name.normalized for records in repos for record in records} | set(names)
        preferred = [locked[name] for name in reached(possible, locked, brings_pip=pip)]
        problem = Problem(
            repos=[[_of_record(record, brings_pip=pip) for record in records] for records in repos],
            is_ranked=request.channel_priority == "flexible",
            installed=[
                *(_of_package(with_pip(package) if pip else package) for package in preferred),
                *(_of_virtual(package) for package in request.virtual_packages),
            ],
            names=sorted(set(names)),
            texts=[str(spec.match_spec) for spec in request.specs] if in_words else [],
        )
        answer = _answer(problem, request.time_limit, engine)
        if answer.refusal is not None:
            raise Refused(redact(answer.refusal))
        return _result(request, answer, repos, preferred, brings_pip=pip)


def _result(
    request: SolveRequest,
    answer: Answer,
    repos: Sequence[Sequence[RepoDataRecord]],
    preferred: Sequence[CondaPackage],
    *,
    brings_pip: bool,
) -> tuple[CondaPackage, ...]:
    kept = {package.name: record_of_package(package) for package in preferred if package.name not in answer.remove}
    chosen = [repos[repo][index] for repo, index in answer.install]
    records = kept | {record.name.normalized: record for record in chosen}
    packages = {package.name: package for package in packages_of_records(records.values(), request.specs)}
    names = [spec.name for spec in request.specs]
    return tuple(packages[name] for name in sorted(reached(names, packages, brings_pip=brings_pip)))


def _of_record(record: RepoDataRecord, *, brings_pip: bool) -> Candidate:
    name = record.name.normalized
    version = str(record.version)
    depends = record.depends
    if brings_pip and is_python(name, version):
        depends = [*depends, "pip"]
    timestamp = record.timestamp
    return Candidate(
        name=name,
        version=version,
        build=str(record.build),
        build_number=record.build_number,
        timestamp=int(timestamp.timestamp() * 1000) if timestamp else 0,
        depends=depends,
        constrains=record.constrains,
        track_features=record.track_features,
    )


def _of_package(package: CondaPackage) -> Candidate:
    return Candidate(
        name=package.name,
        version=package.version,
        build=package.build,
        build_number=package.build_number,
        timestamp=package.timestamp or 0,
        depends=package.depends,
        constrains=package.constrains,
        track_features=package.track_features,
    )


def _of_virtual(package: VirtualPackage) -> Candidate:
    return Candidate(package.name, package.version, package.build, 0, 0, (), (), ())


def _answer(problem: Problem, limit: timedelta | None, engine: BoundedEngine) -> Answer:
    if limit is not None:
        return engine.run(problem, limit)
    try:
        return libsolv.run(problem)
    except (RuntimeError, ValueError) as error:
        raise SolveError(f"libmamba cannot solve this request: {redact(str(error))}") from error
