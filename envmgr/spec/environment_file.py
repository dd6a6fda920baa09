"""environment.yml (CEP 24) into an EnvironmentSpec for one platform, with the line of every value.

A scalar is the text that was written: `python=3.10`, `name: 123` and `X: yes` are texts, never numbers or
booleans (so a variable `X: 010` is `010`). An empty value is absent; an empty variable is the empty string.

Deviations from CEP 24, on purpose: `defaults` is never added to the channels, with or without `nodefaults`; a
name that is reserved (`base`) is left out with a warning, so that such a file can be used under another name.
Other keys are warned of and ignored, other subsections of `dependencies` refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from envmgr.spec import match_specs, names, selectors
from envmgr.spec.faults import Faults, SpecFault, shown
from envmgr.spec.files import base_of, read_text
from envmgr.spec.merging import merge
from envmgr.spec.model import NO_OPTIONS, Dependency, EnvironmentSpec, Origin, Requirement
from envmgr.spec.peek import usable_name
from envmgr.spec.yaml_nodes import ListNode, MappingNode, Node, ScalarNode, compose, kind_of
from envmgr.urls import redact

__all__ = ["KEYS", "merge", "read"]

KEYS = ("name", "prefix", "channels", "dependencies", "variables", "platforms", "category", "host_profile", "gpu")
_EXPLICIT = re.compile(r"^@EXPLICIT\b", re.MULTILINE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read(
    text: str,
    *,
    source: str,
    platform: str,
    load: Callable[[str], str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> EnvironmentSpec:
    """Return what the environment file `text` asks for on `platform` (a subdir).

    `source` is the file as the user named it (a path, `-` or a URL): messages name it, and `-r` files are
    relative to it; `load` returns the text of such a file by path or URL (None: local files only), `environ` has the
    variables that its pip section may name. Raises one SpecError that names every fault with its line and its mend.
    """
    reader = _Reader(source, platform, load or _load_local, environ)
    spec = reader.read(text)
    reader.faults.raise_if_any()
    return spec


def _load_local(location: str) -> str:
    return read_text(location, offline=True)


class _Reader:
    """One reading of one file; faults and warnings gather here."""

    def __init__(
        self, source: str, platform: str, load: Callable[[str], str], environ: Mapping[str, str] | None
    ) -> None:
        self.location = source
        self.environ = environ
        self.source = "stdin" if source == "-" else redact(source)
        self.platform = platform
        self.faults = Faults(self.source)
        self.load = load
        self.warnings: list[tuple[int, str]] = []
        self.pip_options = NO_OPTIONS
        self.pip_constraints: list[Requirement] = []

    def read(self, text: str) -> EnvironmentSpec:
        text = text.removeprefix("\ufeff")
        if _EXPLICIT.search(text):
            self.faults.add(None, "this is an explicit file (CEP 23); expected an environment file (CEP 24)")
            return EnvironmentSpec()
        text, warnings = selectors.apply_comments(text, self.platform)
        self.warnings.extend(warnings)
        root = compose(text, self.faults)
        if self.faults.found and root is None:
            return EnvironmentSpec()
        if not isinstance(root, MappingNode):
            self._add_not_an_environment(root, text)
            return EnvironmentSpec()
        self._check_keys(root)
        dependencies, pip = self._dependencies(root)
        return EnvironmentSpec(
            name=self._name(root),
            prefix=self._text(root, "prefix"),
            channels=self._channels(root.get("channels")),
            dependencies=dependencies,
            pip=pip,
            pip_options=self.pip_options,
            pip_constraints=tuple(self.pip_constraints),
            pip_base=base_of(self.location),
            variables=self._variables(root.get("variables")),
            platforms=self._platforms(root.get("platforms")),
            category=self._text(root, "category") or "main",
            host_profile=self._text(root, "host_profile"),
            gpu=self._gpu(root),
            sources=(self.source,),
            warnings=tuple(f"{self.source}:{line}: {warning}" for line, warning in sorted(self.warnings)),
        )

    def _add_not_an_environment(self, root: Node | None, text: str) -> None:
        if root is None or (isinstance(root, ScalarNode) and root.is_null):
            self.faults.add(None, "the file is empty", "write at least `dependencies:` and a list of packages")
        else:
            found = "one text" if isinstance(root, ScalarNode) else kind_of(root)
            self.faults.add(
                root.line,
                f"expected keys such as `dependencies:`, found {found}",
                "write `dependencies:` above the list",
            )

    def _check_keys(self, root: MappingNode) -> None:
        keys = {key.text for key, _ in root.entries}
        if "metadata" in keys and "dependencies" not in keys:
            self.faults.add(None, "this is a conda-lock file; expected an environment file (CEP 24)")
            return
        for key, _ in root.entries:
            if key.text not in KEYS:
                near = difflib.get_close_matches(key.text, KEYS, n=1)
                guess = f"; did you mean `{near[0]}`?" if near else ""
                self.warnings.append((key.line, f"the key {shown(key.text)} is unknown and ignored{guess}"))
        if "dependencies" not in keys:
            near = difflib.get_close_matches("dependencies", [key.text for key, _ in root.entries], n=1)
            hint = f"did you mean it by `{near[0]}`?" if near else "write `dependencies: []` for an empty environment"
            self.faults.add(None, "there is no key `dependencies`", hint)

    def _name(self, root: MappingNode) -> str | None:
        written = self._text(root, "name")
        if not written:
            return None
        line = getattr(root.get("name"), "line", root.line)
        name = usable_name(written)
        if name is None:
            self.warnings.append((line, f"the name {shown(written)} is reserved and not used; give one with `-n NAME`"))
            return None
        if name != written:
            self.warnings.append((line, f"the name {shown(written)} is a path; its last part `{name}` is the name"))
        try:
            names.check_name(name)
        except SpecFault as fault:
            self.faults.add_fault(line, fault)
        return name

    def _gpu(self, root: MappingNode) -> str:
        value = self._text(root, "gpu")
        if value not in (None, "required"):
            line = getattr(root.get("gpu"), "line", root.line)
            self.faults.add(
                line, f"gpu: expected `required`, found {shown(value)}", "write `gpu: required`, or nothing"
            )
        return value or ""

    def _text(self, root: MappingNode, key: str) -> str | None:
        node = root.get(key)
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            return None
        if isinstance(node, ScalarNode):
            return node.text
        self.faults.add(node.line, f"`{key}`: expected a text, found {kind_of(node)}", f"write `{key}: TEXT`")
        return None

    def _texts(self, node: Node | None, key: str, example: str) -> Iterator[ScalarNode]:
        """Yield the texts of a list, and record a fault for everything else."""
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            return
        if not isinstance(node, ListNode):
            written = node.text if isinstance(node, ScalarNode) else example
            last = key.rpartition(".")[2]
            mend = f"write `{last}: [{written}]`" if redact(written) == written else f"write a list below `{last}:`"
            self.faults.add(node.line, f"`{key}`: expected a list, found {kind_of(node)}", mend)
            return
        for index, item in enumerate(node.items):
            if isinstance(item, ScalarNode) and not item.is_null and item.text.strip():
                yield item
            else:
                self.faults.add(
                    item.line, f"{key}[{index}]: expected a text, found {kind_of(item)}", f"write `- {example}`"
                )

    def _channels(self, node: Node | None) -> tuple[str, ...]:
        found: list[str] = []
        for item in self._texts(node, "channels", "conda-forge"):
            channel = item.text.strip()
            if not channel.isprintable():
                self.faults.add(item.line, f"the channel {shown(channel)} is not one line", "write one channel a line")
            if redact(channel) != channel and "${" not in channel:
                message = f"the channel {shown(channel)} has credentials that everybody who has this file can read"
                self.warnings.append((item.line, f"{message}; write `${{VARIABLE}}` in their place"))
            if channel != "nodefaults" and channel not in found:
                found.append(channel)
        return tuple(found)

    def _platforms(self, node: Node | None) -> tuple[str, ...]:
        found: list[str] = []
        known = selectors.known_platforms()
        for item in self._texts(node, "platforms", "linux-64"):
            near = difflib.get_close_matches(item.text, known, n=1)
            if item.text == "noarch":
                self.faults.add(item.line, "`noarch` is no platform that can be installed for", "remove it")
            elif item.text not in known:
                mend = f"write `{near[0]}`" if near else f"use one of {', '.join(known)}"
                self.faults.add(item.line, f"the platform {shown(item.text)} is unknown", mend)
            elif item.text not in found:
                found.append(item.text)
        return tuple(found)

    def _variables(self, node: Node | None) -> tuple[tuple[str, str], ...]:
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            return ()
        if not isinstance(node, MappingNode):
            self.faults.add(
                node.line, f"`variables`: expected keys and values, found {kind_of(node)}", "write `NAME: value` lines"
            )
            return ()
        found: list[tuple[str, str]] = []
        for key, value in node.entries:
            if not _VARIABLE.fullmatch(key.text):
                mend = "use letters, digits and `_`, not beginning with a digit"
                self.faults.add(key.line, f"variables: {shown(key.text)} is no name of an environment variable", mend)
            elif not isinstance(value, ScalarNode):
                mend = f'write `{key.text}: "text"`'
                self.faults.add(value.line, f"variables.{key.text}: expected a text, found {kind_of(value)}", mend)
            elif "\x00" in value.text:
                self.faults.add(value.line, f"variables.{key.text}: a variable cannot hold NUL", "remove the `\\0`")
            else:
                found.append((key.text, "" if value.is_null else value.text))
        return tuple(found)

    def _dependencies(self, root: MappingNode) -> tuple[tuple[Dependency, ...], tuple[Requirement, ...]]:
        node = root.get("dependencies")
        dependencies: list[Dependency] = []
        pip: list[Requirement] = []
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            return (), ()
        if not isinstance(node, ListNode):
            mend = "write a list: each package on a line of its own, after `- `"
            self.faults.add(node.line, f"`dependencies`: expected a list, found {kind_of(node)}", mend)
            return (), ()
        for index, item in enumerate(node.items):
            where = f"dependencies[{index}]"
            if isinstance(item, ScalarNode):
                dependencies.extend(self._dependency(item, where))
            elif isinstance(item, MappingNode):
                for key, value in item.entries:
                    if key.text == "pip":
                        pip.extend(self._pip(value, where))
                    else:
                        dependencies.extend(self._subsection(key, value, where))
            else:
                self.faults.add(item.line, f"{where}: expected a text, found a list", "write one package a line")
        return tuple(dependencies), tuple(pip)

    def _dependency(self, item: ScalarNode, where: str) -> Iterator[Dependency]:
        if item.is_null:
            self.faults.add(item.line, f"{where} is empty", "remove the line, or quote the name if it is one")
            return
        try:
            dependency, warnings = match_specs.parse(item.text, self._origin(item.line))
        except SpecFault as fault:
            self.faults.add(item.line, f"{where}: {fault.message}", fault.mend)
            return
        self.warnings.extend((item.line, warning) for warning in warnings)
        yield dependency

    def _subsection(self, key: ScalarNode, value: Node, where: str) -> Iterator[Dependency]:
        """Yield what a `sel(…)` entry asks for; any other subsection is a fault."""
        try:
            selected = selectors.evaluate_key(key.text, self.platform)
        except SpecFault as fault:
            self.faults.add(key.line, f"{where}: {fault.message}", fault.mend)
            return
        if selected is None:
            mend = "only `pip:` and `sel(…):` can stand here"
            if isinstance(value, ScalarNode) and not value.is_null:
                operator = "" if value.text[:1] in tuple("<>=!~") else "="
                mend = f"write `- {key.text}{operator}{value.text}` if it is a package; {mend}"
            self.faults.add(key.line, f"{where}: the subsection {shown(key.text)} is unknown", mend)
        elif not isinstance(value, ScalarNode):
            self.faults.add(
                value.line, f"{where}: {key.text} expects one match spec, found {kind_of(value)}",
                f"write `- {key.text}: PACKAGE` for each package",
            )  # fmt: skip
        elif selected:
            yield from self._dependency(value, where)

    def _pip(self, node: Node, where: str) -> Iterator[Requirement]:
        from envmgr.spec.requirements_file import RequirementsReader  # start-up time: packaging

        reader = RequirementsReader(self.load, self.faults, base=base_of(self.location), environ=self.environ)
        for item in self._texts(_with_colons(node), f"{where}.pip", "rich"):
            lines = item.text.splitlines()
            for offset, line in enumerate(lines):
                number = item.line + (offset + 1 if not item.plain and len(lines) > 1 else 0)
                yield from reader.read_line(line, self._origin(number), (self.location,))
        self.pip_options |= reader.options
        self.pip_constraints += reader.constraints

    def _origin(self, line: int) -> Origin:
        return Origin(source=self.source, line=line)


def _with_colons(node: Node) -> Node:
    """Return the items of a pip section with those as texts that YAML takes for a key without a value (`--x :all:`)."""
    if not isinstance(node, ListNode):
        return node
    items: list[Node] = []
    for item in node.items:
        if isinstance(item, MappingNode) and len(item.entries) == 1:
            key, value = item.entries[0]
            if key.text.startswith("-") and isinstance(value, ScalarNode) and value.is_null:
                items.append(replace(key, text=f"{key.text}:"))
                continue
        items.append(item)
    return replace(node, items=tuple(items))
