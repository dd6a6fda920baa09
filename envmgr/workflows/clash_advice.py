"""What settles a clash of the pip half with conda's: conda specs that were solved before they are advised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from envmgr.errors import PipError, SolveError, SpecError
from envmgr.pypi.clashes import Clashed, refusal
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency
from envmgr.urls import redact

Explained = Callable[[SolveRequest], SolveError | None]
"""Solves a request with an explanation: the error of one that has no solution."""


def advised(clashed: Clashed, request: SolveRequest, trials: Trials, explained: Explained) -> PipError:
    """Return the error for `clashed` with advice that was tried; `request` is the solve of the conda half.

    In this order: the conda packages in the versions that the lines ask for, in place of what dependencies say of
    them now; no such conda package, where dependencies ask for it; else what stands in the way of the lines, with the
    edits of the rest that let them be.
    """
    request = replace(request, locked=(), pinned=())
    try:
        return (
            _with_versions(clashed, request, trials)
            or _without(clashed, request, trials)
            or _in_the_way(clashed, request, explained)
        )
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
    old = [spec.text for spec in request.specs if spec.name in names]
    return refusal(
        clashed.clashes,
        hint=f"write {written} in dependencies (tried: conda then has {brought})",
        solves=True,
        edits=[_edit(old, [dependency.text for dependency in new])],
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
    return refusal(clashed.clashes, hint=hint, solves=False, edits=[_edit([spec.text for spec in asked], [])])


def _in_the_way(clashed: Clashed, request: SolveRequest, explained: Explained) -> PipError:
    """Ask for what the lines demand beside the rest, each demand where its line stands, and pass on what clashes."""
    demands = _demands(clashed)
    error = explained(replace(request, specs=(*request.specs, *demands))) if demands else None
    texts = {demand.text for demand in demands}
    found = [] if error is None else error.details.get("edits", [])
    lines = [] if error is None else (error.hint or "").splitlines()[1:]
    kept = [(edit, line) for edit, line in zip(found, lines, strict=False) if not texts & {*edit["remove"]}]
    refused = _nothing(clashed, [line for _, line in kept], [edit for edit, _ in kept])
    if error is not None:
        refused.details["conflicts"] += error.details["conflicts"]
    return refused


def _demands(clashed: Clashed) -> tuple[Dependency, ...]:
    try:
        return tuple(parse_dependency(clash.conda_spec, clash.requirement.origin) for clash in clashed.clashes)
    except SpecError:
        return ()


def _edit(remove: Sequence[str], add: Sequence[str]) -> dict[str, object]:
    return {"remove": [redact(text) for text in remove], "add": [redact(text) for text in add], "flags": []}


def _nothing(clashed: Clashed, lines: Sequence[str], edits: Sequence[Mapping[str, object]]) -> PipError:
    specs = " and ".join(f"`{spec}`" for spec in sorted({clash.conda_spec for clash in clashed.clashes}))
    asked = " and ".join(f"`{text}`" for text in sorted({clash.requirement.text for clash in clashed.clashes}))
    hint = f"{specs} does not solve beside the rest (tried): ask for another version than {asked}"
    if lines:
        hint = "\n".join([f"{hint}, or change the rest (each was tried, and lets conda have {specs}):", *lines])
    return refusal(clashed.clashes, hint=hint, solves=False, edits=edits)


def _in_place(new: Dependency, specs: Sequence[Dependency]) -> str:
    old = [spec for spec in specs if spec.name == new.name]
    where = " and ".join(f"`{redact(spec.text)}` ({spec.origin})" for spec in old)
    return f"`{new.text}`" + (f" in place of {where}" if old else "")


def _versions(packages: Packages, names: set[str]) -> list[tuple[str, str]]:
    return sorted((package.name, package.version) for package in packages if package.name in names)
