"""`pypi:` of a channels.yaml: package indexes by name, which package comes from which, the cooldown, sdists.

    pypi:
      indexes:
        pytorch-cu128: https://download.pytorch.example/whl/cu128
        lab: https://user:${LAB_TOKEN}@pypi.lab.example/simple   # or a directory (PEP 503) beside this file
      packages:
        torch: pytorch-cu128          # an index that packages are pinned to answers for these and no others
      default: lab                    # in place of PyPI
      exclude-newer: 14d              # or a date; for both halves
      sdists: forbid

An index that nothing is pinned to and that is not the default is asked for every name, in the order written and
before the default: the first that has a name answers for it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from envmgr.spec.faults import Faults, shown
from envmgr.spec.model import Origin
from envmgr.spec.yaml_nodes import MappingNode, Node, ScalarNode, kind_of
from envmgr.urls import file_url, is_url

INDEX_SCHEMES = ("http", "https", "file")
KEYS = ("indexes", "packages", "default", "exclude-newer", "sdists")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_MOMENT = re.compile(r"\d+ ?(?:h|d|w)[a-z]*|\d{4}-\d{2}-\d{2}(?:[T ].+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIndex:
    """A package index with a name: its URL as written, which may hold `${VARIABLE}` and credentials (no repr)."""

    name: str
    url: str
    origin: Origin

    def __repr__(self) -> str:
        return f"NamedIndex(name={self.name!r}, origin={str(self.origin)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """`package` (a normalised name, PEP 503) comes from the index of that name and from no other."""

    package: str
    index: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiSection:
    """What the `pypi:` of one or several channels.yaml say; `exclude_newer` is as written."""

    indexes: tuple[NamedIndex, ...] = ()
    pins: tuple[Pin, ...] = ()
    default: str | None = None
    exclude_newer: str | None = None
    exclude_newer_origin: Origin | None = None
    sdists_forbidden: Origin | None = None

    @property
    def pinned(self) -> frozenset[str]:
        """The names of the indexes that answer for pinned packages only."""
        return frozenset(pin.index for pin in self.pins) - {self.default}

    def index(self, name: str) -> NamedIndex:
        """Return the index of that name, which pins and `default` are known to have."""
        return next(index for index in self.indexes if index.name == name)


def merge(sections: Iterable[PypiSection]) -> PypiSection:
    """Return what several files say together, strongest first: the first that says a thing is followed, except that
    sdists which one of them forbids stay forbidden."""
    sections = tuple(sections)
    indexes: dict[str, NamedIndex] = {}
    pins: dict[str, Pin] = {}
    for section in sections:
        for index in section.indexes:
            indexes.setdefault(index.name, index)
        for pin in section.pins:
            pins.setdefault(pin.package, pin)
    dated = next((section for section in sections if section.exclude_newer is not None), PypiSection())
    return PypiSection(
        indexes=tuple(indexes.values()),
        pins=tuple(pins[name] for name in sorted(pins)),
        default=next((section.default for section in sections if section.default is not None), None),
        exclude_newer=dated.exclude_newer,
        exclude_newer_origin=dated.exclude_newer_origin,
        sdists_forbidden=next((section.sdists_forbidden for section in sections if section.sdists_forbidden), None),
    )


class PypiReader:
    """One reading of the `pypi:` of the file at `path`; what is wrong goes to `faults`."""

    def __init__(self, path: Path, faults: Faults) -> None:
        self._path = path
        self._faults = faults

    def read(self, node: Node) -> PypiSection:
        """Return what `node` says, as far as it can be read."""
        if not isinstance(node, MappingNode):
            if not _is_empty(node):
                self._expected(node, "pypi", "keys and values", f"known keys: {', '.join(KEYS)}")
            return PypiSection()
        self._check_keys(node)
        indexes = tuple(self._indexes(node.get("indexes")))
        names = [index.name for index in indexes]
        default = self._scalar(node.get("default"), "pypi.default", "NAME")
        if default is not None and default.text not in names:
            self._unknown_index(default, "pypi.default", names)
        dated = self._scalar(node.get("exclude-newer"), "pypi.exclude-newer", "14d")
        if dated is not None and not _MOMENT.fullmatch(dated.text.strip()):
            message = f"pypi.exclude-newer: expected a date or a duration, found {shown(dated.text)}"
            self._faults.add(dated.line, message, "write for example `14d` or `2026-01-31`")
        sdists = self._scalar(node.get("sdists"), "pypi.sdists", "forbid")
        if sdists is not None and sdists.text not in ("allow", "forbid"):
            message = f"pypi.sdists: expected `allow` or `forbid`, found {shown(sdists.text)}"
            self._faults.add(sdists.line, message, _near(sdists.text, ("allow", "forbid")))
        return PypiSection(
            indexes=indexes,
            pins=tuple(self._pins(node.get("packages"), names)),
            default=default.text if default is not None else None,
            exclude_newer=dated.text.strip() if dated is not None else None,
            exclude_newer_origin=self._origin(dated) if dated is not None else None,
            sdists_forbidden=self._origin(sdists) if sdists is not None and sdists.text == "forbid" else None,
        )

    def _check_keys(self, node: MappingNode) -> None:
        for key, _ in node.entries:
            if key.text not in KEYS:
                self._faults.add(key.line, f"pypi: unknown key {shown(key.text)}", _near(key.text, KEYS))

    def _indexes(self, node: Node | None) -> Iterator[NamedIndex]:
        variables: dict[str, str] = {}
        for key, value in self._entries(node, "pypi.indexes", "NAME: URL"):
            where = f"pypi.indexes.{key.text}"
            if not _NAME.fullmatch(key.text):
                mend = "use letters, digits, `.`, `-` and `_`"
                self._faults.add(key.line, f"pypi.indexes: {shown(key.text)} is no name of an index", mend)
                continue
            other = variables.setdefault(re.sub(r"[^A-Z0-9]", "_", key.text.upper()), key.text)
            if other != key.text:
                message = f"pypi.indexes: {shown(key.text)} and {shown(other)} differ in case or punctuation only"
                self._faults.add(key.line, message, "give one of them another name")
            text = self._scalar(value, where, "https://host/simple")
            if text is not None:
                yield NamedIndex(name=key.text, url=self._location(text, where), origin=self._origin(key))

    def _location(self, node: ScalarNode, where: str) -> str:
        """Return a URL, or the file URL of a directory that is relative to this file."""
        text = node.text.strip()
        if not is_url(text):
            return file_url((self._path.parent / text).resolve())
        if text.partition("://")[0].lower() not in INDEX_SCHEMES:
            mend = f"use one of {', '.join(INDEX_SCHEMES)}"
            self._faults.add(node.line, f"{where}: {shown(text)} has a scheme that indexes cannot have", mend)
        return text.rstrip("/")

    def _pins(self, node: Node | None, indexes: list[str]) -> Iterator[Pin]:
        seen: dict[str, int] = {}
        for key, value in self._entries(node, "pypi.packages", "PACKAGE: INDEX"):
            where = f"pypi.packages.{key.text}"
            if not _NAME.fullmatch(key.text):
                self._faults.add(key.line, f"pypi.packages: {shown(key.text)} is no name of a package", "write `torch`")
                continue
            index = self._scalar(value, where, "NAME")
            if index is None:
                continue
            if index.text not in indexes:
                self._unknown_index(index, where, indexes)
            from packaging.utils import canonicalize_name  # start-up time: only where something is pinned

            name = canonicalize_name(key.text)
            if name in seen:
                self._faults.add(key.line, f"{where}: pinned already on line {seen[name]}", "remove one of the lines")
            seen.setdefault(name, key.line)
            yield Pin(package=name, index=index.text, origin=self._origin(key))

    def _entries(self, node: Node | None, where: str, example: str) -> Iterator[tuple[ScalarNode, Node]]:
        if isinstance(node, MappingNode):
            yield from node.entries
        elif node is not None and not _is_empty(node):
            self._expected(node, where, "names", f"write `{example}` lines")

    def _scalar(self, node: Node | None, where: str, example: str) -> ScalarNode | None:
        if node is None:
            return None
        if isinstance(node, ScalarNode) and not node.is_null and node.text.strip() and node.text.isprintable():
            return node
        self._expected(node, where, "a text", f"write `{where.rpartition('.')[2]}: {example}`")
        return None

    def _unknown_index(self, node: ScalarNode, where: str, names: list[str]) -> None:
        message = f"{where}: no index {shown(node.text)} in `pypi: indexes:` of this file"
        self._faults.add(node.line, message, _near(node.text, names) if names else "name it there with its URL")

    def _expected(self, node: Node, where: str, expected: str, mend: str) -> None:
        self._faults.add(node.line, f"{where}: expected {expected}, found {kind_of(node)}", mend)

    def _origin(self, node: ScalarNode) -> Origin:
        return Origin(source=str(self._path), line=node.line)


def _near(text: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = difflib.get_close_matches(text, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null
