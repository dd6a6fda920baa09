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

    Of a path that several packages own, the one that is installed last has it; the files of the others go below
    `__clobbers__/NAME/`, as with rattler. `own` is the directory of artifacts where new plans are kept; `placed` is
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
    contested = _contested(pieces)
    if not contested:
        return pieces
    winners = precedence.winners(contested, lock.conda)
    for position, (artifact, plan) in enumerate(pieces):
        name = artifact.package.name
        lost = [path for path, owners in contested.items() if name in owners and winners[path] != name]
        if lost:
            paths = {path: f"{_CLOBBERS}/{name}/{path}" for path in lost}
            pieces[position] = Piece(artifact, planning.aside(plan, paths))
    return pieces


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


def _contested(pieces: Sequence[Piece]) -> dict[str, list[str]]:
    """Return the paths with several owners, and their names; raises Unfit where one's file is another's directory."""
    claimed: dict[str, Collection[str]] = {}  # names by directory; most are those of one package and stay as they are
    contested: dict[str, list[str]] = {}
    for piece in pieces:
        for directory, names in _names(piece.plan):
            if directory not in claimed:
                claimed[directory] = names
                continue
            there = claimed[directory] = _as_set(claimed[directory])
            contested.update((_joined(directory, name), []) for name in there.intersection(names))
            there.update(names)
    for directory in set[str]().union(*(piece.plan.directories for piece in pieces)):
        above, _, name = directory.rpartition("/")
        if above in claimed:
            there = claimed[above] = _as_set(claimed[above])
            if name in there:
                raise Unfit
    for piece in pieces if contested else ():
        for directory, names in _names(piece.plan):
            for name in names:
                owners = contested.get(_joined(directory, name))
                if owners is not None:
                    owners.append(piece.artifact.package.name)
    if any(len(owners) != len(set(owners)) for owners in contested.values()):
        raise Unfit  # a package that brings the same twice
    return contested


def _as_set(names: Collection[str]) -> set[str]:
    return names if isinstance(names, set) else set(names)


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _names(plan: Plan) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the paths of a plan as directories and names in them."""
    made = [each.target.rpartition("/") for each in plan.made]
    return [*((group.target, group.names) for group in plan.groups), *((above, (name,)) for above, _, name in made)]
