"""YAML text as nodes that know their line, within bounds that no hostile file can exceed.

Built from the parser's events instead of PyYAML's constructors: a scalar is the text that was written (`3.10`
stays `3.10`, `yes` stays `yes`), no tag constructs anything, and nesting, size and aliases are bounded while
reading. YAML 1.1, one document, no merge keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from envmgr.spec.faults import Faults, shown

if TYPE_CHECKING:  # start-up time: it is imported where there is YAML to read
    import yaml

MAXIMUM_DEPTH = 32
MAXIMUM_NODES = 200_000
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_NULL_TEXTS = frozenset({"", "~", "null", "Null", "NULL"})
_KEY_MEND = "quote what is text; if the file is a template, render it first"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A text as written, without its quotes; `plain` when it had none. `size` counts nodes, aliases expanded."""

    text: str
    plain: bool
    line: int
    size: int = 1

    @property
    def is_null(self) -> bool:
        """Whether YAML reads the plain text as nothing."""
        return self.plain and self.text in _NULL_TEXTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNode:
    """A YAML sequence."""

    items: tuple[Node, ...]
    line: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """A YAML mapping with scalar keys, each once, in the order of the file."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    line: int
    size: int

    def get(self, key: str) -> Node | None:
        """Return the value of `key`, or None where there is no such key."""
        return next((value for name, value in self.entries if name.text == key), None)


Node: TypeAlias = ScalarNode | ListNode | MappingNode


class _TooMuch(Exception):
    """Reading stops here; the fault has been recorded."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    is_mapping: bool
    anchor: str | None
    line: int
    children: list[Node]


def kind_of(node: Node) -> str:
    """Return what a node is, in the words of an error message."""
    if isinstance(node, ScalarNode):
        return "nothing" if node.is_null else shown(node.text)
    return "a list" if isinstance(node, ListNode) else "keys and values"


def compose(text: str, faults: Faults) -> Node | None:
    """Return the root node of one YAML document, or None for an empty one or one that cannot be read.

    What is wrong is added to `faults`; nothing is raised.
    """
    import yaml  # start-up time

    composer = _Composer(faults)
    try:
        text.encode("utf-8")
        for event in _events(text):
            composer.take(event)
    except _TooMuch:
        return None
    except UnicodeEncodeError:
        faults.add(None, "the text is not Unicode that can be encoded as UTF-8", "save the file as UTF-8")
        return None
    except yaml.YAMLError as error:
        _add_yaml_error(error, text, faults)
        return None
    return composer.root


def _events(text: str) -> Iterator[Any]:
    import yaml  # start-up time

    yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _Composer:
    """Builds nodes from events with a stack of its own, so that depth costs no recursion."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.root: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0

    def take(self, event: Any) -> None:
        """Take the next event of the parser; raises _TooMuch where reading must stop."""
        import yaml  # start-up time

        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event, line)
            self._add(ScalarNode(text=event.value, plain=event.style in (None, ""), line=line), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add_alias(str(event.anchor), line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check_tag(event, line)
            if len(self.open) >= MAXIMUM_DEPTH:
                self._stop(line, f"lists and keys are nested more than {MAXIMUM_DEPTH} deep")
            if event.anchor:
                self.anchors[event.anchor] = None
            self.open.append(
                _Open(is_mapping=isinstance(event, yaml.MappingStartEvent), anchor=event.anchor, line=line, children=[])
            )
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self.open.pop()
            self._add(self._closed(closed), closed.anchor)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._stop(line, "a second YAML document begins here; expected one", "keep one document in the file")

    def _add(self, node: Node, anchor: str | None) -> None:
        self.nodes += 1 if isinstance(node, ScalarNode) else 0
        if max(self.nodes, node.size) > MAXIMUM_NODES:
            self._stop(node.line, f"the file has more than {MAXIMUM_NODES:,} values (aliases expanded)")
        if anchor:
            self.anchors[anchor] = node
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node

    def _add_alias(self, name: str, line: int) -> None:
        if name not in self.anchors:
            self._stop(line, f"`*{name}` is an alias of YAML, and no `&{name}` stands before it", "quote the value")
        node = self.anchors[name]
        if node is None:
            self._stop(line, f"`*{name}` stands inside of `&{name}`: it would contain itself")
        else:
            self.nodes += node.size
            self._add(node, None)

    def _closed(self, closed: _Open) -> Node:
        size = 1 + sum(child.size for child in closed.children)
        if not closed.is_mapping:
            return ListNode(items=tuple(closed.children), line=closed.line, size=size)
        entries: list[tuple[ScalarNode, Node]] = []
        lines: dict[str, int] = {}
        for key, value in zip(closed.children[::2], closed.children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self.faults.add(key.line, f"expected a text as key, found {kind_of(key)}", _KEY_MEND)
            elif key.plain and key.text == "<<":
                self.faults.add(key.line, "`<<` (a YAML merge key) is not read", "write the merged keys out")
            elif key.text in lines:
                first = f"it stands in line {lines[key.text]} already"
                self.faults.add(key.line, f"duplicate key {shown(key.text)}", f"remove one of them: {first}")
            else:
                lines[key.text] = key.line
                entries.append((key, value))
        return MappingNode(entries=tuple(entries), line=closed.line, size=size)

    def _check_tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!") and event.tag not in _CORE_TAGS:
            self.faults.add(line, f"the YAML tag {shown(str(event.tag))} is not read", "remove the tag")

    def _stop(self, line: int, message: str, mend: str | None = None) -> None:
        self.faults.add(line, message, mend)
        raise _TooMuch


def _add_yaml_error(error: yaml.YAMLError, text: str, faults: Faults) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "quoted scalar" in (getattr(error, "context", None) or ""):
        mark = error.context_mark  # type: ignore[attr-defined] # where the quotes open, not where the file ends
        problem = "the quotes are not closed"
    line = mark.line + 1 if mark is not None else None
    if line is None:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
    if "{{" in text or "{%" in text:
        faults.found.clear()  # a template's braces look like mappings; what they broke is the one fault
    lines = text.splitlines()
    written = lines[line - 1] if line is not None and line <= len(lines) else ""
    faults.add(
        line,
        f"not YAML: {problem}",
        _mend(written, str(problem), text, written[mark.column :] if mark is not None else ""),
    )


def _mend(written: str, problem: str, text: str, rest: str) -> str | None:
    """Return the mend of the usual mistakes, judged by the line, its `rest` after the fault and the parser's words."""
    indentation = written[: len(written) - len(written.lstrip())]
    begins_with_a_sign = {rest[:1], written.lstrip("- ")[:1]} & set("@`%*&!|>[]{}")
    cases = (
        ("{{" in text or "{%" in text, "the file is a template: render it first, and read the result"),
        ("\t" in indentation, "indent with spaces instead of tabs"),
        ("cannot start any token" in problem and "\t" in written, "write spaces instead of tabs"),
        ("mapping values are not allowed" in problem, "check the indentation, or quote a value that contains `: `"),
        ("quotes" in problem, "close them"),
        ("characters are not allowed" in problem, "save the file as UTF-8 text"),
        (bool(begins_with_a_sign), "quote the value"),
    )
    return next((mend for applies, mend in cases if applies), None)
