"""YAML text as nodes that know where they begin and end, for edits that leave every other byte as it is.

For text that `yaml_nodes.compose` has read already: its bounds hold here too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Position = tuple[int, int]
"""A line and a column, both from 0, in characters."""


@dataclass(slots=True, kw_only=True)
class MarkedNode:
    """A scalar (`text`), a list or a mapping (`children`, for a mapping keys and values by turns).

    `end` of a block list or mapping is where the next token begins. `is_named` is set for an alias, and for what
    has an anchor or a tag.
    """

    kind: str
    start: Position
    end: Position
    text: str = ""
    style: str = ""
    is_flow: bool = False
    is_named: bool = False
    children: list[MarkedNode] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is written where a value could be."""
        return self.kind == "scalar" and not self.style and self.start == self.end

    @property
    def pairs(self) -> list[tuple[MarkedNode, MarkedNode]]:
        """The keys and values of a mapping."""
        return list(zip(self.children[::2], self.children[1::2], strict=True)) if self.kind == "mapping" else []

    def get(self, key: str) -> tuple[MarkedNode, MarkedNode] | None:
        """Return the node of a key and that of its value, None where a mapping has no such key."""
        return next(((name, value) for name, value in self.pairs if name.text == key), None)


def compose(text: str) -> MarkedNode | None:
    """Return the root node, None for an empty document; raises yaml.YAMLError for what is not YAML."""
    root: MarkedNode | None = None
    parents: list[MarkedNode] = []
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            node = parents.pop()
            node.end = _position(event.end_mark)
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event)
        if parents:
            parents[-1].children.append(node)
        elif root is None:
            root = node
        if isinstance(event, yaml.CollectionStartEvent):
            parents.append(node)
    return root


def _node(event: Any) -> MarkedNode:
    kind = {yaml.ScalarEvent: "scalar", yaml.SequenceStartEvent: "list", yaml.MappingStartEvent: "mapping"}
    is_alias = isinstance(event, yaml.AliasEvent)
    return MarkedNode(
        kind=kind.get(type(event), "alias"),
        start=_position(event.start_mark),
        end=_position(event.end_mark),
        text=event.value if isinstance(event, yaml.ScalarEvent) else "",
        style=(event.style or "") if isinstance(event, yaml.ScalarEvent) else "",
        is_flow=bool(getattr(event, "flow_style", False)),
        is_named=is_alias or bool(event.anchor) or bool(event.tag),
    )


def _position(mark: Any) -> Position:
    return mark.line, mark.column
