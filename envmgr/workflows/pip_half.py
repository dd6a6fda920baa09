"""The pip half of a lock: resolved against what the conda half provides, which is read from its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from envmgr.artifacts.cache import ArtifactCache
from envmgr.errors import SolveError
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.platforms.subdirs import current_subdir
from envmgr.pypi import provided
from envmgr.pypi.clashes import Clashed
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.resolve import PipRequest, PipResolution, resolve
from envmgr.pypi.unresolved import Unresolved
from envmgr.reporting import SilentReporter
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.trials import Trials
from envmgr.spec.model import EnvironmentSpec, Requirement
from envmgr.store.build_environment import BuildEnvironment
from envmgr.workflows import clash_advice, pip_repairs, prefer_conda
from envmgr.workflows.elsewhere import explaining, why_not
from envmgr.workflows.solving import Solving

_PREFERENCE_SECONDS = 120.0


def preferring_conda(
    spec: EnvironmentSpec, request: SolveRequest, previous: Lock | None, solving: Solving, cache: ArtifactCache
) -> EnvironmentSpec:
    """Return a spec with those lines of its pip section that the channels can satisfy among the dependencies; each is
    told. Raises ChannelError."""

    def read(packages: Packages) -> Sequence[provided.Distribution]:
        artifacts = cache.fetch(packages, channels=solving.channels, reporter=solving.reporter)
        return provided.read((artifact.package, artifact.directory) for artifact in artifacts)

    solving.build()
    engine = solving.quiet_engine()
    world = prefer_conda.World(
        names=solving.repodata.names(),
        trials=Trials(lambda trial: engine.solve(trial).packages, _PREFERENCE_SECONDS),
        provided=read,
    )
    moved = prefer_conda.moved(spec.pip, request, world, previous=previous)
    for each in moved:
        solving.reporter.notice(str(each))
    gone = {each.requirement for each in moved}
    return replace(
        spec,
        dependencies=(*spec.dependencies, *(each.dependency for each in moved)),
        pip=tuple(requirement for requirement in spec.pip if requirement not in gone),
    )


def with_pip_half(
    spec: EnvironmentSpec,
    conda: tuple[CondaPackage, ...],
    locked: tuple[PipPackage, ...],
    request: SolveRequest,
    solving: Solving,
    cache: ArtifactCache,
) -> tuple[tuple[CondaPackage, ...], tuple[PipPackage, ...]]:
    """Return the conda packages with the distributions that they provide, and the resolved pip half beside them.

    `request` is what `conda` is the solution of: what is advised against a clash is solved first. Raises PipError,
    PackageError and their kinds.
    """
    artifacts = cache.fetch(conda, channels=solving.channels, reporter=solving.reporter)
    is_here = solving.platform == current_subdir()
    build = BuildEnvironment(artifacts, solving.channels, cache, solving.settings, solving.reporter)
    asked = PipRequest(
        requirements=spec.pip,
        conda=tuple((artifact.package, artifact.directory) for artifact in artifacts),
        platform=solving.platform,
        virtual_packages=request.virtual_packages,
        locked=locked,
        exclude_newer=request.exclude_newer,
        indexes=Indexes.gather(solving.settings, solving.table.pypi, spec.pip_options.indexes),
        options=spec.pip_options,
        constraints=spec.pip_constraints,
        build_python=build.python if is_here else None,
    )
    try:
        resolution = resolve(asked, settings=solving.settings, reporter=solving.reporter)
    except Clashed as clashed:
        world = _world(asked, request, solving)
        refused = clash_advice.advised(clashed, request, world.trials, world.explained)
        lines = tuple(dict.fromkeys(clash.requirement for clash in clashed.clashes))
        raise pip_repairs.with_edits(refused, lines, world) from clashed
    except Unresolved as error:
        raise pip_repairs.explained(error, _world(asked, request, solving)) from error
    finally:
        build.remove()
    for held_back in resolution.held_back:
        solving.reporter.notice(str(held_back))
    fetched = tuple(artifact.package for artifact in artifacts)
    return provided.with_distributions(fetched, resolution.provided), resolution.packages


def _world(asked: PipRequest, request: SolveRequest, solving: Solving) -> pip_repairs.World:
    """Return what edits are tried on, within the seconds that may be spent on an explanation."""
    quiet = solving.quiet_engine()
    trials = Trials(lambda trial: quiet.solve(trial).packages, float(solving.settings.explain_timeout))

    def explained(variant: SolveRequest) -> SolveError | None:
        much = explaining(solving.table, solving.channels, solving.settings)
        return why_not(solving.engine(replace(much, seconds=trials.seconds_left())), variant)

    def resolved(
        lines: Sequence[Requirement], conda: Packages, provides: Sequence[provided.Distribution]
    ) -> PipResolution:
        variant = replace(
            asked,
            requirements=tuple(lines),
            conda=tuple((package, Path()) for package in conda),
            provided=tuple(provides),
            locked=(),
            build_python=None,
        )
        return resolve(variant, settings=solving.settings, reporter=SilentReporter())

    return pip_repairs.World(
        request=request,
        conda=tuple(package for package, _ in asked.conda),
        provided=provided.read(asked.conda),
        lines=asked.requirements,
        names=pip_repairs.names_of(solving.repodata.names()),
        trials=trials,
        explained=explained,
        resolve=resolved,
    )
