"""Where the pip half asks for something else than conda provides, and the conda spec that would settle it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.errors import PipError
from envmgr.pypi import stubs
from envmgr.pypi.compilation import Graph, Question, graph, unbound
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
        return f"{self.distribution.package.name} {conda_version(self.wanted)}".strip()

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


class Clashed(PipError):
    """Lines that ask for something else than conda provides, with the lines for dependencies as the hint.

    Whoever can solve raises `refusal` in its place.
    """

    def __init__(self, clashes: Sequence[Clash]) -> None:
        specs = sorted({clash.conda_spec for clash in clashes})
        hint = "write " + " and ".join(f"`{spec}`" for spec in specs) + " in dependencies"
        super().__init__(_account(clashes), hint=hint, details=_details(clashes))
        self.clashes = tuple(clashes)


def refusal(
    clashes: Sequence[Clash], *, hint: str, solves: bool, edits: Sequence[Mapping[str, object]] = ()
) -> PipError:
    """Return the error that names every clash, with what was found out about the conda specs that would settle it.

    `edits` are those of the conda half that were tried, in the form of an Unsatisfiable's.
    """
    return PipError(_account(clashes), hint=hint, details={**_details(clashes), "solves": solves, "edits": [*edits]})


def conda_version(specifier: str) -> str:
    """Return a PEP 440 specifier as conda's match specs have it."""
    # conda knows `==1.2.*` as `1.2.*` and has no `===`; uv writes `~=2.1` as `>=2.1,<3.dev0`
    text = re.sub(r"==([^,]*\.\*)", r"\1", specifier.replace("===", "=="))
    return re.sub(r"(<[\d.]+)\.dev0\b", r"\1", text)


def _account(clashes: Sequence[Clash]) -> str:
    return "\n".join(str(clash) for clash in clashes)


def _details(clashes: Sequence[Clash]) -> dict[str, object]:
    return {
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
    }


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
    *,
    directory: Path,
) -> tuple[Clash, ...]:
    """Return the clashes further down that make `question` fail; none where it fails without conda's versions too.

    Stubs of other versions are written below `directory`.
    """
    lines = {requirement.name: requirement for requirement in reversed(requirements)}
    try:
        free = unbound(uv, question)
    except UvFailed:
        return tuple(_with_other_stubs(uv, question, failure, lines, provided, directory))
    moved = [
        name for name, node in free.items() if name in provided and node.version not in (None, provided[name].version)
    ]
    culprits, solved = _culprits(uv, question, moved), free
    if len(culprits) == 1:
        solved = graph(uv, question.without_stubs(*culprits))
    found = (_clash(failure, name, provided[name], solved, solved[name].version, lines) for name in culprits)
    return tuple(clash for clash in found if clash is not None)


def _with_other_stubs(
    uv: Uv,
    question: Question,
    failure: UvFailed,
    lines: Mapping[str, Requirement],
    provided: Mapping[str, Distribution],
    directory: Path,
) -> Iterator[Clash]:
    """Yield the clash with a distribution that no index has: with a stub of some other version there is an answer."""
    tried = 0
    for name in sorted(question.stubs.keys() & provided.keys()):
        for version in _versions(failure.text, name, provided[name].version):
            if tried == _MOST_TRIED:
                return
            tried += 1
            other = stubs.write([replace(provided[name], version=version)], question.target, directory)
            try:
                nodes = graph(uv, replace(question, stubs={**question.stubs, **other}))
            except UvFailed:
                continue
            clash = _clash(failure, name, provided[name], nodes, version, lines)
            if clash is not None:
                yield clash
            return


def _versions(text: str, name: str, provided: str) -> list[str]:
    """Return versions that what uv says of `name` may mean: those that it names, and one just above each."""
    pattern = rf"(?<![\w.-]){re.escape(name)}(?:\[[^\]]*\])?((?:[<>=!~]=?=?[^\s,]+,?)+)"
    found: dict[str, None] = {}
    for match in re.finditer(pattern, text.replace("_", "-"), re.IGNORECASE):
        for number in re.findall(r"[<>=!~]+([^\s,<>=!~]+)", match[1]):
            for candidate in (number, f"{number}.1"):
                try:
                    found[str(Version(candidate))] = None
                except InvalidVersion:
                    continue
    if found:
        found["0"] = None  # below every one
    return [version for version in found if version != provided]


def _clash(
    failure: UvFailed,
    name: str,
    distribution: Distribution,
    nodes: Graph,
    chosen: str | None,
    lines: Mapping[str, Requirement],
) -> Clash | None:
    path = _path(nodes, name, lines)
    if not path:
        return None
    wanted = _wanted(failure.text, name, distribution.version, chosen)
    return Clash(requirement=lines[path[0]], distribution=distribution, wanted=wanted, through=tuple(path[1:]))


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
    either = re.findall(rf"^\s*{re.escape(name)}([<>])([^\s,=]+)$", text, re.MULTILINE | re.IGNORECASE)
    if {side for side, version in either if version == provided} == {"<", ">"}:
        return f"!={provided}"
    if chosen is None:
        return ""
    return f"{'>=' if Version(chosen) > Version(provided) else '<='}{chosen}"
