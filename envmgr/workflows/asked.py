"""What an environment was asked for, apart from what that pulled in: read from its lock, and changed by name."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from envmgr.errors import PackagesNotFound, SpecError, UsageError
from envmgr.lock.model import Lock
from envmgr.solve.pip import with_pip
from envmgr.spec.command_line import parse_arguments, parse_dependency
from envmgr.spec.edits import AskedT, Edits
from envmgr.spec.faults import shown
from envmgr.spec.model import ASKED_FOR_IN, EnvironmentSpec, Origin, Requirement
from envmgr.spec.pip_lines import read_lines
from envmgr.store.layout import Location
from envmgr.store.ownership import normalised

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DEPENDS = re.compile(r"(?:.*::)?([A-Za-z0-9_][A-Za-z0-9._-]*)")
_CONDA, _PIP = "conda", "pip"
_SHOWN = 10
Node = tuple[str, str]
"""A half and the name of a package in it."""


def asked_for(lock: Lock, location: Location) -> EnvironmentSpec:
    """Return the spec that `lock` was solved from, its origins naming the environment.

    A lock that does not say what was asked for (one that another tool wrote) asks for what nothing else in it needs.
    Raises SpecError for a spec that cannot be read.
    """
    origin = Origin(source=f"{ASKED_FOR_IN}{location.label}")
    request = lock.request
    dependencies, pip = request.dependencies, request.pip
    if not dependencies and not pip:
        dependencies, pip = roots(lock)
    asked_lines = read_lines(pip, base=request.pip_base, source=origin)
    return EnvironmentSpec(
        channels=request.channels or lock.channels,
        dependencies=tuple(parse_dependency(text, origin) for text in dependencies),
        pip=_named(asked_lines.requirements, lock),
        pip_options=asked_lines.options,
        pip_constraints=asked_lines.constraints,
        pip_base=request.pip_base,
        variables=request.variables,
        gpu=request.gpu,
        sources=lock.sources,
    )


def _named(requirements: Sequence[Requirement], lock: Lock) -> tuple[Requirement, ...]:
    """Return the requirements, those that do not say their name with the one that they were found to have."""
    names = {text: package.name for package in lock.pip for text in package.requested}
    return tuple(
        each if each.is_named else replace(each, name=names.get(each.text, each.name)) for each in requirements
    )


def additions(
    specs: Sequence[str], pip: Sequence[str], files: Sequence[EnvironmentSpec] = (), base: str = ""
) -> tuple[Edits, tuple[str, ...]]:
    """Return the edits that `install` asks for, and what to warn of; paths are then relative to the directory `base`
    (empty: the current one). Raises SpecError for what cannot be read, UsageError for nothing at all."""
    parsed = parse_arguments(specs)
    requirements = _once((*_of_files(files, base), *_requirements(pip, base)))
    parsed = replace(
        parsed,
        channels=tuple(channel for file in files for channel in file.channels),
        dependencies=_once((*(each for file in files for each in file.dependencies), *parsed.dependencies)),
        warnings=(*(warning for file in files for warning in file.warnings), *parsed.warnings),
    )
    if not parsed.dependencies and not requirements:
        raise UsageError(
            "nothing to install is named", hint="name a package, as numpy, or a requirement, as --pip rich"
        )
    edits = Edits(channels=parsed.channels, dependencies=parsed.dependencies, pip=requirements)
    return edits, parsed.warnings


def _once(asked: Sequence[AskedT]) -> tuple[AskedT, ...]:
    """Return what is asked for, each text once."""
    return tuple({each.text: each for each in asked}.values())


def _of_files(files: Sequence[EnvironmentSpec], base: str) -> tuple[Requirement, ...]:
    """Return the requirements of files; raises UsageError for options, which are for a pip half as a whole."""
    if not files:
        return ()
    from envmgr.spec.requirements_file import relative_to_base  # start-up time: as below

    for file in files:
        if (lines := file.pip_options.lines) or file.pip_constraints:
            said = shown(lines[0]) if lines else "constraints"
            raise UsageError(
                f"{file.sources[0]} has {said}, which is for a pip half as a whole",
                hint=f"envmgr create -n NAME -f {file.sources[0]}, or leave the option out",
            )
    return tuple(relative_to_base(each, base or os.getcwd()) for file in files for each in file.pip)


def removals(names: Sequence[str], lock: Lock, spec: EnvironmentSpec, location: Location) -> Edits:
    """Return the edits that take `names` out of either half.

    Raises UsageError for what is no name, PackagesNotFound for what was not asked for: with the package that needs
    it where it was pulled in, with the nearest names where it is not there.
    """
    conda, pip = {each.name for each in spec.dependencies}, {each.name for each in spec.pip}
    wanted = [(name.lower(), normalised(name)) for name in _checked(names, "remove", location)]
    missing = [pair for pair in wanted if pair[0] not in conda and pair[1] not in pip]
    if missing:
        raise _not_asked_for(missing, lock, spec, location)
    # In a file, what does not say its name goes by its text
    removed = frozenset(name for _, name in wanted) & pip
    return Edits(
        removed=frozenset(name for name, _ in wanted) & conda,
        removed_pip=removed | {each.text for each in spec.pip if each.name in removed and each.url is not None},
    )


def check_of_pip(names: Sequence[str], lock: Lock, location: Location) -> None:
    """Raise PackagesNotFound for names that are in the conda half alone."""
    conda = {package.name for package in lock.conda} - {package.name for package in lock.pip}
    wrong = [name for name in names if name.lower() in conda]
    if wrong:
        raise PackagesNotFound(
            "\n".join(f"`{name}` is a conda package of {location.label}, not one of the pip half" for name in wrong),
            hint="leave out --pip",
        )


def present(names: Sequence[str], lock: Lock, location: Location) -> tuple[str, ...]:
    """Return the packages of either half that `names` mean, asked for or pulled in, as the lock spells them.

    Raises UsageError for what is no name, and PackagesNotFound for what is in neither half.
    """
    conda, pip = {package.name for package in lock.conda}, {package.name for package in lock.pip}
    wanted = [(name.lower(), normalised(name)) for name in _checked(names, "update", location)]
    missing = [pair for pair in wanted if pair[0] not in conda and pair[1] not in pip]
    if missing:
        lines = [_not_there(pair, lock, location) for pair in missing]
        names_there = " ".join(name for name, _ in missing)
        raise PackagesNotFound("\n".join(lines), hint=f"to add it: envmgr install {location.arguments} {names_there}")
    return tuple(dict.fromkeys(each for name, other in wanted for each in (name, other) if each in conda | pip))


def with_dependencies(names: Sequence[str], lock: Lock) -> tuple[str, ...]:
    """Return `names` and every package of `lock` that they need, directly or not."""
    edges = _edges(lock)
    found = {node for name in names for half in (_CONDA, _PIP) for node in _reached((half, name), edges)}
    return tuple(dict.fromkeys((*names, *sorted(name for _, name in found))))


def needed_by(node: Node, lock: Lock, spec: EnvironmentSpec) -> tuple[str, ...]:
    """Return the packages that were asked for and lead to `node`, sorted."""
    edges = _edges(lock)
    asked = [(_CONDA, each.name) for each in spec.dependencies] + [(_PIP, each.name) for each in spec.pip]
    return tuple(sorted({name for half, name in asked if node in _reached((half, name), edges) - {(half, name)}}))


def _requirements(texts: Sequence[str], base: str) -> tuple[Requirement, ...]:
    if not texts:
        return ()
    from envmgr.spec.requirements_file import relative_to_base  # start-up time: only for a pip half

    here = os.getcwd()
    lines = read_lines(texts, base=here, load=_no_files)
    if lines.options.lines:
        raise UsageError(
            f"--pip {shown(lines.options.lines[0])} is an option, and what is asked for is a package",
            hint="write it into the pip section of the environment file, and: envmgr create -f environment.yml",
        )
    return tuple(relative_to_base(each, base or here) for each in lines.requirements)


def _no_files(_location: str) -> NoReturn:
    raise SpecError("requirements files are read in environment files only", hint="write its lines, each after --pip")


def _checked(names: Sequence[str], command: str, location: Location) -> Iterator[str]:
    for name in names:
        if not _NAME.fullmatch(name):
            bare = _NAME.match(name)
            hint = f"envmgr {command} {location.arguments} {bare[0] if bare else 'NAME'}"
            if bare and command == "update":
                hint = f"envmgr install {location.arguments} '{name}'"
            raise UsageError(f"{shown(name)}: `{command}` expects the name of a package, without a version", hint=hint)
        yield name


def _not_asked_for(
    missing: Sequence[tuple[str, str]], lock: Lock, spec: EnvironmentSpec, location: Location
) -> PackagesNotFound:
    lines, needing = [], set()
    halves = {(_CONDA, each.name) for each in lock.conda} | {(_PIP, each.name) for each in lock.pip}
    for conda, pip in missing:
        node = next((node for node in ((_CONDA, conda), (_PIP, pip)) if node in halves), None)
        if node is None:
            lines.append(_not_there((conda, pip), lock, location))
            continue
        needed = needed_by(node, lock, spec)
        needing |= set(needed)
        why = f"{_listed(needed)} {'needs' if len(needed) == 1 else 'need'} it" if needed else "it was pulled in"
        lines.append(f"{node[1]} was not asked for in {location.label}: {why}")
    hint = f"envmgr remove {location.arguments} {' '.join(sorted(needing))}" if needing else None
    if hint is None and not any("did you mean" in line for line in lines):
        there = sorted({*(each.name for each in spec.dependencies), *(each.name for each in spec.pip)})
        more = f", and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        hint = f"what was asked for, and can be removed: {', '.join(there[:_SHOWN]) or 'nothing'}{more}"
    return PackagesNotFound("\n".join(lines), hint=hint)


def _not_there(pair: tuple[str, str], lock: Lock, location: Location) -> str:
    known = sorted({each.name for each in lock.conda} | {each.name for each in lock.pip})
    near = difflib.get_close_matches(pair[0], known, n=3)
    guess = f"; did you mean {_listed([f'`{name}`' for name in near], 'or')}?" if near else ""
    return f"{shown(pair[0])} is not in {location.label}{guess}"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def roots(lock: Lock) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return as specs what was requested by name, or else what nothing else in the lock needs."""
    conda = tuple(text for package in lock.conda for text in package.requested)
    pip = tuple(text for package in lock.pip for text in package.requested)
    if conda or pip:
        return conda, pip
    edges = _edges(lock)
    needed = {target for node, targets in edges.items() for target in targets if target != node}
    covered: set[Node] = set()
    roots = []
    for node in sorted(edges, key=lambda node: (node in needed, node)):  # the second part: packages in a circle
        if node not in covered:
            roots.append(node)
            covered |= _reached(node, edges)
    return tuple(name for half, name in roots if half == _CONDA), tuple(name for half, name in roots if half == _PIP)


def _edges(lock: Lock) -> dict[Node, set[Node]]:
    pip_of: dict[str, Node] = {
        normalised(each.partition("==")[0]): (_CONDA, package.name)
        for package in lock.conda
        for each in package.distributions
    } | {package.name: (_PIP, package.name) for package in lock.pip}
    edges: dict[Node, set[Node]] = {}
    for package in lock.conda:
        names = (match[1].lower() for text in with_pip(package).depends if (match := _DEPENDS.match(text)))
        edges[_CONDA, package.name] = {(_CONDA, name) for name in names}
    for wheel in lock.pip:
        needed = (normalised(match[1]) for text in wheel.requires if (match := _DEPENDS.match(text)))
        edges[_PIP, wheel.name] = {pip_of[name] for name in needed if name in pip_of}
    return edges


def _reached(start: Node, edges: Mapping[Node, Collection[Node]]) -> set[Node]:
    found, left = {start}, [start]
    while left:
        for node in edges.get(left.pop(), ()):
            if node not in found:
                found.add(node)
                left.append(node)
    return found
