"""pyproject.toml as what is wanted: its dependencies, chosen extras (PEP 621) and dependency groups (PEP 735).

The project itself is not installed: `-e .` in a pip section does that.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec import pip_files, poetry
from envmgr.spec.faults import Fault, Faults, SpecFault, shown
from envmgr.spec.files import base_of
from envmgr.spec.model import EnvironmentSpec, Origin, Requirement
from envmgr.spec.project import Wish, spec_of
from envmgr.spec.requirements_file import RequirementsReader
from envmgr.urls import redact

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(
    text: str, *, source: str, extras: Sequence[str] = (), groups: Sequence[str] = (), load: Callable[[str], str]
) -> EnvironmentSpec:
    """Return what the project in `text` needs, with `extras` and dependency `groups`, and the python that it allows.

    `source` is the file as the user named it. Raises one SpecError that names every fault.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    project = _Project(text, source, label, faults, load)
    if project.is_of_poetry and not faults.found:
        return _of_poetry(project, text, extras, groups, load)
    pip = tuple(project.requirements(extras, groups))
    python = project.python()
    faults.raise_if_any()
    return EnvironmentSpec(dependencies=python, pip=pip, pip_base=base_of(source), sources=(label,))


def _of_poetry(
    project: _Project, text: str, extras: Sequence[str], groups: Sequence[str], load: Callable[[str], str]
) -> EnvironmentSpec:
    """Return what the table `[tool.poetry]` asks for, which projects have that are older than PEP 621 in poetry."""
    wish = Wish("", *(frozenset(str(canonicalize_name(name)) for name in names) for names in (extras, groups)))
    try:
        found = poetry.read_project(project.tool("poetry"), wish)
    except SpecFault as fault:
        project.faults.add_fault(None, fault)
    except (AttributeError, KeyError, TypeError, ValueError):
        project.faults.add(project.line("tool.poetry"), "`[tool.poetry]` is not as Poetry writes it")
    project.faults.raise_if_any()
    return spec_of(found, text, project.source, wish, project.faults, load)


class _Project:
    def __init__(self, text: str, source: str, label: str, faults: Faults, load: Callable[[str], str]) -> None:
        self.lines = text.splitlines()
        self.source, self.label, self.faults = source, label, faults
        self.reader = RequirementsReader(load, faults, base=base_of(source))
        self.document: Mapping[str, Any] = {}
        try:
            self.document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            faults.add(None, f"not TOML: {error}")

    @property
    def is_of_poetry(self) -> bool:
        """Whether its dependencies stand in `[tool.poetry]`, and in no table `[project]`."""
        return "project" not in self.document and "dependencies" in self.tool("poetry")

    def tool(self, name: str) -> Mapping[str, Any]:
        """Return the table of a tool, empty where there is none."""
        tools = self.document.get("tool")
        found = tools.get(name) if isinstance(tools, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def requirements(self, extras: Sequence[str], groups: Sequence[str]) -> Iterator[Requirement]:
        """Yield what is asked for: the dependencies, and those of the extras and groups that were chosen."""
        project = self.document.get("project")
        if self.faults.found:
            return
        if not isinstance(project, Mapping) and not groups:
            mend = "give the groups that are wanted with --group" if self._groups() else None
            if self.tool("poetry"):
                mend = "name a group with --group, or follow poetry.lock: -f poetry.lock"
            self.faults.add(None, "there is no table `[project]` with dependencies (PEP 621)", mend)
            return
        project = project if isinstance(project, Mapping) else {}
        if "dependencies" in project.get("dynamic", ()):
            self.faults.add(
                self.line("dynamic"), "the dependencies are known only once the project is built (`dynamic`)",
                "name the file that they are read from, as -f requirements.txt, or install the project: `-e .`",
            )  # fmt: skip
            return
        optional: dict[str, Any] = {}
        for name, texts in project.get("optional-dependencies", {}).items():
            optional[canonicalize_name(name)] = texts
        yield from self._listed(project.get("dependencies", []), "project.dependencies")
        for extra in self._known(extras, optional, "extra"):
            yield from self._extra(extra, optional, canonicalize_name(str(project.get("name", ""))), ())
        for group in self._known(groups, self._groups(), "dependency group"):
            yield from self._group(group, ())

    def python(self) -> tuple[Any, ...]:
        """Return the dependency on a python that the project allows, where it says so."""
        project = self.document.get("project")
        text = project.get("requires-python") if isinstance(project, Mapping) else None
        if not isinstance(text, str) or not text.strip():
            return ()
        line = self.line("requires-python")
        try:
            return (pip_files.python(text, Origin(source=self.label, line=line)),)
        except SpecFault as fault:
            self.faults.add_fault(line, fault)
            return ()

    def _groups(self) -> dict[str, Any]:
        """Return the dependency groups: those of PEP 735, and those of pdm and uv before it."""
        groups = self.document.get("dependency-groups", {})
        found: dict[str, Any] = {}
        for name, content in groups.items() if isinstance(groups, Mapping) else ():
            if canonicalize_name(name) in found:
                self.faults.add(self.line(name), f"the dependency group {shown(name)} is there twice (PEP 735)")
            found[canonicalize_name(name)] = content
        before = self.tool("pdm").get("dev-dependencies", {})
        for name, content in before.items() if isinstance(before, Mapping) else ():
            found.setdefault(canonicalize_name(name), content)
        if "dev-dependencies" in self.tool("uv"):
            found.setdefault(canonicalize_name("dev"), self.tool("uv")["dev-dependencies"])
        return found

    def _known(self, names: Sequence[str], there: Mapping[str, Any], what: str) -> Iterator[str]:
        for name in dict.fromkeys(canonicalize_name(name) for name in names):
            if name in there:
                yield name
                continue
            near = difflib.get_close_matches(name, list(there), n=1)
            mend = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(there) or 'none'}"
            self.faults.add(None, f"there is no {what} {shown(name)}", mend)

    def _extra(
        self, name: str, optional: Mapping[str, Any], project: str, chain: tuple[str, ...]
    ) -> Iterator[Requirement]:
        """Yield what an extra asks for; `project[other]` in it means another extra of the same project."""
        if name in chain:
            return
        for requirement in self._listed(optional[name], f"project.optional-dependencies.{name}"):
            if requirement.name == project and requirement.url is None:
                from packaging.requirements import Requirement as Parsed  # only for an extra that names another

                for other in self._known(sorted(Parsed(requirement.pep508).extras), optional, "extra"):
                    yield from self._extra(other, optional, project, (*chain, name))
            else:
                yield requirement

    def _group(self, name: str, chain: tuple[str, ...]) -> Iterator[Requirement]:
        """Yield what a dependency group asks for, those that it includes in place (PEP 735)."""
        if name in chain:
            whole = " → ".join((*chain, name))
            self.faults.add(self.line(name), f"the dependency group `{name}` includes itself: {whole}")
            return
        content = self._groups()[name]
        if not isinstance(content, list):
            self.faults.add(self.line(name), f"dependency-groups.{name}: expected a list")
            return
        for index, item in enumerate(content):
            where = f"dependency-groups.{name}[{index}]"
            if isinstance(item, str):
                yield from self._listed([item], where)
            elif (
                isinstance(item, Mapping) and set(item) == {"include-group"} and isinstance(item["include-group"], str)
            ):
                for other in self._known([item["include-group"]], self._groups(), "dependency group"):
                    yield from self._group(other, (*chain, name))
            else:
                self.faults.add(self.line(name), f"{where}: expected a requirement or `{{include-group = …}}`")

    def _listed(self, texts: Any, where: str) -> Iterator[Requirement]:
        if not isinstance(texts, list):
            self.faults.add(self.line(where.rpartition(".")[2]), f"{where}: expected a list of requirements")
            return
        for index, text in enumerate(texts):
            if not isinstance(text, str) or text.lstrip().startswith("-"):
                self.faults.add(self.line(str(text)), f"{where}[{index}]: {shown(str(text))} is not a requirement")
                continue
            origin = Origin(source=self.label, line=self.line(text))
            before = len(self.faults.found)
            yield from self.reader.read_line(text, origin, (self.source,))
            self.faults.found[before:] = [
                Fault(origin=origin, message=f"{where}[{index}]: {fault.message}", mend=fault.mend)
                for fault in self.faults.found[before:]
            ]

    def line(self, text: str) -> int | None:
        """Return the first line with a text: tomllib tells none."""
        return next((number for number, line in enumerate(self.lines, start=1) if text and text in line), None)
