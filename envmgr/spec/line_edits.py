"""Single edits of YAML text: replace a scalar, take an item out of a list, add one; every other byte stays.

Each takes the text and nodes composed from it, and returns the new text. What is written in a way that cannot be
edited by line (aliases, values over several lines) raises SpecFault.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.marked_yaml import MarkedNode, Position

_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_BULLET = re.compile(r"[ ]*-[ ]+")


def replace_scalar(text: str, node: MarkedNode, value: str, *, is_in_flow: bool) -> str:
    """Return `text` with another value in the place of a scalar, in the same quotes where it has any."""
    _check_plain(node)
    return spliced(text, node.start, node.end, scalar(value, style=node.style, is_in_flow=is_in_flow))


def remove_item(text: str, parent: MarkedNode, item: MarkedNode) -> str:
    """Return `text` without one item of a list: without its line, or, in a flow list, without it and its comma."""
    if parent.is_flow:
        return _without_flow_item(text, parent, item)
    _check_plain(item)
    line = item.start[0]
    lines = _lines(text)
    if not _BULLET.fullmatch(lines[line][: item.start[1]]):
        raise _by_hand(item)
    return "".join((*lines[:line], *lines[line + 1 :]))


def add_item(text: str, parent: MarkedNode, written: Sequence[str], *, after: MarkedNode | None) -> str:
    """Return `text` with one more item in a list that is not empty, behind the item `after` or before all others.

    `written` are its lines: in a block list the first follows the bullet, the others are indented as deep; in a
    flow list there is one.
    """
    if parent.is_flow:
        last = parent.children[-1] if parent.children else None
        at = last.end if last is not None else (parent.start[0], parent.start[1] + 1)
        return spliced(text, at, at, (", " if last is not None else "") + " ".join(written))
    neighbour = after or parent.children[0]
    lines = _lines(text)
    bullet = lines[neighbour.start[0]][: neighbour.start[1]]
    end = (neighbour.children or [neighbour])[-1].end  # that of a block mapping is where the next token begins
    if not _BULLET.fullmatch(bullet) or (after is not None and after.start[0] != end[0]):
        raise _by_hand(neighbour)
    line = neighbour.start[0] + (after is not None)
    return _with_lines(lines, line, [bullet + written[0], *(" " * len(bullet) + line for line in written[1:])])


def add_below(text: str, key: MarkedNode, written: Sequence[str]) -> str:
    """Return `text` with a block list of one item as the value of a key that has none."""
    indentation = " " * (key.start[1] + 2)
    added = [f"{indentation}- {written[0]}", *(f"{indentation}  {line}" for line in written[1:])]
    return _with_lines(_lines(text), key.start[0] + 1, added)


def add_key(text: str, before: MarkedNode, key: str, items: Sequence[str]) -> str:
    """Return `text` with a key and its block list before another key of the same mapping."""
    if before.start[1]:
        raise _by_hand(before)
    return _with_lines(_lines(text), before.start[0], [f"{key}:", *(f"  - {item}" for item in items)])


def write_empty_list(text: str, key: MarkedNode) -> str:
    """Return `text` with `[]` as the value of a key that has none."""
    line = _lines(text)[key.end[0]]
    colon = line.find(":", key.end[1])
    if colon < 0:
        raise _by_hand(key)
    at = (key.end[0], colon + 1)
    return spliced(text, at, at, " []")


def spliced(text: str, start: Position, end: Position, written: str) -> str:
    """Return `text` with `written` in the place of what stands from `start` to `end`."""
    return text[: _offset(text, start)] + written + text[_offset(text, end) :]


def scalar(value: str, *, style: str = "", is_in_flow: bool) -> str:
    """Return how a text is written in YAML: in the quotes of `style`, or in none where every reader takes it as text.

    Raises SpecFault for one that does not fit on a line.
    """
    single = "'" + value.replace("'", "''") + "'"
    double = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    bare: tuple[str, ...] = () if "#" in value else (value,)  # it may be taken for a selector
    spellings: dict[str, tuple[str, ...]] = {"'": (single,), '"': (double, single)}
    for written in spellings.get(style, (*bare, single, double)):
        document = f"[{written}]" if is_in_flow else f"- {written}"
        try:
            if yaml.safe_load(document) == [value]:
                return written
        except yaml.YAMLError:
            continue
    raise SpecFault(f"{shown(value)} cannot be written on one line of YAML", "edit the file by hand")


def _without_flow_item(text: str, parent: MarkedNode, item: MarkedNode) -> str:
    start, end = _offset(text, item.start), _offset(text, item.end)
    following = re.match(r"[ \t]*,[ \t]*", text[end:])
    preceding = re.search(r",\s*$", text[:start])
    if item.is_named:
        raise _by_hand(item)
    if following and (item is not parent.children[-1] or not preceding):
        end += following.end()
    elif preceding:
        start = preceding.start()
    elif len(parent.children) > 1:
        raise _by_hand(item)
    before, after = text[:start], text[end:]
    line_start = re.search(r"(?:^|[\n\r])[ \t]*$", before)
    line_end = re.match(r"[ \t]*(?:\r\n|[\r\n])", after)
    if line_start and line_end:  # nothing else stood on the line
        before = before[: len(before) - len(before[line_start.start() :].lstrip("\r\n"))]
        after = after[line_end.end() :]
    return before + after


def _check_plain(node: MarkedNode) -> None:
    inner = [node, *node.children]
    if any(each.is_named or each.start[0] != each.end[0] for each in inner if each.kind in ("scalar", "alias")):
        raise _by_hand(node)


def _by_hand(node: MarkedNode) -> SpecFault:
    return SpecFault(
        f"line {node.start[0] + 1} is written in a way that --save cannot edit (an alias, a value over several lines)",
        "edit the file by hand, and: envmgr create -f FILE",
    )


def _lines(text: str) -> list[str]:
    """Return the lines of `text` with their ends, as YAML counts them."""
    lines, start = [], 0
    for match in _LINE_END.finditer(text):
        lines.append(text[start : match.end()])
        start = match.end()
    return [*lines, text[start:]] if start < len(text) else lines


def _with_lines(lines: list[str], at: int, added: Sequence[str]) -> str:
    found = _LINE_END.search(lines[0])
    end = found[0] if found else "\n"
    head = list(lines[:at])
    if head and not _LINE_END.search(head[-1]):
        head[-1] += end
    return "".join((*head, *(line + end for line in added), *lines[at:]))


def _offset(text: str, position: Position) -> int:
    line, column = position
    return sum(len(each) for each in _lines(text)[:line]) + column
