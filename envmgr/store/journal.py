"""What stands beside a tree that is being built, switched or deleted, so that the next process can finish.

A journal is written before its tree exists and removed after its tree is gone: no tree is without one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from envmgr.leases import process_tag, tag_is_dead
from envmgr.store.layout import Location

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# stage: the tree beside is being built, or holds what an exchange left there. replace: the old tree at the prefix
# is being moved away or deleted, the tree beside is whole and must take its place. delete: the tree is to go.
# remove: the whole environment is to go. erase: so it is, and the prefix is deleted where it stands.
# rename: it goes on elsewhere, and is to go here once it stands there; there is no tree beside.
Phase = Literal["stage", "replace", "delete", "remove", "erase", "rename"]
SCHEMA = 1
_SUFFIX = ".json"


def stand_ins_of(tree: Path) -> Path:
    """Return the directory beside a tree for stand-ins of artifacts, while it is linked."""
    return tree.with_name(f"{tree.name}.stand-ins")


class Journal(NamedTuple):
    """One piece of work: `path` is the journal file, `tree` the directory beside it.

    `prefix` is the environment concerned, `number` that of the generation in the tree, `replaces` that of the
    generation which it replaces (0: an environment of another tool; None: nothing), `takes` that of the kept
    generation whose tree it is to be (None: it is built anew). `target` and `kept` are the prefix and the directory of
    generations where a renamed environment goes on.
    """

    path: Path
    phase: Phase
    prefix: str
    number: int
    replaces: int | None = None
    takes: int | None = None
    target: str | None = None
    kept: str | None = None

    @property
    def tree(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(_SUFFIX))

    def write(self) -> Journal:
        """Write the file, atomically; raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "schema": SCHEMA,
            "phase": self.phase,
            "prefix": self.prefix,
            "number": self.number,
            "replaces": self.replaces,
            "takes": self.takes,
            "target": self.target,
            "kept": self.kept,
        }
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.write_text(json.dumps(document), encoding="utf-8")
        temporary.replace(self.path)
        return self

    def enter(self, phase: Phase) -> Journal:
        """Write the journal with another phase and return it; raises OSError."""
        return self._replace(phase=phase).write()

    def remove(self) -> None:
        """Remove the file: the work is finished and its tree is gone."""
        self.path.unlink(missing_ok=True)


def take(path: Path) -> int | None:
    """Return a descriptor that holds the journal at `path` for whoever removes its tree; None where another does.

    It is held until nobody has the descriptor open. Raises OSError where a file cannot be held here.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def begin(
    location: Location,
    phase: Phase,
    *,
    number: int,
    replaces: int | None = None,
    takes: int | None = None,
    target: Location | None = None,
) -> Journal:
    """Write a new journal for a tree of this environment and return it; the tree does not exist yet."""
    path = location.staging / f"{process_tag()}.{os.urandom(4).hex()}{_SUFFIX}"
    there = (str(target.prefix), str(target.generations)) if target is not None else (None, None)
    return Journal(path, phase, str(location.prefix), number, replaces, takes, *there).write()


def unfinished(location: Location) -> Iterator[Journal]:
    """Yield the journals of this environment that dead processes left; only for the holder of its lease."""
    for journal in everything(location.staging):
        if journal.prefix == str(location.prefix):
            yield journal


def everything(staging: Path) -> Iterator[Journal]:
    """Yield every readable journal of a staging directory; half written ones of dead processes are removed."""
    try:
        entries = sorted(os.listdir(staging))
    except OSError:
        return
    for entry in entries:
        path = staging / entry
        if entry.endswith(_SUFFIX) and not entry.startswith("."):
            journal = _read(path)
            if journal is not None:
                yield journal
        elif entry.startswith(".") and tag_is_dead(entry.strip(".").partition(_SUFFIX)[0].rpartition(".")[0]):
            with contextlib.suppress(OSError):
                path.unlink()


def _read(path: Path) -> Journal | None:
    try:
        document: Any = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA or document["phase"] not in get_args(Phase):
            return None
        more = (document.get(key) for key in ("takes", "target", "kept"))
        return Journal(path, document["phase"], document["prefix"], document["number"], document["replaces"], *more)
    except (OSError, ValueError, TypeError, KeyError):
        return None
