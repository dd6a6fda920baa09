"""The pip half, resolved to hashed wheels before anything is written, bound by what conda provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envmgr.errors import PipError
from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi import clashes, compilation, failures, pins, provided, stubs
from envmgr.pypi.compilation import Question
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.provided import Distribution
from envmgr.pypi.target import Target
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec.model import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequest:
    """Everything that decides the pip half.

    `conda` are the solved conda packages with their extracted artifacts; `locked` wheels of an earlier lock are
    preferred where they are allowed; nothing uploaded after `exclude_newer` counts. `indexes` are what is configured
    about package indexes (None: what the machine says).
    """

    requirements: tuple[Requirement, ...]
    conda: tuple[tuple[CondaPackage, Path], ...]
    platform: str
    virtual_packages: tuple[VirtualPackage, ...] = ()
    locked: tuple[PipPackage, ...] = ()
    exclude_newer: datetime | None = None
    indexes: Indexes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfied:
    """A line of the pip section that a conda package already meets: nothing is installed for it."""

    requirement: Requirement
    distribution: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A pip package that is older than it would be without conda's versions of `because`."""

    name: str
    version: str
    newest: str
    because: tuple[str, ...]

    def __str__(self) -> str:
        because = ", ".join(self.because)
        return f"pip package {self.name} is {self.version} instead of {self.newest}, to fit conda's {because}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipResolution:
    """The wheels to lock, sorted by name, and what there is to say about them."""

    packages: tuple[PipPackage, ...]
    provided: tuple[Distribution, ...]
    satisfied: tuple[Satisfied, ...] = ()
    held_back: tuple[HeldBack, ...] = ()


def resolve(request: PipRequest, *, settings: Settings, reporter: Reporter) -> PipResolution:
    """Return one locked wheel for each package that the pip half installs on the target of `request`.

    Raises PipError: no python in the conda half, a clash with what conda provides, an unknown name, no solution, an
    index that cannot be used; CorruptPackage for conda metadata that cannot be read; ConfigError for pip's files.
    """
    target = Target.of(
        (package for package, _ in request.conda),
        platform=request.platform,
        virtual_packages=request.virtual_packages,
    )
    found = provided.read(request.conda)
    distributions = {distribution.name: distribution for distribution in found}
    wanted = [(requirement, parsed) for requirement, parsed in _parsed(request.requirements) if target.wants(parsed)]
    refused = clashes.direct(wanted, distributions)
    if refused:
        raise clashes.refusal(refused)
    satisfied = tuple(
        Satisfied(requirement=requirement, distribution=distributions[requirement.name])
        for requirement, _ in wanted
        if requirement.name in distributions
    )
    _warn_of_unknown_extras(wanted, distributions, reporter)
    if all(requirement.name in distributions and not parsed.extras for requirement, parsed in wanted):
        return PipResolution(packages=(), provided=found, satisfied=satisfied)
    question = Question(
        requirements=tuple(str(parsed) for _, parsed in wanted),
        target=target,
        stubs=stubs.write(found, target, settings.cache / "pip-stubs"),
        locked=tuple(package for package in request.locked if package.name not in distributions),
        exclude_newer=request.exclude_newer,
    )
    uv = Uv.find(settings, request.indexes)
    with reporter.start("pip", "resolving the pip half"):
        question = _pinned(uv, question, [requirement for requirement, _ in wanted], settings.cache / "pip-stubs")
        packages = _answer(uv, question, [requirement for requirement, _ in wanted], distributions)
        held_back = _held_back(uv, question, packages, distributions)
    return PipResolution(
        packages=tuple(
            package._replace(
                requested=tuple(requirement.text for requirement, _ in wanted if requirement.name == package.name)
            )
            for package in packages
        ),
        provided=found,
        satisfied=satisfied,
        held_back=held_back,
    )


def _parsed(requirements: Sequence[Requirement]) -> list[tuple[Requirement, Parsed]]:
    parsed, faults = [], []
    for requirement in requirements:
        try:
            value = Parsed(requirement.text)
        except InvalidRequirement as error:
            faults.append(f"{requirement.origin}: `{requirement.text}` is not a requirement (PEP 508): {error}")
            continue
        if value.url is not None:
            faults.append(f"{requirement.origin}: `{requirement.text}` names a URL, which is not supported yet")
        parsed.append((requirement, value))
    if faults:
        raise PipError("\n".join(faults), hint="write the name of a package on an index, such as `rich >=13`")
    return parsed


def _warn_of_unknown_extras(
    wanted: Sequence[tuple[Requirement, Parsed]], distributions: Mapping[str, Distribution], reporter: Reporter
) -> None:
    for requirement, parsed in wanted:
        distribution = distributions.get(requirement.name)
        if distribution is not None:
            for extra in sorted(canonicalize_name(extra) for extra in parsed.extras):
                if extra not in distribution.extras:
                    reporter.warning(
                        f"{requirement.origin}: `{requirement.text}`: {distribution.name} {distribution.version} "
                        f"of the conda package {distribution.package.name} has no extra `{extra}`"
                    )


def _pinned(uv: Uv, question: Question, requirements: Sequence[Requirement], directory: Path) -> Question:
    try:
        return pins.settled(uv, question, {requirement.name for requirement in requirements}, directory=directory)
    except UvFailed:
        # What it says is about more than was asked for; the answer itself is what is explained
        pinned = {pin.package for pin in uv.indexes.pins} - question.stubs.keys()
        return replace(question, pinned=tuple(sorted(pinned)))


def _answer(
    uv: Uv, question: Question, requirements: Sequence[Requirement], distributions: Mapping[str, Distribution]
) -> tuple[PipPackage, ...]:
    try:
        packages = compilation.wheels(uv, question)
        pins.check(question, [package.name for package in packages], uv)
        return packages
    except UvFailed as failure:
        if "No solution found" in failure.text:
            refused = clashes.indirect(uv, question, failure, requirements, distributions)
            if refused:
                raise clashes.refusal(refused) from failure
        raise failures.explain(failure, requirements, offline=uv.offline) from failure


def _held_back(
    uv: Uv, question: Question, packages: Sequence[PipPackage], distributions: Mapping[str, Distribution]
) -> tuple[HeldBack, ...]:
    """Resolve once more without the stubs, where one of them is in the tree, and compare."""
    bound = {name for package in packages for name in package.requires if name in distributions}
    if not bound:
        return ()
    try:
        free = compilation.graph(uv, question.without_stubs())
    except UvFailed:
        return ()  # conda has what no index has: nothing to compare with
    because = tuple(
        f"{name} {distributions[name].version}"
        for name in sorted(bound)
        if name in free and free[name].version != distributions[name].version
    )
    older = []
    for package in packages:
        newest = free[package.name].version if package.name in free else None
        if newest is not None and because and Version(newest) > Version(package.version):
            older.append(HeldBack(name=package.name, version=package.version, newest=newest, because=because))
    return tuple(older)
