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
class Edit:
    """Replacements and command-line arguments that together turn a request without a solution into `request`."""

    request: SolveRequest
    replacements: tuple[Replacement, ...] = ()
    flags: tuple[str, ...] = ()

    def rank(self, pins: Collection[int]) -> tuple[int, int, bool, str]:
        """Return what orders edits: how many things change, how much is lost, whether one of `pins` (their `id`)
        changes, which was decided once for all, and the text."""
        removed = sum(1 for each in self.replacements if each.new is None)
        flags = sum(1 for each in self.flags if each.startswith("-"))
        is_pin = any(id(each.old) in pins for each in self.replacements)
        return len(self.replacements) + flags + 2 * removed, removed, is_pin, str(self)

    def is_part_of(self, other: Edit) -> bool:
        """Whether the other edit changes everything that this one changes, and more."""
        mine, others = ({(id(each.old), each.new is None) for each in edit.replacements} for edit in (self, other))
        return (mine, {*self.flags}) != (others, {*other.flags}) and mine <= others and {*self.flags} <= {*other.flags}

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `edits` that `--json` shows."""
        return {
            "remove": [redact(each.old.text) for each in self.replacements],
            "add": [redact(each.new.text) for each in self.replacements if each.new is not None],
            "flags": [redact(flag) for flag in self.flags],
        }

    def __str__(self) -> str:
        texts = [_replacement(each) for each in self.replacements]
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


def _replacement(change: Replacement) -> str:
    old, new = redact(change.old.text), None if change.new is None else redact(change.new.text)
    where = change.old.origin
    if where == COMMAND_LINE:
        return f"without `{old}`" if new is None else f"`{shlex.quote(new)}` instead of `{old}`"
    if where.line is not None:
        return f"{where}: remove `- {old}`" if new is None else f"{where}: `- {new}` instead of `- {old}`"
    return f"{where}: remove `{old}`" if new is None else f"{where}: `{new}` instead of `{old}`"
