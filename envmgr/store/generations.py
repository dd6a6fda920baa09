"""Generations: what one state of an environment was made of, kept in conda-meta/envmgr/generation.json.

Light: imported by `run`, `list` and the up-to-date check.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from envmgr.errors import StoreError
from envmgr.store.layout import OWN_DIRECTORY, Location

Switch = Literal["exchange", "symlink", "copy"]
SCHEMA = 1
FILE = f"{OWN_DIRECTORY}/generation.json"
SETTLED = f"{OWN_DIRECTORY}/settled-state"  # one byte: 1 when the tree is known to be on the disk
FOREIGN = f"{OWN_DIRECTORY}/foreign.json"


class Generation(NamedTuple):
    """One whole state of an environment.

    `created` is ISO 8601 in UTC; `command` the argv that made it, without credentials; the digests are those of
    the lock, of everything the command was given, and of the spec; `switch` is how it took its place; `boot_id`
    names the boot of the machine in which it was written; `previous` is the number that it replaced (0: an
    environment of another tool).
    """

    number: int
    created: str
    command: tuple[str, ...]
    prefix: str
    name: str | None
    lock_digest: str
    inputs_digest: str
    spec_digest: str
    switch: Switch
    boot_id: str
    previous: int | None = None

    def to_json(self) -> bytes:
        """Return the bytes of generation.json."""
        return json.dumps({"schema": SCHEMA, **self._asdict()}, indent=1, sort_keys=True).encode() + b"\n"


def current(prefix: Path) -> Generation | None:
    """Return the generation at `prefix`, None where there is none or another tool made the environment.

    Raises StoreError for a record that a newer envmgr wrote or that cannot be read.
    """
    return read(os.path.join(prefix, FILE))


def read(path: str) -> Generation | None:
    """Return the generation that a record at `path` tells of, None where there is none; raises as `current` does."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    return _parse(content, path)


def number(prefix: Path) -> int | None:
    """Return the number of the generation at `prefix`, None where there is none to be read."""
    try:
        present = current(prefix)
    except StoreError:
        return None
    return None if present is None else present.number


def kept(location: Location) -> tuple[Generation, ...]:
    """Return the generations kept beside the current one, oldest first (unreadable ones are left out)."""
    found = []
    for number in kept_numbers(location):
        try:
            generation = current(location.generations / str(number))
        except StoreError:
            continue
        if generation is not None and not is_current_tree(location, number):
            found.append(generation)
    return tuple(found)


def kept_numbers(location: Location) -> tuple[int, ...]:
    """Return the numbers of all trees below the generations directory, ascending, the current one included."""
    try:
        entries = os.listdir(location.generations)
    except OSError:
        return ()
    return tuple(sorted(int(entry) for entry in entries if entry.isascii() and entry.isdigit()))


def recorded_numbers(location: Location) -> tuple[int, ...]:
    """Return the numbers of the generations of which only lock and record are kept as files, ascending."""
    try:
        entries = os.listdir(location.generations)
    except OSError:
        return ()
    stems = (entry.removesuffix(".json") for entry in entries if entry.endswith(".json"))
    return tuple(sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit()))


def is_current(location: Location, inputs_digest: str) -> bool:
    """Whether the environment is whole and was made from exactly these inputs: the up-to-date check."""
    try:
        generation = current(location.prefix)
    except StoreError:
        return False
    return (
        generation is not None
        and generation.inputs_digest == inputs_digest
        and generation.prefix == str(location.prefix)
        and not is_suspect(location.prefix, generation)
        and os.path.isfile(location.prefix / "conda-meta/history")
    )


def is_settled(prefix: Path | str) -> bool:
    """Whether the generation at `prefix` is known to have reached the disk."""
    try:
        with open(os.path.join(prefix, SETTLED), "rb") as file:
            return file.read(1) == b"1"
    except OSError:
        return False


def is_suspect(prefix: Path, generation: Generation) -> bool:
    """Whether the machine restarted before the generation reached the disk, so that files may be lost."""
    return generation.boot_id != boot_id() and not is_settled(prefix)


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what tells this boot of the machine from every other one; empty where the system does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_current_tree(location: Location, number: int) -> bool:
    """Whether the prefix is a symlink to the tree `number`."""
    try:
        return os.path.samefile(location.generations / str(number), location.prefix)
    except OSError:
        return False


def _parse(content: bytes, path: str) -> Generation:
    try:
        document: dict[str, Any] = json.loads(content)
        schema = document.pop("schema")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(schema, int) or schema > SCHEMA:
        raise StoreError(
            f"{path} has schema {schema}; this envmgr knows {SCHEMA}",
            hint="upgrade envmgr: the environment was made by a newer one",
        )
    values: dict[str, Any] = {key: tuple(v) if type(v) is list else v for key, v in document.items()}
    try:
        generation = Generation(**values)
    except TypeError as error:
        raise _unreadable(path, str(error)) from error
    wrong = [key for key, value in generation._asdict().items() if not _is_sound(key, value)]
    if wrong:
        raise _unreadable(path, f"`{wrong[0]}` has a value of a wrong kind")
    return generation


def _is_sound(key: str, value: Any) -> bool:
    if key in ("number", "previous"):
        return (value is None and key == "previous") or (type(value) is int and value >= (key == "number"))
    if key == "command":
        return type(value) is tuple and all(type(each) is str for each in value)
    if key == "switch":
        return value in get_args(Switch)
    return type(value) is str or (value is None and key == "name")


def _unreadable(path: str, reason: str) -> StoreError:
    return StoreError(
        f"{path} is no record of a generation: {reason}",
        hint="remove the environment and create it again from its file",
    )
