"""One solve as plain data, and libmambapy running it: in this process, or as a program that can be killed.

libmambapy cannot be told to stop, so a solve with a time limit is run by `python -m envmgr.solve.libsolv`, which reads
problems from its standard input and writes answers to its standard output, each a line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import libmambapy
from libmambapy import solver as requests
from libmambapy.solver import libsolv
from libmambapy.specs import ChannelResolveParams, MatchSpec, PackageInfo


class Candidate(NamedTuple):
    """What libsolv looks at of one record; `timestamp` is in milliseconds since the epoch, 0 when not known."""

    name: str
    version: str
    build: str
    build_number: int
    timestamp: int
    depends: Sequence[str]
    constrains: Sequence[str]
    track_features: Sequence[str]


class Problem(NamedTuple):
    """A solve: `repos` in falling priority (equal when `is_ranked` is false), `installed` are kept where possible,
    virtual packages among them, and every name of `names` is wanted.
    """

    repos: Sequence[Sequence[Candidate]]
    is_ranked: bool
    installed: Sequence[Candidate]
    names: Sequence[str]


class Answer(NamedTuple):
    """The records to install as (repo, index in it) and the installed names to take away, where there is a solution."""

    has_solution: bool
    install: Sequence[tuple[int, int]] = ()
    remove: Sequence[str] = ()


def version() -> str:
    """Return the version of libmambapy."""
    return str(libmambapy.__version__)


def run(problem: Problem) -> Answer:
    """Solve a problem. Raises RuntimeError where libmamba does not understand it."""
    database = _database(problem)
    jobs = [requests.Request.Install(MatchSpec.parse(name)) for name in problem.names] + _machine(problem)
    # A fresh database each time: what one solve pins or locks leaks into the next one on the same database.
    outcome = libsolv.Solver().solve(database, _request(jobs))
    if isinstance(outcome, libsolv.UnSolvable):
        return Answer(False)
    install = []
    for package in outcome.to_install():
        repo, index = package.filename.split("/")
        install.append((int(repo), int(index)))
    return Answer(True, sorted(install), sorted(package.name for package in outcome.to_remove()))


def _database(problem: Problem) -> libsolv.Database:
    # libsolv's own reading of match specs is the one that it matches with.
    database = libsolv.Database(ChannelResolveParams(), matchspec_parser=libsolv.MatchSpecParser.Libsolv)
    for number, repo in enumerate(problem.repos):
        added = database.add_repo_from_packages(_packages(repo, f"{number}/"), name=f"channel-{number}")
        rank = len(problem.repos) - number if problem.is_ranked else 0
        database.set_repo_priority(added, libsolv.Priorities(priority=rank, subpriority=0))
    database.set_installed_repo(database.add_repo_from_packages(_packages(problem.installed, "-/"), name="installed"))
    return database


def _packages(candidates: Sequence[Candidate], prefix: str) -> Iterable[PackageInfo]:
    for index, candidate in enumerate(candidates):
        package = PackageInfo(
            name=candidate.name,
            version=candidate.version,
            build_string=candidate.build,
            build_number=candidate.build_number,
            filename=f"{prefix}{index}",
            depends=list(candidate.depends),
            constrains=list(candidate.constrains),
            track_features=list(candidate.track_features),
        )
        package.timestamp = candidate.timestamp
        yield package


def _machine(problem: Problem) -> list[Any]:
    # To libsolv a virtual package is an installed one, which it takes away where some package constrains it.
    names = [candidate.name for candidate in problem.installed if candidate.name.startswith("__")]
    return [requests.Request.Freeze(MatchSpec.parse(name)) for name in names]


def _request(jobs: Sequence[Any]) -> requests.Request:
    # Strict priority is applied to the candidates; libsolv's flag would apply it to the flexible case as well.
    # Sorted by name, the packages asked for would give way to each other in the order of the alphabet.
    flags = requests.Request.Flags(strict_repo_priority=False, order_request=False)
    return requests.Request(jobs, flags)


def _main() -> None:
    for line in sys.stdin:
        repos, is_ranked, installed, names = json.loads(line)
        problem = Problem(
            [[Candidate(*fields) for fields in repo] for repo in repos],
            is_ranked,
            [Candidate(*fields) for fields in installed],
            names,
        )
        print(json.dumps(run(problem)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _main()
