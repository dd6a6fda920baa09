"""Some packages to the newest version that the specs allow, with what they force, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from rattler import MatchSpec, Version

from envmgr.errors import PackagesNotFound, Unsatisfiable
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Solution, SolveRequest
from envmgr.spec.model import Dependency, Origin

_ORIGIN = Origin(source="update")


def toward_newest(
    request: SolveRequest, names: Collection[str], solve: Callable[[SolveRequest], Solution]
) -> SolveRequest:
    """Return the request in which `names` have the newest versions that `solve` finds for it, all else preferred.

    An engine weighs a preferred package against a newer one by rules of its own, so the newest versions are asked
    for first, without preferences. python keeps its minor version unless it is named itself, as in conda: otherwise
    an update of one package would replace everything that is built for it. Raises what `solve` raises.
    """
    locked = {package.name: package for package in request.locked}
    same_python = _same_python(locked, names)
    try:
        bound = replace(request, constraints=(*request.constraints, *same_python))
        found = solve(replace(bound, locked=()))
    except (Unsatisfiable, PackagesNotFound):
        if not same_python:
            raise
        bound = request  # what is locked is no longer to be had: then python moves too
        found = solve(replace(bound, locked=()))
    free = {package.name: package for package in found.packages if package.name in names}
    newer = sorted(name for name in free if name not in locked or _age(free[name]) > _age(locked[name]))
    return replace(
        bound,
        locked=tuple(package for package in request.locked if package.name not in newer),
        # The version alone: its build may be for another version of something that is to stay.
        constraints=(*bound.constraints, *(_constraint(name, f"=={free[name].version}") for name in newer)),
    )


def _same_python(locked: dict[str, CondaPackage], names: Collection[str]) -> tuple[Dependency, ...]:
    python = locked.get("python")
    if python is None or "python" in names:
        return ()
    return (_constraint("python", f"{'.'.join(python.version.split('.')[:2])}.*"),)


def _age(package: CondaPackage) -> tuple[Version, int, int]:
    return Version(package.version), package.build_number, package.timestamp or 0


def _constraint(name: str, version: str) -> Dependency:
    text = f"{name} {version}"
    return Dependency(text=text, name=name, match_spec=MatchSpec(text), channel=None, origin=_ORIGIN)
