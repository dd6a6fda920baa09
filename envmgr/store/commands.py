"""Entry points at a path that something else has too: one of them is left out before anything is linked.

rattler (py-rattler 0.28) does not count entry points among the paths of a package. It opens the file at their place
for writing, and where that is hardlinked, the cache and every other environment get the script in its stead.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.artifacts.manifest import Artifact
from envmgr.store.checks import Clobber
from envmgr.store.placement import Placement


class _Claim(NamedTuple):
    """A package's wish for a path: with a file or link of this name in the artifact (None: with an entry point)."""

    artifact: Artifact
    file: str | None

    @property
    def name(self) -> str:
        return self.artifact.package.name


class Omission(NamedTuple):
    """What is left out of an artifact: `file` (a path in it) or else the entry point at `path`, for `winner`."""

    artifact: Artifact
    path: str
    file: str | None
    winner: str

    @property
    def clobber(self) -> Clobber:
        return Clobber(self.path, self.winner, self.artifact.package.name)


def omissions(artifacts: Sequence[Artifact], placement: Placement) -> tuple[Omission, ...]:
    """Return what has to give way so that no entry point shares its path.

    As with files, the package wins that depends on the other, or else is later by name; an entry point wins over a
    file of its own package.
    """
    claims: dict[str, list[_Claim]] = {}
    for artifact in artifacts:
        for entry_point in artifact.manifest.entry_points:
            path = f"{placement.scripts}/{command(entry_point)}"
            claims.setdefault(path, []).append(_Claim(artifact, None))
    if not claims:
        return ()
    for artifact in artifacts:
        for file in _scripts(artifact, placement):
            claim = claims.get(placement.place(artifact, file))
            if claim is not None:
                claim.append(_Claim(artifact, file))
    contested = {path: claimed for path, claimed in claims.items() if len(claimed) > 1}
    if not contested:
        return ()
    needs = {
        artifact.package.name: frozenset(spec.split(" ", 1)[0] for spec in artifact.package.depends)
        for artifact in artifacts
    }
    found = []
    for path, claimed in sorted(contested.items()):
        winner = _winner(claimed, needs)
        found += [Omission(each.artifact, path, each.file, winner.name) for each in claimed if each is not winner]
    return tuple(found)


def without(omitted: Sequence[Omission], artifacts: Sequence[Artifact], directory: Path) -> tuple[Artifact, ...]:
    """Return the artifacts with stand-ins below the new `directory` for those of which something is left out.

    A stand-in consists of links into the artifact, and of its own lists of what to install. Raises OSError.
    """
    by_artifact: dict[str, list[Omission]] = {}
    for omission in omitted:
        by_artifact.setdefault(omission.artifact.package.name, []).append(omission)
    return tuple(
        _stand_in(artifact, by_artifact[artifact.package.name], directory / artifact.package.dist_name)
        if artifact.package.name in by_artifact
        else artifact
        for artifact in artifacts
    )


def _winner(claimed: Sequence[_Claim], needs: Mapping[str, frozenset[str]]) -> _Claim:
    best = claimed[0]
    for claim in claimed[1:]:
        if claim.name == best.name:
            best = claim if claim.file is None else best
        elif _reaches(claim.name, best.name, needs) or (
            claim.name > best.name and not _reaches(best.name, claim.name, needs)
        ):
            best = claim
    return best


def _reaches(start: str, goal: str, needs: Mapping[str, frozenset[str]]) -> bool:
    seen: set[str] = set()
    pending = [start]
    while pending:
        for name in needs.get(pending.pop(), ()):
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return False


def _scripts(artifact: Artifact, placement: Placement) -> Iterator[str]:
    """Yield the paths of an artifact that will be in the directory of scripts; its paths are sorted."""
    directories = [placement.scripts]
    if artifact.manifest.noarch == "python":
        directories.append("python-scripts")
    paths = artifact.manifest.paths
    for directory in directories:
        yield from paths[bisect_left(paths, f"{directory}/") : bisect_left(paths, f"{directory}0")]  # `0` follows `/`


def _stand_in(artifact: Artifact, omitted: Sequence[Omission], directory: Path) -> Artifact:
    files = {omission.file for omission in omitted if omission.file is not None}
    commands = {omission.path.rpartition("/")[2] for omission in omitted if omission.file is None}
    directory.mkdir(parents=True)
    for entry in os.scandir(artifact.directory):
        if entry.name != "info":
            # A link is what is to be installed; anything else is only looked into.
            os.symlink(os.readlink(entry.path) if entry.is_symlink() else entry.path, directory / entry.name)
    info = directory / "info"
    info.mkdir()
    for entry in os.scandir(artifact.directory / "info"):
        if entry.name in {"paths.json", "link.json", "files"}:
            text = Path(entry.path).read_text(encoding="utf-8-sig")
            (info / entry.name).write_text(_shortened(entry.name, text, files, commands), encoding="utf-8")
        else:
            os.symlink(entry.path, info / entry.name)
    manifest = artifact.manifest._replace(
        paths=tuple(path for path in artifact.manifest.paths if path not in files),
        links=tuple(path for path in artifact.manifest.links if path not in files),
        entry_points=tuple(point for point in artifact.manifest.entry_points if command(point) not in commands),
    )
    return Artifact(artifact.package, directory, manifest)


def _shortened(name: str, text: str, files: set[str], commands: set[str]) -> str:
    if name == "files":
        return "".join(f"{line}\n" for line in text.splitlines() if line.strip() not in files)
    document: dict[str, Any] = json.loads(text)
    if name == "paths.json":
        document["paths"] = [entry for entry in document["paths"] if entry["_path"] not in files]
    elif commands:
        points = document["noarch"]["entry_points"]
        document["noarch"]["entry_points"] = [point for point in points if command(point) not in commands]
    return json.dumps(document)


def command(entry_point: str) -> str:
    """Return the name of the script that an entry point becomes."""
    return entry_point.partition("=")[0].strip()
