"""The pip half, resolved before anything is written, bound by what conda provides.

Wheels are preferred: what has one for the target is never built. A resolution with wheels alone comes first, and only
what it says it cannot have without a build may be built then, by the python of the conda half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envmgr.errors import PipError
from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi import building, clashes, compilation, followed, other_hashes, provided, sizes, sources, stubs
from envmgr.pypi.building import Asked
from envmgr.pypi.compilation import Builds, Question
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.provided import Distribution
from envmgr.pypi.target import Target
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec.model import NO_OPTIONS, PipOptions, Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequest:
    """Everything that decides the pip half.

    `conda` are the solved conda packages with their extracted artifacts; `locked` wheels of an earlier lock are
    preferred where they are allowed; nothing uploaded after `exclude_newer` counts. `indexes` are what is configured
    about package indexes (None: what the machine says). `build_python` gives the interpreter of the conda half, made
    when it is first needed (None: nothing can be built for this platform here). `provided` says what the conda
    packages provide where no artifact is to be read (None: as the artifacts say).
    """

    requirements: tuple[Requirement, ...]
    conda: tuple[tuple[CondaPackage, Path], ...]
    platform: str
    virtual_packages: tuple[VirtualPackage, ...] = ()
    locked: tuple[PipPackage, ...] = ()
    exclude_newer: datetime | None = None
    indexes: Indexes | None = None
    options: PipOptions = NO_OPTIONS
    constraints: tuple[Requirement, ...] = ()
    build_python: Callable[[], Path] | None = None
    provided: tuple[Distribution, ...] | None = None


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

    Raises Clashed for what conda provides otherwise; PipError: no python in the conda half, an unknown name, no
    solution, an index that cannot be used; CorruptPackage for conda metadata that cannot be read; ConfigError for
    pip's files.
    """
    target = _target(request)
    found = provided.read(request.conda) if request.provided is None else request.provided
    distributions = {distribution.name: distribution for distribution in found}
    uv = Uv.find(settings, request.indexes)
    wanted = _wanted(request, target, uv)
    _refuse(wanted, distributions, request.options)
    satisfied = tuple(
        Satisfied(requirement=requirement, distribution=distributions[requirement.name])
        for requirement, _ in wanted
        if requirement.name in distributions
    )
    _warn_of_unknown_extras(wanted, distributions, reporter)
    if all(requirement.name in distributions and not parsed.extras for requirement, parsed in wanted):
        return PipResolution(packages=(), provided=found, satisfied=satisfied)
    requirements = tuple(requirement for requirement, _ in wanted)
    if all(requirement.entry for requirement in requirements):
        exact = followed.packages(requirements, target, distributions)
        packages = tuple(_finished(package, uv, requirements, request) for package in exact)
        packages = sizes.completed(packages, request.locked, uv)
        return PipResolution(packages=packages, provided=found, satisfied=satisfied)
    directory = settings.cache / "pip-stubs"
    question = Question(
        requirements=tuple(_line(requirement, parsed) for requirement, parsed in wanted),
        target=target,
        stubs=stubs.write(found, target, directory),
        locked=tuple(package for package in request.locked if package.name not in distributions),
        exclude_newer=request.exclude_newer,
        constraints=tuple(_constraints(request.constraints, target, distributions, reporter)),
        hashes=_hashes(requirements),
        editables={each.url: each.name for each in requirements if each.is_editable and each.url},
        options=request.options,
        builds=Builds(names=frozenset(request.options.no_binary), settings=tuple(_settings(requirements))),
        secrets=sources.secrets(requirements, uv.environ),
    )
    with reporter.start("pip", "resolving the pip half"):
        asked = Asked(
            requirements=requirements,
            distributions=distributions,
            build_python=request.build_python,
            stubs=directory,
            constraints=tuple((each.name, f"`{each.text}` ({each.origin})") for each in request.constraints),
        )
        answer = building.answer(uv, question, asked, reporter)
        packages = tuple(_finished(package, uv, requirements, request) for package in answer.packages)
        packages = sizes.completed(packages, request.locked, uv)
        _check_hashes(packages, requirements, request.options)
        other_hashes.check(packages, requirements, answer.question, uv, request.build_python)
        held_back = _held_back(uv, answer.question, packages, distributions)
    return PipResolution(packages=packages, provided=found, satisfied=satisfied, held_back=held_back)


def _target(request: PipRequest) -> Target:
    try:
        return Target.of(
            (package for package, _ in request.conda),
            platform=request.platform,
            virtual_packages=request.virtual_packages,
        )
    except PipError as error:
        asked = request.requirements[0].origin if request.requirements else None
        raise PipError(f"{asked}: {error.message}" if asked else error.message, hint=error.hint) from error


def _wanted(request: PipRequest, target: Target, uv: Uv) -> list[tuple[Requirement, Parsed]]:
    """Return the requirements whose markers hold on the target, each with its name known, and parsed."""
    here = [each for each in request.requirements if _holds(each, target)]
    wanted = []
    for requirement in sources.placed(here, uv.environ):
        named = sources.named(requirement, uv, request.build_python)
        wanted.append((named, Parsed(named.pep508)))
    return wanted


def _holds(requirement: Requirement, target: Target) -> bool:
    if requirement.url is None:
        return target.wants(Parsed(requirement.pep508))
    return not requirement.marker or target.wants(Parsed(f"x ; {requirement.marker}"))


def _line(requirement: Requirement, parsed: Parsed) -> str:
    """Return a requirement as uv reads it."""
    if requirement.url is None:
        return str(parsed)
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    is_directory = requirement.is_editable and not requirement.url.startswith("git+")
    return f"{'-e ' if is_directory else ''}{requirement.name}{extras} @ {requirement.url}"


def _refuse(
    wanted: Sequence[tuple[Requirement, Parsed]], distributions: Mapping[str, Distribution], options: PipOptions
) -> None:
    """Raise PipError for what clashes with the conda half, and for what `--require-hashes` does not allow."""
    replaced = [each for each, _ in wanted if each.url is not None and each.name in distributions]
    if replaced:
        owners = [distributions[each.name].package for each in replaced]
        raise PipError(
            "\n".join(
                f"{each.origin}: `{each.text}` would replace {distributions[each.name]}, which the conda package "
                f"{owner.dist_name} provides"
                for each, owner in zip(replaced, owners, strict=True)
            ),
            hint=f"remove {owners[0].name} from dependencies, or the line from the pip section",
        )
    refused = clashes.direct(wanted, distributions)
    if refused:
        raise clashes.Clashed(refused)
    if options.require_hashes:
        bare = [each for each, _ in wanted if not each.hashes and each.name not in distributions]
        if bare:
            raise PipError(
                "\n".join(f"{each.origin}: `{each.text}` has no hash, and `--require-hashes` is set" for each in bare),
                hint="write `--hash=sha256:…` behind each, or leave `--require-hashes` out: the lock has every hash",
            )


def _constraints(
    constraints: Sequence[Requirement],
    target: Target,
    distributions: Mapping[str, Distribution],
    reporter: Reporter,
) -> Iterator[str]:
    for constraint in constraints:
        if not _holds(constraint, target):
            continue
        parsed = Parsed(constraint.pep508)
        known = distributions.get(constraint.name)
        if known is None:
            yield str(parsed)
        elif not parsed.specifier.contains(known.version, prereleases=True):
            reporter.warning(
                f"{constraint.origin}: the constraint `{constraint.text}` does not hold for {known} of the conda "
                f"package {known.package.name}, which counts"
            )


def _hashes(requirements: Sequence[Requirement]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for requirement in requirements:
        known = tuple(each for each in requirement.hashes if each.startswith("sha256:"))
        if known:
            found[requirement.name] = (*found.get(requirement.name, ()), *known)
    return found


def _settings(requirements: Sequence[Requirement]) -> Iterator[str]:
    for requirement in requirements:
        yield from (f"{requirement.name}:{setting}" for setting in requirement.config_settings)


def _finished(package: PipPackage, uv: Uv, requirements: Sequence[Requirement], request: PipRequest) -> PipPackage:
    """Return a package of an answer as the lock has it."""
    asked = tuple(requirement.text for requirement in requirements if requirement.name == package.name)
    package = sources.locked(package._replace(requested=asked), requirements)
    return package if package.version else building.with_version(package, uv, request.build_python)


def _check_hashes(packages: Sequence[PipPackage], requirements: Sequence[Requirement], options: PipOptions) -> None:
    """Raise PipError for what has none of the hashes that its lines give, or has none where all must have one."""
    for package in packages:
        asked = [requirement for requirement in requirements if requirement.name == package.name]
        given = [each for requirement in asked for each in requirement.hashes]
        allowed = {each.removeprefix("sha256:") for each in given if each.startswith("sha256:")}
        if allowed and package.sha256 not in allowed:
            found = f"has sha256 {package.sha256}" if package.sha256 else "has none that could be held against it"
            raise PipError(
                f"{asked[0].origin}: {package.filename or package.url} {found}, and the hash that is given for "
                f"{package.name} is another",
                hint="if the file was replaced on purpose, write its new hash; else distrust it",
                details={"expected": sorted(allowed), "found": package.sha256},
            )
        if options.require_hashes and not given:
            raise PipError(
                f"{package.name} {package.version} is needed, and no line has a hash for it (`--require-hashes`)",
                hint=f"write `{package.name}=={package.version} --hash=sha256:{package.sha256}`",
            )


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


def _held_back(
    uv: Uv, question: Question, packages: Sequence[PipPackage], distributions: Mapping[str, Distribution]
) -> tuple[HeldBack, ...]:
    """Resolve once more without the stubs, where one of them is in the tree, and compare."""
    bound = {name for package in packages for name in package.requires if name in distributions}
    if not bound:
        return ()
    try:
        free = compilation.unbound(uv, question)
    except UvFailed:
        return ()  # without conda's versions there is no answer: nothing to compare with
    because = tuple(
        f"{name} {distributions[name].version}"
        for name in sorted(bound)
        if name in free and free[name].version not in (None, distributions[name].version)
    )
    older = []
    for package in packages:
        newest = free[package.name].version if package.name in free else None
        if newest is not None and because and Version(newest) > Version(package.version):
            older.append(HeldBack(name=package.name, version=package.version, newest=newest, because=because))
    return tuple(older)
