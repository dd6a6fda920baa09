"""Packages that are pinned to one index: asked of that index alone, also where another package needs them.

uv knows the pin of a package only where it is asked for by name. So every pinned package is asked for at first, which
keeps the other indexes from being asked for it, and then only those that the answer needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from envmgr.errors import PipError
from envmgr.pypi.compilation import Graph, Question, graph
from envmgr.pypi.stubs import placeholder
from envmgr.pypi.uv import Uv, UvFailed


def settled(uv: Uv, question: Question, roots: Collection[str], *, directory: Path) -> Question:
    """Return `question` with the pinned packages that its answer needs; `roots` are the names that its lines ask for.

    What no index is to be asked for is bound to a wheel below `directory`. A question without an answer comes back in
    the form that says why.
    """
    names = sorted({pin.package for pin in uv.indexes.pins} - set(question.stubs))
    if not names:
        return question
    asked = replace(question, pinned=tuple(names))
    try:
        nodes = graph(uv, asked)
    except UvFailed:
        asked = _without_lacking(uv, asked, roots, directory)
        try:
            nodes = graph(uv, asked)
        except UvFailed:
            return asked  # has no answer, and says why without what is not needed
        needed = _reached(nodes, roots).intersection(asked.blocked)
        if needed:  # no answer either: with these pins
            blocked = {name: stub for name, stub in asked.blocked.items() if name not in needed}
            return replace(asked, pinned=tuple(sorted({*asked.pinned, *needed})), blocked=blocked)
    reached = _reached(nodes, roots)
    return replace(asked, pinned=tuple(name for name in asked.pinned if name in reached))


def check(question: Question, names: Iterable[str], uv: Uv) -> None:
    """Raise PipError where an answer has a pinned package that another index could have answered for."""
    strays = sorted({pin.package for pin in uv.indexes.pins} & set(names) - set(question.pinned) - set(question.stubs))
    if strays:
        raise PipError(
            f"{', '.join(strays)} would come from another index than pinned",
            hint=f"ask for {strays[0]} in the pip section as well",
        )


def _without_lacking(uv: Uv, asked: Question, roots: Collection[str], directory: Path) -> Question:
    """Block the pinned packages that their index cannot give, and that no line asks for: no other index is to be
    asked for them, and an answer that has one of them is none."""
    lacking = set()
    for name in asked.pinned:
        if name not in roots:
            try:
                graph(uv, replace(asked, requirements=(), stubs={}, locked=(), pinned=(name,)))
            except UvFailed:
                lacking.add(name)
    kept = tuple(name for name in asked.pinned if name not in lacking)
    return replace(asked, pinned=kept, blocked={name: placeholder(name, directory) for name in lacking})


def _reached(nodes: Graph, roots: Collection[str]) -> set[str]:
    """Return the names that `roots` lead to, themselves included."""
    children: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for parent in node.parents:
            children.setdefault(parent, []).append(name)
    reached, waiting = set(), [name for name in roots if name in nodes]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += children.get(name, ())
    return reached
