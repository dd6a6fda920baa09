"""Edits in the text of an environment file (CEP 24): comments, order, quotes and line ends stay, byte for byte.

Edited are the entries that count on one platform: lines that a selector takes away there are left alone, and a
selector of an edited line stays. The result is read again and must ask for exactly what was meant, or nothing is
returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from envmgr.errors import SpecError
from envmgr.spec import environment_file, line_edits, marked_yaml, match_specs, requirements, selectors
from envmgr.spec.digest import canonical_dependency, canonical_requirement, semantic_digest
from envmgr.spec.edits import Edits, apply
from envmgr.spec.faults import Fault, SpecFault, error_of
from envmgr.spec.marked_yaml import MarkedNode
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin, Requirement

_DEPENDENCIES, _CHANNELS, _PIP = "dependencies", "channels", "pip"


class Edited(NamedTuple):
    """The new text of an environment file, and what it asks for."""

    text: str
    spec: EnvironmentSpec


class _Entry(NamedTuple):
    """One spec or requirement of the file: its scalar, and the item that it is or is the value of."""

    name: str
    canonical: str
    node: MarkedNode
    item: MarkedNode
    parent: MarkedNode


def edited(text: str, edits: Edits, *, source: str, platform: str, load: Callable[[str], str] | None = None) -> Edited:
    """Return the environment file `text` with `edits` made, for `platform` (a subdir); `source` and `load` as in
    `environment_file.read`.

    Raises SpecError where the file is wrong, and where it is written in a way that cannot be edited by line.
    """
    before = environment_file.read(text, source=source, platform=platform, load=load)
    meant = apply(before, edits)
    editor = _Editor(text.removeprefix("\ufeff"), platform)
    try:
        editor.refuse_elsewhere(before, edits, source)
        for channel in edits.channels:
            if channel not in before.channels:
                editor.add_channel(channel)
        for name in dict.fromkeys(each.name for each in edits.dependencies):
            editor.put(_DEPENDENCIES, name, [each for each in edits.dependencies if each.name == name])
        for name in dict.fromkeys(each.name for each in edits.pip):
            editor.put(_PIP, name, [each for each in edits.pip if each.name == name])
        for name in sorted(edits.removed):
            editor.put(_DEPENDENCIES, name, [])
        for name in sorted(edits.removed_pip):
            editor.put(_PIP, name, [])
    except SpecFault as fault:
        raise error_of([Fault(origin=Origin(source=source), message=fault.message, mend=fault.mend)]) from fault
    result = text[: len(text) - len(text.removeprefix("\ufeff"))] + editor.text
    after = environment_file.read(result, source=source, platform=platform, load=load)
    if semantic_digest(after) != semantic_digest(meant):
        raise SpecError(
            f"{source} is written in a way that --save cannot edit",
            hint=f"edit it by hand, and: envmgr create -f {source}",
        )
    return Edited(result, after)


class _Editor:
    """The text on its way: composed anew after each edit, so that every position is true."""

    def __init__(self, text: str, platform: str) -> None:
        self.text = text
        self.platform = platform

    def refuse_elsewhere(self, spec: EnvironmentSpec, edits: Edits, source: str) -> None:
        """Raise SpecFault for what is asked for in a file that the pip section only names (`-r`)."""
        names = edits.removed_pip | {each.name for each in edits.pip}
        here = {entry.name for entry in self._entries(_PIP)}
        for requirement in spec.pip:
            if requirement.name in names and requirement.name not in here:
                raise SpecFault(
                    f"`{requirement.text}` stands in {requirement.origin}, and --save edits {source} alone",
                    f"edit {requirement.origin.source}, and: envmgr create -f {source}",
                )

    def add_channel(self, channel: str) -> None:
        """Add a channel behind the others."""
        root = self._compose(self.text)
        found = root.get(_CHANNELS)
        if found is not None:
            self._add(*found, [channel])
            return
        dependencies = root.get(_DEPENDENCIES)
        if dependencies is None or root.is_flow:
            raise SpecFault("there is no `channels:` to add to", f"write `channels: [{channel}]` into the file")
        item = line_edits.scalar(channel, is_in_flow=False)
        self.text = line_edits.add_key(self.text, dependencies[0], _CHANNELS, [item])

    def put(self, section: str, name: str, wanted: Sequence[Dependency | Requirement]) -> None:
        """Make `wanted` (none: nothing) the entries of that name; where they are already, nothing is touched."""
        entries = self._named(section, name)
        if {entry.canonical for entry in entries} == {_canonical(each) for each in wanted}:
            return
        for number in range(len(entries), len(wanted), -1):
            self._remove(self._named(section, name)[number - 1])
        for index, each in enumerate(wanted):
            current = self._named(section, name)
            if index < len(entries):
                entry = current[index]
                if entry.canonical != _canonical(each):
                    is_in_flow = entry.parent.is_flow or entry.item.is_flow
                    self.text = line_edits.replace_scalar(self.text, entry.node, each.text, is_in_flow=is_in_flow)
            elif section == _PIP:
                self._add_requirement(each.text)
            else:
                self._add(*self._key(self._compose(self.text)), [each.text])

    def _remove(self, entry: _Entry) -> None:
        self.text = line_edits.remove_item(self.text, entry.parent, entry.item)
        key, value = self._key(self._compose(self.text))
        for item in value.children:
            section = item.get(_PIP) if item.kind == "mapping" else None
            if section is not None and (section[1].is_empty or (section[1].is_flow and not section[1].children)):
                self.text = line_edits.remove_item(self.text, value, item)
                key, value = self._key(self._compose(self.text))
                break
        if value.is_empty:
            self.text = line_edits.write_empty_list(self.text, key)

    def _add_requirement(self, text: str) -> None:
        root = self._compose(self.text)
        key, value = self._key(root)
        section = next((found for item in value.children if (found := item.get(_PIP))), None)
        if section is not None:
            self._add(*section, [text])
        elif value.is_flow:
            written = line_edits.scalar(text, is_in_flow=True)
            self.text = line_edits.add_item(self.text, value, [f"{{pip: [{written}]}}"], after=None)
        else:
            written = line_edits.scalar(text, is_in_flow=False)
            self._add(key, value, ["pip:", f"  - {written}"], is_written=True)

    def _add(self, key: MarkedNode, value: MarkedNode, lines: Sequence[str], *, is_written: bool = False) -> None:
        """Add an item to the list `value` of `key`: behind its last text, which is before a pip section."""
        if not is_written:
            lines = [line_edits.scalar(line, is_in_flow=value.is_flow) for line in lines]
        if value.is_empty:
            self.text = line_edits.add_below(self.text, key, lines)
        elif value.kind != "list" or value.is_named:
            raise SpecFault(f"`{key.text}` is written in a way that --save cannot edit", "edit the file by hand")
        else:
            texts = [item for item in value.children if item.kind == "scalar" or _selected(item) is not None]
            self.text = line_edits.add_item(self.text, value, lines, after=texts[-1] if texts else None)

    def _named(self, section: str, name: str) -> list[_Entry]:
        return [entry for entry in self._entries(section) if entry.name == name]

    def _entries(self, section: str) -> Iterator[_Entry]:
        """Yield the entries that count on the platform, from a text in which the lines of other platforms are empty."""
        active, _ = selectors.apply_comments(self.text, self.platform)
        _, dependencies = self._key(self._compose(active))
        for item in dependencies.children:
            if item.kind == "mapping":
                yield from self._nested(section, item, dependencies)
            elif item.kind == "scalar" and section == _DEPENDENCIES:
                yield self._dependency(item, item, dependencies)

    def _nested(self, section: str, item: MarkedNode, parent: MarkedNode) -> Iterator[_Entry]:
        selected = _selected(item)
        if selected is not None and section == _DEPENDENCIES:
            if selectors.evaluate_key(item.children[0].text, self.platform):
                yield self._dependency(selected, item, parent)
        elif selected is None and section == _PIP:
            found = item.get(_PIP)
            for node in found[1].children if found else ():
                for line in node.text.splitlines():
                    text = requirements.without_comment(line)
                    if text and not requirements.is_option(text):
                        requirement = requirements.parse(text, Origin(source=""))
                        yield _Entry(requirement.name, canonical_requirement(requirement), node, node, found[1])  # type: ignore[index]

    def _dependency(self, node: MarkedNode, item: MarkedNode, parent: MarkedNode) -> _Entry:
        dependency, _ = match_specs.parse(node.text, Origin(source=""))
        return _Entry(dependency.name, canonical_dependency(dependency), node, item, parent)

    def _compose(self, text: str) -> MarkedNode:
        root = marked_yaml.compose(text)
        if root is None:
            raise SpecFault("the file is empty")
        return root

    def _key(self, root: MarkedNode) -> tuple[MarkedNode, MarkedNode]:
        found = root.get(_DEPENDENCIES)
        if found is None:
            raise SpecFault("there is no key `dependencies`", "write `dependencies: []`")
        return found


def _selected(item: MarkedNode) -> MarkedNode | None:
    """Return the value of a `sel(…): SPEC` item, None for anything else."""
    if item.kind == "mapping" and len(item.children) == 2 and item.children[0].text.startswith("sel("):
        return item.children[1]
    return None


def _canonical(asked: Dependency | Requirement) -> str:
    return canonical_dependency(asked) if isinstance(asked, Dependency) else canonical_requirement(asked)
