"""A change of what was asked for that gives it a solution: tried, and written as the user would write it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from envmgr.platforms.accelerators import ACCELERATORS
from envmgr.solve.base import SolveRequest
from envmgr.spec.model import ASKED_FOR_IN, COMMAND_LINE, Dependency, Origin
from envmgr.urls import redact

_ANOTHER_MACHINE = 3  # as much as a package that is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A spec and what to write in its place; nothing where it is to go."""

    old: Dependency
    new: Dependency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Text in a file that is no spec, and what to write in its place; nothing where it is to go.

    `is_item`: it stands in a list.
    """

    where: Origin
    old: str
    new: str | None = None
    is_item: bool = False

    def __str__(self) -> str:
        old, new = redact(self.old), None if self.new is None else redact(self.new)
        if self.where == COMMAND_LINE:
            return f"without `{old}`" if new is None else f"`{shlex.quote(new)}` instead of `{old}`"
        mark = _mark(self.where) if self.is_item else ""
        if new is None:
            return f"{self.where}: remove `{mark}{old}`"
        return f"{self.where}: `{mark}{new}` instead of `{mark}{old}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replacements, specs that are added, changes and command-line arguments that together turn a request without a
    solution into `request`."""

    request: SolveRequest = field(repr=False)
    replacements: tuple[Replacement, ...] = ()
    additions: tuple[Dependency, ...] = ()
    flags: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def is_for_another_machine(self) -> bool:
        """Whether what solves will not run here: an accelerator may be on another node, another libc seldom is."""
        offered = [flag for flag in self.flags if flag.startswith("__")]
        return any(flag.partition("=")[0] not in ACCELERATORS for flag in offered)

    @property
    def subject(self) -> tuple[frozenset[object], frozenset[str]]:
        """What it is an edit of, whatever it makes of it: specs by identity, and places or flags."""
        names = {flag for flag in self.flags if flag.startswith("-")} | {str(each.where) for each in self.changes}
        placed = (each.new.channel if each.new is not None else each.old.channel for each in self.replacements)
        olds = (id(each.old) for each in self.replacements)
        return frozenset(zip(olds, placed, strict=True)), frozenset(names)

    def rank(self, pins: Collection[int]) -> tuple[int, int, bool, str]:
        """Return what orders edits: how many things change, how much is lost, whether one of `pins` (their `id`)
        changes, which was decided once for all, and the text."""
        removed = sum(1 for each in self.replacements if each.new is None)
        flags = sum(1 for each in self.flags if each.startswith("-"))
        is_pin = any(id(each.old) in pins for each in self.replacements)
        size = len(self.replacements) + len(self.additions) + len(self.changes) + flags
        if self.is_for_another_machine:
            size += _ANOTHER_MACHINE
        return size + 2 * removed, removed, is_pin, str(self)

    def is_part_of(self, other: Edit) -> bool:
        """Whether the other edit changes everything that this one changes, and more."""
        return self._everything < other._everything

    @property
    def _everything(self) -> frozenset[object]:
        replaced = {(id(each.old), each.new is None) for each in self.replacements}
        return frozenset((*replaced, *self.additions, *self.flags, *self.changes))

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `edits` that `--json` shows."""
        return {
            "remove": [redact(each.old.text) for each in self.replacements],
            "add": [redact(each.text) for each in (*(each.new for each in self.replacements), *self.additions) if each],
            "flags": [redact(flag) for flag in self.flags],
        } | ({"changes": [_as_json(each) for each in self.changes]} if self.changes else {})

    def __str__(self) -> str:
        texts = [*map(_replacement, self.replacements), *map(str, self.changes)]
        if self.additions:
            texts.append(" and ".join(map(_addition, self.additions)))
        if self.flags:
            whose = ", to solve for a machine that has it" if "--virtual-package" in self.flags else ""
            texts.append(f"`{redact(shlex.join(self.flags))}` on the command line{whose}")
        return ", and ".join(texts)


def replaced(request: SolveRequest, replacements: Sequence[Replacement]) -> SolveRequest:
    """Return the request with the replacements made where the old specs stand."""
    new = {id(each.old): each.new for each in replacements}

    def edited(specs: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        chosen = (new.get(id(spec), spec) for spec in specs)
        return tuple(spec for spec in chosen if spec is not None)

    return replace(request, specs=edited(request.specs), constraints=edited(request.constraints))


def _as_json(change: Change) -> dict[str, str | None]:
    new = None if change.new is None else redact(change.new)
    return {"where": str(change.where), "remove": redact(change.old), "add": new}


def _addition(spec: Dependency) -> str:
    text = redact(spec.text)
    if spec.origin == COMMAND_LINE:
        return f"`{shlex.quote(text)}` among the specs of the command line"
    return f"add `{_mark(spec.origin)}{text}` to dependencies"


def _mark(where: Origin) -> str:
    """Return what stands before an item of a list there."""
    return "- " if where.source.endswith((".yml", ".yaml", "-")) or "://" in where.source else ""


def _replacement(change: Replacement) -> str:
    old, new = redact(change.old.text), None if change.new is None else redact(change.new.text)
    where = change.old.origin
    if where == COMMAND_LINE:
        return f"without `{old}`" if new is None else f"`{shlex.quote(new)}` instead of `{old}`"
    if where.source.startswith(ASKED_FOR_IN):  # of an environment that is changed: there is no line to edit
        instead = f"in place of `{old}`, {where}"
        return f"without `{old}`, {where}" if new is None else f"`{shlex.quote(new)}` on the command line, {instead}"
    mark = _mark(where) if where.line is not None else ""
    return f"{where}: remove `{mark}{old}`" if new is None else f"{where}: `{mark}{new}` instead of `{mark}{old}`"
