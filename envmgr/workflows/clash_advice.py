"""What settles a clash of the pip half with conda's: conda specs that were solved before they are advised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from envmgr.errors import PipError, SpecError
from envmgr.pypi.clashes import Clashed, refusal
from envmgr.solve.base import SolveRequest
from envmgr.solve.trials import OutOfTime, Packages, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency
from envmgr.urls import redact


def advised(clashed: Clashed, request: SolveRequest, trials: Trials) -> PipError:
    """Return the error for `clashed` with advice that was tried; `request` is the solve of the conda half.

    In this order: the conda packages in the versions that the lines ask for, in place of what dependencies say of
    them now; no such conda package, where dependencies ask for it; else it says that the channels have nothing.
    """
    request = replace(request, locked=(), pinned=())
    try:
        return _with_versions(clashed, request, trials) or _without(clashed, request, trials) or _nothing(clashed)
    except OutOfTime:
        return refusal(clashed.clashes, hint=f"{clashed.hint} (not tried: the time was over)", solves=False)


def _with_versions(clashed: Clashed, request: SolveRequest, trials: Trials) -> PipError | None:
    try:
        new = [parse_dependency(spec) for spec in sorted({clash.conda_spec for clash in clashed.clashes})]
    except SpecError:
        return None  # a specifier that conda has no form for, such as an arbitrary `===`
    names = {dependency.name for dependency in new}
    kept = tuple(spec for spec in request.specs if spec.name not in names)
    packages = trials.solution(replace(request, specs=(*kept, *new)))
    if packages is None:
        return None
    written = " and ".join(_in_place(dependency, request.specs) for dependency in new)
    brought = ", ".join(f"{name} {version}" for name, version in _versions(packages, names))
    return refusal(
        clashed.clashes, hint=f"write {written} in dependencies (tried: conda then has {brought})", solves=True
    )


def _without(clashed: Clashed, request: SolveRequest, trials: Trials) -> PipError | None:
    names = {clash.distribution.package.name for clash in clashed.clashes}
    asked = [spec for spec in request.specs if spec.name in names]
    kept = tuple(spec for spec in request.specs if spec.name not in names)
    if not asked or not kept:
        return None
    packages = trials.solution(replace(request, specs=kept))
    if packages is None or names & {package.name for package in packages}:
        return None
    lines = " and ".join(f"`{redact(spec.text)}` ({spec.origin})" for spec in asked)
    hint = f"no package of the channels fits (tried): remove {lines} from dependencies, so that pip brings it"
    return refusal(clashed.clashes, hint=hint, solves=False)


def _nothing(clashed: Clashed) -> PipError:
    specs = " and ".join(f"`{spec}`" for spec in sorted({clash.conda_spec for clash in clashed.clashes}))
    lines = " and ".join(f"`{text}`" for text in sorted({clash.requirement.text for clash in clashed.clashes}))
    hint = f"{specs} does not solve beside the rest (tried): ask for another version than {lines}"
    return refusal(clashed.clashes, hint=hint, solves=False)


def _in_place(new: Dependency, specs: Sequence[Dependency]) -> str:
    old = [spec for spec in specs if spec.name == new.name]
    where = " and ".join(f"`{redact(spec.text)}` ({spec.origin})" for spec in old)
    return f"`{new.text}`" + (f" in place of {where}" if old else "")


def _versions(packages: Packages, names: set[str]) -> list[tuple[str, str]]:
    return sorted((package.name, package.version) for package in packages if package.name in names)
