"""The tree of the pip half, moved into staging by renames, with nothing of the conda half overwritten."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envmgr.errors import PipError
from envmgr.pypi.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One file or whole directory to rename from the tree to `target`; with `is_same`, to leave out."""

    source: str
    target: str
    is_same: bool = False


def merge(tree: Path, staging: Path, *, owners: Mapping[str, str], records: Mapping[str, Record]) -> None:
    """Move everything below `tree` into `staging`.

    `owners` names the conda package of a path. Raises PipError, having moved nothing, when a path is taken by
    anything but a file with the same contents, or leads through a link out of staging or to conda's records.
    """
    moves, taken = [], []
    for move in _plan(os.fspath(tree), os.fspath(staging), os.path.realpath(staging)):
        if move.is_same and not _is_same(move):
            taken.append(os.path.relpath(move.target, staging).replace(os.sep, "/"))
        moves.append(move)
    if taken:
        raise _refusal(taken, owners, records)
    for move in moves:
        if not move.is_same:
            os.rename(move.source, move.target)


def _plan(source: str, target: str, root: str) -> Iterator[Move]:
    """Yield the moves; a path that exists on both sides and is no directory on both is marked `is_same`."""
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = os.path.join(target, entry.name)
            if not os.path.lexists(path):
                yield Move(source=entry.path, target=path)
            elif entry.is_dir() and os.path.isdir(path):
                if not (os.path.realpath(path) + os.sep).startswith(root + os.sep):
                    raise PipError(
                        f"{path} leads out of the environment, and a wheel of the pip half would write there"
                    )
                if (os.path.realpath(path) + os.sep).startswith(os.path.join(root, "conda-meta", "")):
                    raise PipError(f"{path} leads to conda's records, and a wheel of the pip half would write there")
                yield from _plan(entry.path, path, root)
            else:
                yield Move(source=entry.path, target=path, is_same=True)


def _is_same(move: Move) -> bool:
    return (
        os.path.isfile(move.source)
        and os.path.isfile(move.target)
        and not os.path.islink(move.target)
        and filecmp.cmp(move.source, move.target, shallow=False)
    )


def _refusal(taken: list[str], owners: Mapping[str, str], records: Mapping[str, Record]) -> PipError:
    path = taken[0]
    pip = next((name for name, record in sorted(records.items()) if path in record.files), None)
    owner = owners.get(path)
    text = f"the pip package {pip or '(unknown)'} would overwrite {path}"
    text += f" of the conda package {owner}" if owner else " of the conda half"
    if len(taken) > 1:
        text += f", and {len(taken) - 1} more"
    return PipError(
        text,
        hint=f"leave {pip} out of the pip section, or {owner} out of dependencies" if pip and owner else None,
        details={"paths": taken, "pip_package": pip, "conda_package": owner},
    )
