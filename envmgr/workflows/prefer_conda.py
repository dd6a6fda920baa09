"""`--pip-prefer-conda`: lines of the pip section that the channels can satisfy are asked of conda instead.

A conda package stands in for a distribution when it provides it, in a version that the line allows, as its artifact
says. Looked at are packages of the distribution's own name, then `python-NAME`, `NAME-python` and `pyNAME`, and what
the lock of before says; one under any other name is not found. Lines with extras, a URL or an option stay with pip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from envmgr.lock.model import CondaPackage, Lock
from envmgr.pypi.clashes import conda_version
from envmgr.pypi.provided import Distribution
from envmgr.pypi.target import Target
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency, Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A line of the pip section and the dependency that takes its place."""

    requirement: Requirement
    dependency: Dependency

    def __str__(self) -> str:
        return f"{self.requirement.origin}: `{self.requirement.text}` is asked of conda, as `{self.dependency.text}`"


class World(NamedTuple):
    """What decides: the names in the channels, solves that are tried, what packages provide (read from artifacts)."""

    names: frozenset[str]
    trials: Trials
    provided: Callable[[Packages], Sequence[Distribution]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A line that may be moved, and the conda packages that may stand in for it, likeliest first."""

    requirement: Requirement
    parsed: Parsed
    names: tuple[str, ...]

    @property
    def dependency(self) -> Dependency:
        version = conda_version(str(self.parsed.specifier))
        return parse_dependency(f"{self.names[0]} {version}".strip(), self.requirement.origin)


def moved(
    requirements: Sequence[Requirement], request: SolveRequest, world: World, *, previous: Lock | None
) -> tuple[Moved, ...]:
    """Return the lines to move to the conda half of `request`, as many as it can satisfy together.

    Python keeps the minor version that it has without them. What cannot be tried within the seconds of the trials
    stays where it is.
    """
    try:
        base = world.trials.solution(request)
        python = next((package for package in base or () if package.name == "python"), None)
        if base is None or python is None:
            return ()  # said by the solve itself
        minor = ".".join(python.version.split(".")[:2])
        request = replace(request, specs=(*request.specs, parse_dependency(f"python {minor}.*")))
        target = Target.of(base, platform=request.platform, virtual_packages=request.virtual_packages)
        candidates = _candidates(requirements, target, world.names, _recorded(previous))
        return _verified(candidates, request, world)
    except OutOfTime:
        return ()


def _candidates(
    requirements: Sequence[Requirement], target: Target, names: Iterable[str], recorded: Mapping[str, str]
) -> list[_Candidate]:
    by_canonical: dict[str, str] = {}
    for name in sorted(names, reverse=True):  # of `a-b` and `a_b`, the former
        by_canonical[canonicalize_name(name)] = name
    found = []
    for requirement in requirements:
        if requirement.url is not None or requirement.hashes:
            continue  # it names its artifact
        parsed = Parsed(requirement.pep508)
        if parsed.extras or not target.wants(parsed) or "===" in str(parsed.specifier):
            continue
        known = recorded.get(requirement.name)
        likely = (known, requirement.name, f"python-{requirement.name}", f"{requirement.name}-python",
                  f"py{requirement.name}")  # fmt: skip
        present = tuple(dict.fromkeys(by_canonical[name] for name in likely if name in by_canonical))
        if present:
            found.append(_Candidate(requirement=requirement, parsed=parsed, names=present))
    return found


def _recorded(lock: Lock | None) -> dict[str, str]:
    """Return the conda package of each distribution that the lock of before names."""
    return {
        text.partition("==")[0]: canonicalize_name(package.name)
        for package in (lock.conda if lock is not None else ())
        for text in package.distributions
    }


def _verified(candidates: list[_Candidate], request: SolveRequest, world: World) -> tuple[Moved, ...]:
    """Hold what solves against what the artifacts provide, until both are content."""
    while candidates:
        chosen, packages = _solvable(candidates, request, world.trials)
        named = {package.name: package for package in packages}
        # No artifact of a package is fetched that has nothing to do with python: a C library of the same name
        wrong = {each.names[0] for each in chosen if not _is_of_python(named, each.names[0])}
        if not wrong:
            found = {distribution.name: distribution for distribution in world.provided(packages)}
            wrong = {each.names[0] for each in chosen if not _meets(each, found)}
        if not wrong:
            return tuple(Moved(requirement=each.requirement, dependency=each.dependency) for each in chosen)
        kept = {each.requirement for each in chosen}
        candidates = [
            replace(each, names=each.names[1:]) if each.names[0] in wrong else each
            for each in candidates
            if each.requirement in kept and (each.names[0] not in wrong or each.names[1:])
        ]
    return ()


def _solvable(
    candidates: Sequence[_Candidate], request: SolveRequest, trials: Trials
) -> tuple[list[_Candidate], Packages]:
    """Return those of the candidates that solve together: all, or each that solves beside those before it."""
    whole = trials.solution(_with(request, candidates))
    if whole is not None:
        return list(candidates), whole
    chosen: list[_Candidate] = []
    packages: Packages = ()
    for candidate in candidates:
        found = trials.solution(_with(request, [*chosen, candidate]))
        if found is not None:
            chosen.append(candidate)
            packages = found
    return chosen, packages


def _with(request: SolveRequest, candidates: Sequence[_Candidate]) -> SolveRequest:
    return replace(request, specs=(*request.specs, *(candidate.dependency for candidate in candidates)))


def _is_of_python(packages: Mapping[str, CondaPackage], name: str) -> bool:
    package = packages.get(name)
    return package is not None and any(text.split(" ")[0] in ("python", "python_abi") for text in package.depends)


def _meets(candidate: _Candidate, provided: Mapping[str, Distribution]) -> bool:
    distribution = provided.get(candidate.requirement.name)
    return distribution is not None and candidate.parsed.specifier.contains(distribution.version, prereleases=True)
