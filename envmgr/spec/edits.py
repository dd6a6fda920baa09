"""Changes of what is asked for: specs and requirements that come, replace others of their name, or go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from envmgr.spec.model import Dependency, EnvironmentSpec, Requirement

AskedT = TypeVar("AskedT", Dependency, Requirement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What to change in a spec.

    `dependencies` and `pip` stand in for everything of the same name, or are added; `removed` and `removed_pip` are
    names (conda's, and PEP 503's) that are taken out; `channels` go to the end where they are not there yet.
    """

    dependencies: tuple[Dependency, ...] = ()
    pip: tuple[Requirement, ...] = ()
    removed: frozenset[str] = frozenset()
    removed_pip: frozenset[str] = frozenset()
    channels: tuple[str, ...] = ()


def apply(spec: EnvironmentSpec, edits: Edits) -> EnvironmentSpec:
    """Return `spec` with the edits made: what replaces something takes its place, what is new goes to the end."""
    return replace(
        spec,
        channels=tuple(dict.fromkeys((*spec.channels, *edits.channels))),
        dependencies=_edited(spec.dependencies, edits.dependencies, edits.removed),
        pip=_edited(spec.pip, edits.pip, edits.removed_pip),
    )


def _edited(asked: Sequence[AskedT], new: Sequence[AskedT], removed: frozenset[str]) -> tuple[AskedT, ...]:
    names = {each.name for each in new}
    placed: set[str] = set()
    result: list[AskedT] = []
    for each in asked:
        if each.name in removed or each.name in placed:
            continue
        if each.name in names:
            placed.add(each.name)
            result.extend(other for other in new if other.name == each.name)
        else:
            result.append(each)
    result.extend(each for each in new if each.name not in placed)
    return tuple(result)
