"""Packages of a lock that are to be as new as can be, while the others stay where they may."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence

from rattler import Version

from envmgr.errors import UsageError
from envmgr.lock.model import CondaPackage, Lock
from envmgr.solve.base import Solver, SolveRequest
from envmgr.spec.command_line import parse_dependency


def names(locks: Iterable[Lock], update: Sequence[str]) -> frozenset[str]:
    """Return the names that are to move, as the locks spell them; raises UsageError for one that none of them has."""
    locked = {package.name for lock in locks for half in (lock.conda, lock.pip) for package in half}
    wanted = frozenset(name if name in locked else re.sub(r"[-_.]+", "-", name).lower() for name in update)
    unknown = sorted(wanted - locked)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(locked), n=1)
        raise UsageError(
            f"not in the lock, so not to be updated: {', '.join(unknown)}",
            hint=f"did you mean `{near[0]}`?" if near else "a new package goes into the environment file",
        )
    return wanted


def with_newest(request: SolveRequest, moving: frozenset[str], engine: Solver) -> SolveRequest:
    """Return the request in which the packages that move are held to what a solve without preferences gives them.

    Leaving them out of the preferences alone is not enough: what else is locked could then hold them where they are.
    One that such a solve would move back stays preferred.
    """
    free = {package.name: package for package in engine.solve(dataclasses.replace(request, locked=())).packages}
    newest = [
        free[package.name]
        for package in request.locked
        if package.name in moving and package.name in free and _age(free[package.name]) > _age(package)
    ]
    moved = {package.name for package in newest}
    return dataclasses.replace(
        request,
        locked=tuple(package for package in request.locked if package.name not in moved),
        constraints=(
            *request.constraints,
            *(parse_dependency(f"{package.name} =={package.version} {package.build}") for package in newest),
        ),
    )


def _age(package: CondaPackage) -> tuple[Version, int, int]:
    return Version(package.version), package.build_number, package.timestamp or 0
