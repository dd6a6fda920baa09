"""The manifest of carried things: what a generation took over from the one before it beside its packages.

Kept in conda-meta/envmgr/carried.json; sorted, without clocks. Light: `list` reads it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from envmgr.store.layout import OWN_DIRECTORY

SCHEMA = 1
FILE = f"{OWN_DIRECTORY}/carried.json"

# everything: what people put there. files: not the distributions that they installed. nothing: `--pristine`.
Extent = Literal["everything", "files", "nothing"]


class Distribution(NamedTuple):
    """A Python distribution that is in no lock; its files are in the RECORD of `dist_info`."""

    name: str
    version: str
    dist_info: str


class Saved(NamedTuple):
    """A file that stands at `path` because the packages bring `original` themselves."""

    path: str
    original: str


class Left(NamedTuple):
    """What was not carried, `what` as people call it, and why. `is_lost` is False for what nobody would miss."""

    what: str
    reason: str
    is_lost: bool = True


class Carried(NamedTuple):
    """What was carried into a generation; paths are relative to the prefix, sorted.

    `files` are those of no distribution, links and saved ones included. `moved` are large ones among them that the
    old generation has no more, because they could only have been copied. `size` is that of all files, in bytes.
    """

    extent: Extent = "everything"
    distributions: tuple[Distribution, ...] = ()
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    saved: tuple[Saved, ...] = ()
    moved: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.distributions or self.files or self.directories or self.left)

    def to_json(self) -> bytes:
        """Return the bytes of the file."""
        document = {
            "schema": SCHEMA,
            **self._asdict(),
            "distributions": [each._asdict() for each in self.distributions],
            "saved": [each._asdict() for each in self.saved],
            "left": [each._asdict() for each in self.left],
        }
        return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"

    def write(self, tree: Path) -> None:
        """Put the manifest into a tree, atomically, or take it out where there is nothing to say; raises OSError."""
        path = tree / FILE
        if self == Carried():
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.write_bytes(self.to_json())
        os.replace(unfinished, path)


def read(tree: Path | str) -> Carried:
    """Return the manifest of a tree; an absent or unreadable one says that nothing was carried."""
    try:
        with open(os.path.join(tree, FILE), "rb") as file:
            document: Any = json.loads(file.read())
        if document["schema"] != SCHEMA or document["extent"] not in get_args(Extent):
            return Carried()
        return Carried(
            extent=document["extent"],
            distributions=tuple(Distribution(**each) for each in document["distributions"]),
            files=_texts(document["files"]),
            directories=_texts(document["directories"]),
            saved=tuple(Saved(**each) for each in document["saved"]),
            moved=_texts(document["moved"]),
            left=tuple(Left(**each) for each in document["left"]),
            size=int(document["size"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Carried()


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("expected a list of texts")
    return tuple(value)
