"""Edits for a pip half that has no solution beside the conda half, each tried on both halves before it is shown.

Another python, where packages of the pip half need one; a line without its bound; a line moved to the conda half. No
artifact is fetched for that: of packages that are not here, it is taken that they provide what they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.errors import EnvmgrError, PipError, SolveError, SpecError
from envmgr.lock.model import CondaPackage
from envmgr.pypi.clashes import conda_version
from envmgr.pypi.provided import Distribution
from envmgr.pypi.resolve import PipResolution
from envmgr.pypi.unresolved import PythonDemand, Unresolved
from envmgr.solve.base import Packages, SolveRequest
from envmgr.solve.edit import Change, Edit
from envmgr.solve.explain import Explained
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency, Requirement
from envmgr.urls import redact

_MOST_LINES = 5
_MOST_PYTHONS = 3

Resolve = Callable[[Sequence[Requirement], Packages, Sequence[Distribution]], PipResolution]
"""Resolves lines beside conda packages that provide distributions; raises PipError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What edits are tried on: `request` is the solve of the conda half, `conda` its solution, `lines` the pip half.

    `names` are those of the channels, by their normalised form. `explained` says why a request has no solution, None
    for one that has.
    """

    request: SolveRequest
    conda: Packages
    provided: Sequence[Distribution]
    lines: Sequence[Requirement]
    names: Mapping[str, str]
    trials: Trials
    explained: Callable[[SolveRequest], SolveError | None]
    resolve: Resolve


def explained(error: Unresolved, world: World) -> PipError:
    """Return the error for lines without a solution, with what clashes with them in the conda half and with edits."""
    conflicts = [_entry(line, "cannot be had as it is asked for") for line in error.lines]
    edits: list[Edit] = []
    message, hint = error.message, error.hint
    if error.pythons:
        needing, hint = _needing(error.pythons[0], error.lines), None
        conflicts = [
            _entry(line, f"{error.pythons[0].name} needs python {error.pythons[0].wanted}") for line in needing
        ]
        why, edits = _other_pythons(error, world)
        conflicts += [entry for entry in why if entry["where"] not in {each["where"] for each in conflicts}]
        message = _with_python(error, needing, conflicts[len(needing) :], world)
    edits += of_lines(error.lines, world)
    details = {**error.details, "conflicts": conflicts, "edits": [edit.as_json() for edit in edits]}
    said = [hint, *(["each of these was tried, and solves:", *(f"  {edit}" for edit in edits)] if edits else ())]
    return PipError(message, hint="\n".join(filter(None, said)) or None, details=details)


def with_edits(error: PipError, lines: Sequence[Requirement], world: World) -> PipError:
    """Return an error about a clash of the halves with the edits of the pip half that settle it as well."""
    edits = of_lines(lines, world)
    if not edits:
        return error
    details = {**error.details, "edits": [*error.details.get("edits", ()), *(edit.as_json() for edit in edits)]}
    hint = "\n".join([error.hint or "", "or in the pip half (each was tried, and solves):", *(f"  {e}" for e in edits)])
    return PipError(error.message, hint=hint.strip(), details=details)


def of_lines(lines: Sequence[Requirement], world: World) -> list[Edit]:
    """Return edits that each change one of the lines and solve; those that were found when the time is over."""
    found: list[Edit] = []
    try:
        for find in (_loosened, _moved):
            for line in lines[:_MOST_LINES]:
                if line.url is None and not line.hashes and not line.entry:
                    edit = find(line, world)
                    found += [edit] if edit is not None else []
    except OutOfTime:
        pass
    return found


def _other_pythons(error: Unresolved, world: World) -> tuple[list[dict[str, object]], list[Edit]]:
    """Return what of the conda half clashes with the python that the first of the lines needs, and edits that bring
    a python for which the lines have a solution: that of the one that needs the least."""
    why: list[dict[str, object]] = []
    try:
        for demand in error.pythons[:_MOST_PYTHONS]:
            clashing, edits = _with_other(demand, _needing(demand, error.lines)[0], world)
            why = why or clashing
            if edits:
                return why, edits
    except OutOfTime:
        pass
    return why, []


def _with_other(demand: PythonDemand, line: Requirement, world: World) -> tuple[list[dict[str, object]], list[Edit]]:
    if world.trials.seconds_left() <= 0:
        raise OutOfTime
    try:
        python = parse_dependency(f"python {conda_version(demand.wanted)}", line.origin)
    except SpecError:
        return [], []
    asked = replace(world.request, specs=(*world.request.specs, python), locked=())
    error = world.explained(asked)
    if error is None:
        edit = Edit(request=asked, additions=(python,))
        return [], [edit] if _solves(edit, world.lines, world) else []
    if not isinstance(error, Explained):
        return [], []
    kept = [edit for edit in error.edits if not any(each.old == python for each in edit.replacements)]
    return list(error.details["conflicts"]), [edit for edit in kept if _solves(edit, world.lines, world)]


def _loosened(line: Requirement, world: World) -> Edit | None:
    """Return the edit that asks for the version that fits, where the line asks for another."""
    bare = Parsed(line.pep508)
    if not bare.specifier:
        return None
    bare.specifier = SpecifierSet()
    free = replace(line, text=str(bare), specification=str(bare))
    others = [free if each is line else each for each in world.lines]
    resolution = _resolved(others, world.conda, world.provided, world)
    if resolution is None:
        return None
    version = next((package.version for package in resolution.packages if package.name == line.name), None)
    if version is not None:
        bare.specifier = SpecifierSet(f"=={version}")
    new = str(bare)
    return Edit(request=world.request, changes=(Change(where=line.origin, old=line.text, new=new, is_item=True),))


def _moved(line: Requirement, world: World) -> Edit | None:
    """Return the edit that asks conda for what the line asks for."""
    parsed = Parsed(line.pep508)
    name = world.names.get(line.name)
    if name is None or parsed.extras or "===" in str(parsed.specifier):
        return None
    if any(spec.name == name for spec in world.request.specs):
        return None
    try:
        dependency = parse_dependency(f"{name} {conda_version(str(parsed.specifier))}".strip(), line.origin)
    except SpecError:
        return None
    edit = Edit(
        request=replace(world.request, specs=(*world.request.specs, dependency), locked=()),
        additions=(dependency,),
        changes=(Change(where=line.origin, old=line.text, is_item=True),),
    )
    left = [each for each in world.lines if each is not line]
    return edit if _solves(edit, left, world, moved=dependency) else None


def _solves(edit: Edit, lines: Sequence[Requirement], world: World, *, moved: Dependency | None = None) -> bool:
    """Whether both halves have a solution after an edit of the conda half; what was `moved` there is of python."""
    packages = world.trials.solution(edit.request)
    if packages is None:
        return False
    named = {package.name: package for package in packages}
    if moved is not None and not _is_of_python(named[moved.name]):
        return False
    return not lines or _resolved(lines, packages, _provided(packages, world), world) is not None


def _resolved(
    lines: Sequence[Requirement], packages: Packages, provided: Sequence[Distribution], world: World
) -> PipResolution | None:
    if world.trials.seconds_left() <= 0:
        raise OutOfTime
    try:
        return world.resolve(lines, packages, provided)
    except EnvmgrError:
        return None


def _provided(packages: Packages, world: World) -> list[Distribution]:
    """Return what packages provide: as known of those that are here, and by their names and versions of the others."""
    here: dict[str, list[Distribution]] = {}
    for distribution in world.provided:
        here.setdefault(distribution.package.name, []).append(distribution)
    found = []
    for package in packages:
        if package.name not in here and _is_of_python(package):
            found.append((str(canonicalize_name(package.name)), package, package.version))
        for each in here.get(package.name, ()):
            is_same = each.package.version == package.version
            found.append((each.name, package, each.version if is_same else package.version))
    return sorted(
        (Distribution(name=name, version=normal, package=package)
         for name, package, version in found if (normal := _normal(version)) is not None),
        key=lambda each: each.name,
    )  # fmt: skip


def _normal(version: str) -> str | None:
    try:
        return str(Version(version))
    except InvalidVersion:
        return None


def _is_of_python(package: CondaPackage) -> bool:
    return any(text.split(" ")[0] in ("python", "python_abi") for text in package.depends)


def _needing(demand: PythonDemand, lines: Sequence[Requirement]) -> Sequence[Requirement]:
    """Return the lines that lead to a package, as far as is known: its own, or any of those that clash."""
    return [line for line in lines if line.name == demand.name] or lines


def _with_python(
    error: Unresolved, needing: Sequence[Requirement], clashing: Sequence[Mapping[str, object]], world: World
) -> str:
    """Return the message that begins with who needs which python, and what of the conda half stands against it."""
    demand = error.pythons[0]
    python = next((package.version for package in world.conda if package.name == "python"), "none")
    written = [spec for spec in world.request.specs if spec.name == "python" and spec.match_spec.version]
    against = [f"`{each['spec']}` ({each['where']})" for each in clashing]
    against = against or [f"`{redact(spec.text)}` ({spec.origin})" for spec in written]
    because = f", because of {' and '.join(against)}" if against else ""
    asking = " and ".join(f"{line.origin}: `{line.text}`" for line in needing)
    through = "" if any(line.name == demand.name for line in needing) else f" (through {demand.name})"
    verb = "needs" if len(needing) == 1 else "need"
    first = f"{asking} {verb} python {demand.wanted}{through}, and the conda half has python {python}{because}"
    return f"{first}\n{error.message.partition(chr(10))[2]}"


def _entry(line: Requirement, reason: str) -> dict[str, object]:
    return {"where": str(line.origin), "spec": line.text, "reason": reason}


def names_of(channels: Iterable[str]) -> Mapping[str, str]:
    """Return names of channels by their normalised form (PEP 503); of `a-b` and `a_b`, the former."""
    return {canonicalize_name(name): name for name in sorted(channels, reverse=True)}
