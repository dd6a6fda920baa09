"""The plans of all packages of an environment together: what each links where, and who has a path that several own."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.artifacts import plan as planning
from envmgr.artifacts import plans
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.plan import Placed, Plan
from envmgr.lock.model import Lock
from envmgr.store import precedence
from envmgr.store.commands import Omission, command

_CLOBBERS = "__clobbers__"


class Unfit(Exception):
    """These artifacts are for rattler to link, into a tree that does not exist yet."""


class Piece(NamedTuple):
    """An artifact, and what is to be made of it."""

    artifact: Artifact
    plan: Plan


def decide(
    lock: Lock, artifacts: Sequence[Artifact], omitted: Sequence[Omission], own: Path, placed: Placed | None
) -> list[Piece]:
    """Return the artifacts less what is `omitted`, with plans of which no two have the same path.

    Of a path that several packages have, the one that is installed last has it; the files of the others go below
    `__clobbers__/NAME/`, as with rattler. So it is with one that is a file of one and a directory of another: all that
    the others have there and below goes. `own` is the directory of artifacts where new plans are kept; `placed` is
    where noarch python goes (None: there is no python). Raises Unfit, and CorruptPackage or OSError where an
    artifact is damaged.
    """
    left_out: dict[str, list[Omission]] = {}
    for omission in omitted:
        left_out.setdefault(omission.artifact.package.name, []).append(omission)
    pieces = []
    for artifact in artifacts:
        gone = left_out.get(artifact.package.name)
        if placed is None and artifact.manifest.noarch == "python":
            raise Unfit
        plan = plans.find(artifact, own, placed) if gone is None else _lesser(artifact, placed, gone)
        if plan is None:
            raise Unfit
        pieces.append(Piece(artifact, plan))
    shared, blocked = _contested(pieces)
    return _settled(pieces, shared, blocked, lock) if shared or blocked else pieces


def _lesser(artifact: Artifact, placed: Placed | None, omitted: Sequence[Omission]) -> Plan | None:
    """Return a plan for this environment alone, in which something of the artifact is left out."""
    files = {omission.file for omission in omitted}
    commands = {omission.path.rpartition("/")[2] for omission in omitted if omission.file is None}
    return planning.make(
        os.fspath(artifact.directory),
        [entry for entry in plans.listing(artifact) if entry.path not in files],
        [point for point in artifact.manifest.entry_points if command(point) not in commands],
        placed if artifact.manifest.noarch == "python" else None,
    )


def _contested(pieces: Sequence[Piece]) -> tuple[set[str], set[str]]:
    """Return the paths that several packages have, and those that are a directory of one and a file of another."""
    claimed: dict[str, Collection[str]] = {}  # names by directory; most are those of one package and stay as they are
    shared: set[str] = set()
    for piece in pieces:
        for directory, names in _names(piece.plan):
            if directory not in claimed:
                claimed[directory] = names
                continue
            there = claimed[directory] = _as_set(claimed[directory])
            shared.update(_joined(directory, name) for name in there.intersection(names))
            there.update(names)
    blocked = set()
    for directory in set[str]().union(*(piece.plan.directories for piece in pieces)):
        above, _, name = directory.rpartition("/")
        if above in claimed:
            there = claimed[above] = _as_set(claimed[above])
            if name in there:
                blocked.add(directory)
    return shared, blocked


def _settled(pieces: Sequence[Piece], shared: set[str], blocked: set[str], lock: Lock) -> list[Piece]:
    """Return the pieces with all but one of the packages that have a path, or have something below it, aside."""
    rank = {name: position for position, name in enumerate(precedence.order(lock.conda))}
    owners = _owners(pieces, shared | blocked)
    by_name = {piece.artifact.package.name: piece for piece in pieces}
    aside: dict[str, set[str]] = {name: set() for name in by_name}
    closed: list[str] = []
    for path in sorted(blocked):
        if any(path.startswith(f"{above}/") for above in closed):
            continue
        holders = [name for name, piece in by_name.items() if path in piece.plan.directories]
        winner = max([*holders, *owners[path]], key=rank.__getitem__)
        if winner in owners[path]:
            closed.append(path)
            for name in holders:
                aside[name].update(_below(by_name[name].plan, path))
        for name in owners[path]:
            if name != winner:
                aside[name].add(path)
    for path in shared:
        there = [name for name in owners[path] if path not in aside[name]]
        for name in there:
            if name != max(there, key=rank.__getitem__):
                aside[name].add(path)
    return [
        Piece(
            piece.artifact,
            planning.aside(piece.plan, {path: f"{_CLOBBERS}/{name}/{path}" for path in aside[name]}, closed),
        )
        if aside[name] or any(path in piece.plan.directories for path in closed)
        else piece
        for name, piece in by_name.items()
    ]


def _owners(pieces: Sequence[Piece], paths: set[str]) -> dict[str, list[str]]:
    """Return the names of the packages that have each of the paths; raises Unfit where one has it twice."""
    found: dict[str, list[str]] = {path: [] for path in paths}
    above = {path.rpartition("/")[0] for path in paths}
    for piece in pieces:
        for directory, names in _names(piece.plan):
            for name in names if directory in above else ():
                path = _joined(directory, name)
                if path in paths:
                    found[path].append(piece.artifact.package.name)
    if any(len(owners) != len(set(owners)) for owners in found.values()):
        raise Unfit
    return found


def _below(plan: Plan, path: str) -> list[str]:
    """Return the paths of a plan that are below a directory."""
    return [
        _joined(directory, name)
        for directory, names in _names(plan)
        if directory == path or directory.startswith(f"{path}/")
        for name in names
    ]


def _as_set(names: Collection[str]) -> set[str]:
    return names if isinstance(names, set) else set(names)


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _names(plan: Plan) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the paths of a plan as directories and names in them."""
    made = [each.target.rpartition("/") for each in plan.made]
    return [*((group.target, group.names) for group in plan.groups), *((above, (name,)) for above, _, name in made)]
