"""A change of what was asked for that gives it a solution: tried, and written as the user would write it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from envmgr.solve.base import SolveRequest
from envmgr.spec.model import COMMAND_LINE, Dependency
from envmgr.urls import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A spec and what to write in its place; nothing where it is to go."""

    old: Dependency
    new: Dependency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Text in a file that is no spec, and what to write in its place; nothing where it is to go."""

    where: str
    old: str
    new: str | None = None

    def __str__(self) -> str:
        old = redact(self.old)
        return f"{self.where}: remove `{old}`" if self.new is None else f"{self.where}: `{self.new}` instead of `{old}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replacements, changes and command-line arguments that together turn a request without a solution into
    `request`."""

    request: SolveRequest
    replacements: tuple[Replacement, ...] = ()
    flags: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def subject(self) -> tuple[frozenset[int], frozenset[str]]:
        """What it is an edit of, whatever it makes of it: specs by identity, and places or flags."""
        names = {flag for flag in self.flags if flag.startswith("-")} | {each.where for each in self.changes}
        return frozenset(id(each.old) for each in self.replacements), frozenset(names)

    def rank(self, pins: Collection[int]) -> tuple[int, int, bool, str]:
        """Return what orders edits: how many things change, how much is lost, whether one of `pins` (their `id`)
        changes, which was decided once for all, and the text."""
        removed = sum(1 for each in self.replacements if each.new is None)
        flags = sum(1 for each in self.flags if each.startswith("-"))
        is_pin = any(id(each.old) in pins for each in self.replacements)
        return len(self.replacements) + len(self.changes) + flags + 2 * removed, removed, is_pin, str(self)

    def is_part_of(self, other: Edit) -> bool:
        """Whether the other edit changes everything that this one changes, and more."""
        return self._everything < other._everything

    @property
    def _everything(self) -> frozenset[object]:
        replaced = {(id(each.old), each.new is None) for each in self.replacements}
        return frozenset((*replaced, *self.flags, *self.changes))

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `edits` that `--json` shows."""
        return {
            "remove": [redact(each.old.text) for each in self.replacements],
            "add": [redact(each.new.text) for each in self.replacements if each.new is not None],
            "flags": [redact(flag) for flag in self.flags],
        } | ({"changes": [_as_json(each) for each in self.changes]} if self.changes else {})

    def __str__(self) -> str:
        texts = [*map(_replacement, self.replacements), *map(str, self.changes)]
        if self.flags:
            texts.append(f"`{redact(shlex.join(self.flags))}` on the command line")
        return ", and ".join(texts)


def replaced(request: SolveRequest, replacements: Sequence[Replacement]) -> SolveRequest:
    """Return the request with the replacements made where the old specs stand."""
    new = {id(each.old): each.new for each in replacements}

    def edited(specs: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        chosen = (new.get(id(spec), spec) for spec in specs)
        return tuple(spec for spec in chosen if spec is not None)

    return replace(request, specs=edited(request.specs), constraints=edited(request.constraints))


def _as_json(change: Change) -> dict[str, str | None]:
    return {"where": change.where, "remove": redact(change.old), "add": change.new}


def _replacement(change: Replacement) -> str:
    old, new = redact(change.old.text), None if change.new is None else redact(change.new.text)
    where = change.old.origin
    if where == COMMAND_LINE:
        return f"without `{old}`" if new is None else f"`{shlex.quote(new)}` instead of `{old}`"
    if where.line is not None:
        return f"{where}: remove `- {old}`" if new is None else f"{where}: `- {new}` instead of `- {old}`"
    return f"{where}: remove `{old}`" if new is None else f"{where}: `{new}` instead of `{old}`"
