"""`--only-deps`: what packages need, asked for in their place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from envmgr.errors import UsageError
from envmgr.lock.model import Lock
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.digest import canonical_dependency
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin


def needed_by(names: Collection[str], lock: Lock) -> tuple[Dependency, ...]:
    """Return what the conda packages `names` of a lock need of other packages, each spec once, in their order.

    What the machine has to have (`__glibc`) is no package. Raises SpecError for a dependency that cannot be read.
    """
    found: dict[str, Dependency] = {}
    for package in lock.conda:
        if package.name not in names:
            continue
        origin = Origin(source=f"needed by {package.name} {package.version}")
        for text in package.depends:
            dependency = parse_dependency(text, origin)
            if not dependency.name.startswith("__") and dependency.name not in names:
                found.setdefault(canonical_dependency(dependency), dependency)
    return tuple(found.values())


def in_place_of(spec: EnvironmentSpec, lock: Lock) -> EnvironmentSpec:
    """Return a spec for what the conda packages of `spec`, as `lock` has them, need; raises UsageError where it has a
    pip half."""
    check(spec.pip)
    return replace(spec, dependencies=needed_by({each.name for each in spec.dependencies}, lock))


def check(pip: Sequence[object]) -> None:
    """Raise UsageError where the pip half is asked for something."""
    if pip:
        raise UsageError(
            "--only-deps is for conda packages, and the pip half is asked for something too",
            hint="for what a project needs: envmgr create -n NAME -f pyproject.toml",
        )
