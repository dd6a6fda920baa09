"""Where the pip half asks for something else than conda provides, and the conda spec that would settle it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envmgr.errors import PipError
from envmgr.pypi.compilation import Graph, Question, graph
from envmgr.pypi.provided import Distribution
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.spec.model import Requirement

_MOST_TRIED = 8  # runs of uv, some milliseconds each


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """`wanted` (a PEP 440 specifier) is asked of a distribution that conda provides in another version.

    `requirement` is the line that leads there, `through` the packages in between, outermost first.
    """

    requirement: Requirement
    distribution: Distribution
    wanted: str
    through: tuple[str, ...] = ()

    @property
    def conda_spec(self) -> str:
        """The conda match spec that would settle it."""
        # conda knows `==1.2.*` as `1.2.*` and has no `===`
        wanted = re.sub(r"==([^,]*\.\*)", r"\1", self.wanted.replace("===", "=="))
        return f"{self.distribution.package.name} {wanted}"

    def __str__(self) -> str:
        package = self.distribution.package
        text = f"{self.requirement.origin}: `{self.requirement.text}` "
        text += f"needs {self.distribution.name}{self.wanted}"
        if self.through:
            text += f" (through {' → '.join(self.through)})"
        return text + (
            f", but the conda package {package.name} {package.version} ({package.build}) "
            f"provides {self.distribution.name} {self.distribution.version}"
        )


def refusal(clashes: Sequence[Clash]) -> PipError:
    """Return the error that names every clash, with the lines for dependencies as its hint."""
    specs = sorted({clash.conda_spec for clash in clashes})
    return PipError(
        "\n".join(str(clash) for clash in clashes),
        hint="write " + " and ".join(f"`{spec}`" for spec in specs) + " in dependencies",
        details={
            "conflicts": [
                {
                    "where": str(clash.requirement.origin),
                    "requirement": clash.requirement.text,
                    "distribution": str(clash.distribution),
                    "conda_package": clash.distribution.package.dist_name,
                    "wanted": clash.wanted,
                    "conda_spec": clash.conda_spec,
                }
                for clash in clashes
            ]
        },
    )


def direct(
    requirements: Sequence[tuple[Requirement, Parsed]], provided: Mapping[str, Distribution]
) -> tuple[Clash, ...]:
    """Return the clashes that the lines themselves have with what conda provides."""
    return tuple(
        Clash(requirement=requirement, distribution=provided[requirement.name], wanted=str(parsed.specifier))
        for requirement, parsed in requirements
        if requirement.name in provided
        and not parsed.specifier.contains(provided[requirement.name].version, prereleases=True)
    )


def indirect(
    uv: Uv,
    question: Question,
    failure: UvFailed,
    requirements: Sequence[Requirement],
    provided: Mapping[str, Distribution],
) -> tuple[Clash, ...]:
    """Return the clashes further down that make `question` fail; none where it fails without conda's versions too."""
    try:
        free = graph(uv, question.without_stubs())
    except UvFailed:
        return ()
    moved = [name for name, node in free.items() if name in provided and node.version != provided[name].version]
    culprits, solved = _culprits(uv, question, moved), free
    if len(culprits) == 1:
        solved = graph(uv, question.without_stubs(*culprits))
    lines = {requirement.name: requirement for requirement in reversed(requirements)}
    clashes = []
    for name in culprits:
        path = _path(solved, name, lines)
        if path:
            wanted = _wanted(failure.text, name, provided[name].version, solved[name].version)
            clashes.append(
                Clash(
                    requirement=lines[path[0]],
                    distribution=provided[name],
                    wanted=wanted,
                    through=tuple(path[1:]),
                )
            )
    return tuple(clashes)


def _culprits(uv: Uv, question: Question, moved: Sequence[str]) -> list[str]:
    """Return the one distribution whose stub alone is in the way, else all that would move."""
    for name in moved[:_MOST_TRIED]:
        try:
            graph(uv, question.without_stubs(name))
        except UvFailed:
            continue
        return [name]
    return list(moved)


def _path(nodes: Graph, name: str, lines: Mapping[str, Requirement]) -> list[str]:
    """Return the shortest chain of names from a line of the file down to a parent of `name`, without `name`."""
    waiting, seen = [[parent] for parent in nodes[name].parents], {name}
    while waiting:
        chain = waiting.pop(0)
        if chain[0] in lines:
            return chain
        if chain[0] not in seen and chain[0] in nodes:
            seen.add(chain[0])
            waiting += [[parent, *chain] for parent in nodes[chain[0]].parents]
    return []


def _wanted(text: str, name: str, provided: str, chosen: str | None) -> str:
    """Return the specifier that uv's account of the failure asks of `name`, else the side on which `chosen` lies."""
    for match in re.finditer(
        r"depends? on ([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?((?:[<>=!~]=?=?[^\s,]+)(?:,[<>=!~]=?=?[^\s,]+)*)", text
    ):
        try:
            specifier = SpecifierSet(match[2].rstrip(","))
        except InvalidSpecifier:
            continue
        if canonicalize_name(match[1]) == name and not specifier.contains(provided, prereleases=True):
            return match[2].rstrip(",")
    if chosen is None:
        return ""
    return f"{'>=' if Version(chosen) > Version(provided) else '<='}{chosen}"
