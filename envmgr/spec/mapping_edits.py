"""One key of a YAML file of keys and values set or taken out: comments, order and every other byte stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from envmgr.spec import line_edits
from envmgr.spec.faults import SpecFault
from envmgr.spec.line_edits import spliced
from envmgr.spec.marked_yaml import MarkedNode, Position, compose


def with_key(text: str, key: str, value: Any) -> str:
    """Return `text` with `key` having `value` (plain data), in its place or at the end.

    Raises SpecFault where the file is written in a way that cannot be edited by lines.
    """
    root = compose(text)
    found = root.get(key) if root is not None else None
    written = _written({key: value}).rstrip("\n")
    if found is None:
        separator = "" if not text or text.endswith("\n") else "\n"
        edited = f"{text}{separator}{written}\n"
    else:
        name, old = found
        edited = spliced(text, name.start, _end(old, name), written)
    return _checked(edited, {**_read(text), key: value})


def with_list(text: str, key: str, items: Sequence[str]) -> str:
    """Return `text` with `key` having a list, by lines where items only come and go at its ends; raises as `with_key`.

    Comments between the items that stay are kept then.
    """
    try:
        edited = _by_items(text, key, items)
        if edited is not None:
            return _checked(edited, {**_read(text), key: list(items)})
    except SpecFault:
        pass  # written in a way that only a new list can take the place of
    return with_key(text, key, list(items))


def with_entries(text: str, key: str, entries: Mapping[str, Any]) -> str:
    """Return `text` with more entries at the beginning of the block mapping that `key` has; raises as `with_key`."""
    root = compose(text)
    found = root.get(key) if root is not None else None
    if found is None or not found[1].children:
        return with_key(text, key, dict(entries))
    old = found[1]
    indentation = " " * old.start[1]
    written = "".join(f"{indentation}{line}\n" for line in _written(entries).splitlines())
    edited = spliced(text, (old.start[0], 0), (old.start[0], 0), written)
    before = _read(text)
    return _checked(edited, {**before, key: {**entries, **before[key]}})


def without_key(text: str, key: str) -> str:
    """Return `text` without `key`, its value, and what stands behind it on its last line; raises as `with_key` does."""
    root = compose(text)
    found = root.get(key) if root is not None else None
    if found is None:
        return text
    name, old = found
    edited = spliced(text, name.start, (_end(old, name)[0] + 1, 0), "")
    left = _read(text)
    del left[key]
    return _checked(edited, left)


def _written(entries: Mapping[str, Any]) -> str:
    """Return entries as YAML, with letters as letters unless one of them would be read as the end of a line."""
    text: str = yaml.safe_dump(dict(entries), sort_keys=False, allow_unicode=True, width=10**6)
    if _read(text) == dict(entries):
        return text
    escaped: str = yaml.safe_dump(dict(entries), sort_keys=False, width=10**6)
    return escaped


def _by_items(text: str, key: str, items: Sequence[str]) -> str | None:
    old = _read(text).get(key)
    if not isinstance(old, list) or not all(isinstance(each, str) for each in old) or len(set(old)) < len(old):
        return None
    kept = [each for each in items if each in old]
    at = items.index(kept[0]) if kept else 0
    if not kept or kept != [each for each in old if each in items] or list(items[at : at + len(kept)]) != kept:
        return None
    for gone in [each for each in old if each not in items]:
        parent = _list(text, key)
        text = line_edits.remove_item(text, parent, parent.children[_index(parent, gone)])
    for new in items[at + len(kept) :]:
        parent = _list(text, key)
        written = line_edits.scalar(new, is_in_flow=parent.is_flow)
        text = line_edits.add_item(text, parent, [written], after=parent.children[-1])
    for new in reversed(items[:at]):
        parent = _list(text, key)
        if parent.is_flow:
            return None
        text = line_edits.add_item(text, parent, [line_edits.scalar(new, is_in_flow=False)], after=None)
    return text


def _index(parent: MarkedNode, item: str) -> int:
    found = [index for index, node in enumerate(parent.children) if node.text == item]
    if len(found) != 1:
        raise SpecFault(f"`{item}` cannot be found in its list by lines", "edit it by hand")
    return found[0]


def _list(text: str, key: str) -> MarkedNode:
    root = compose(text)
    found = root.get(key) if root is not None else None
    if found is None or not found[1].children:
        raise SpecFault(f"`{key}` is no list that can be edited by lines", "edit it by hand")
    return found[1]


def _end(node: MarkedNode, name: MarkedNode) -> Position:
    """Return where a value really ends: a block collection ends with its last entry, not at the next token."""
    if node.is_empty:
        line, column = name.end
        return line, column + 1  # the colon
    while node.children and not node.is_flow:
        node = node.children[-1]
    return node.end


def _read(text: str) -> dict[str, Any]:
    document = yaml.safe_load(text)
    return dict(document) if isinstance(document, Mapping) else {}


def _checked(edited: str, meant: Mapping[str, Any]) -> str:
    """Return the edited text once it says what was meant, and only that."""
    try:
        is_right = _read(edited) == dict(meant)
    except yaml.YAMLError:
        is_right = False
    if not is_right:
        raise SpecFault("the file is written in a way that cannot be edited by lines", "edit it by hand")
    return edited
