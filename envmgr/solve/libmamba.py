"""The libmamba engine (libsolv), fed with the same records as the rattler engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from rattler import Gateway, RepoDataRecord

from envmgr.errors import SolveError, SolveTimeout
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.solve import libsolv
from envmgr.solve.base import Solution, SolveRequest
from envmgr.solve.candidates import candidates
from envmgr.solve.explain import Attempt, explain
from envmgr.solve.libsolv import Answer, Candidate, Problem
from envmgr.solve.locked import admissible, reached
from envmgr.solve.pip import is_brought_by_python, is_python, with_pip
from envmgr.solve.records import packages_of_records, record_of_package
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import refuse_impossible, unmet_virtual
from envmgr.urls import redact


class _Refused(Exception):
    """The engine found no solution; its own words."""


class LibmambaSolver:
    """Solves with libmamba over the repodata of one gateway; importing this module needs libmambapy."""

    name = "libmamba"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def solve(self, request: SolveRequest) -> Solution:
        """Return the solution of a request.

        Raises PackagesNotFound, Unsatisfiable, SolveTimeout, ChannelError, and UsageError for a time limit
        that is none.
        """
        refuse_impossible(request)
        repodata = Repodata(self._gateway, request.channels, request.platform)
        try:
            packages = self._packages(request, repodata)
        except _Refused as refused:
            raise explain(request, str(refused), self._attempt_as(request), repodata) from None
        return Solution(packages=packages, solver=f"libmamba {libsolv.version()}")

    def _attempt_as(self, original: SolveRequest) -> Attempt:
        """Return what solves variants of a request: None when one has a solution, else the engine's own words.

        A process for each attempt would take most of the time there is, so only what had a time limit gets one.
        """

        def attempt(request: SolveRequest) -> str | None:
            bounded = request if original.time_limit is not None else replace(request, time_limit=None)
            try:
                self._packages(bounded, Repodata(self._gateway, request.channels, request.platform))
            except _Refused as refused:
                return str(refused)
            return None

        return attempt

    def _packages(self, request: SolveRequest, repodata: Repodata) -> tuple[CondaPackage, ...]:
        unmet = unmet_virtual(request)
        if unmet is not None:
            raise _Refused(f"nothing provides {unmet.text} on this machine")
        pip = is_brought_by_python(request, repodata)
        repos = candidates(request, repodata)
        locked = {package.name: package for package in admissible(request, repodata)}
        names = [spec.name for spec in request.specs if not spec.name.startswith("__")]
        # What is installed is kept where possible, whether wanted or not: only what the specs lead to may be.
        preferred = [locked[name] for name in reached(names, locked, brings_pip=pip)]
        problem = Problem(
            repos=[[_of_record(record, brings_pip=pip) for record in records] for records in repos],
            is_ranked=request.channel_priority == "flexible",
            installed=[
                *(_of_package(with_pip(package) if pip else package) for package in preferred),
                *(_of_virtual(package) for package in request.virtual_packages),
            ],
            names=sorted(set(names)),
            texts=[str(spec.match_spec) for spec in request.specs],
        )
        answer = _answer(problem, request.time_limit)
        if answer.refusal is not None:
            raise _Refused(redact(answer.refusal))
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
        timestamp=0 if timestamp is None else int(timestamp.timestamp() * 1000),
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


def _answer(problem: Problem, time_limit: timedelta | None) -> Answer:
    try:
        if time_limit is None:
            return libsolv.run(problem)
        child = subprocess.run(
            [sys.executable, "-m", "envmgr.solve.libsolv"],
            input=json.dumps(problem), capture_output=True, text=True, check=True, timeout=time_limit.total_seconds(),
        )  # fmt: skip
        return Answer(*json.loads(child.stdout))
    except subprocess.TimeoutExpired as error:
        raise SolveTimeout(
            f"libmamba found no solution within {error.timeout:g} s, nor that there is none",
            hint="name versions for the packages that matter, or allow more time",
        ) from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().rpartition("\n")[2]
        raise SolveError(f"libmamba cannot solve this request: {redact(last)}") from error
    except (RuntimeError, ValueError) as error:
        raise SolveError(f"libmamba cannot solve this request: {redact(str(error))}") from error
