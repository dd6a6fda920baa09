"""One channels.yaml: names for channels, with a line for every fault.

    channels:
      embedded:
        recipes: recipes               # a directory beside this file: built on first use
      lab: https://lab.example/conda   # a URL, or a directory beside this file
      conda-forge:
        url: https://conda.anaconda.org/conda-forge
        mirrors:                       # tried in this order, instead of the url
          - https://mirror.example/conda-forge
          - https://user:${MIRROR_PASSWORD}@backup.example/conda-forge
        exclude-newer: 14d             # or a date: what came later does not count
      defaults:                        # one name for several channels, in this order
        - https://repo.anaconda.com/pkgs/main
        - https://repo.anaconda.com/pkgs/r
    default: [embedded]                # the channels when neither a file nor a flag names one

`url` is what the channel is called in locks; only its mirrors are asked where it has some. URLs are http, https,
file, s3, gcs and oci; mirrors http, https and oci. `${VARIABLE}` stands for a variable of the environment.
`pypi:` says where the pip half comes from: see `pypi_section`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envmgr.channels.model import Dated
from envmgr.channels.pypi_section import PypiReader, PypiSection
from envmgr.errors import ConfigError, UsageError
from envmgr.spec.cutoff import cutoff
from envmgr.spec.faults import Faults, shown
from envmgr.spec.model import Origin
from envmgr.spec.yaml_nodes import ListNode, MappingNode, Node, ScalarNode, compose, kind_of
from envmgr.urls import file_url, is_url

MAXIMUM_BYTES = 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
CHANNEL_SCHEMES = ("http", "https", "file", "s3", "gcs", "oci")
MIRROR_SCHEMES = ("http", "https", "oci")
_KEYS = ("channels", "default", "pypi")
_ENTRY_KEYS = ("url", "mirrors", "recipes", "exclude-newer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One named channel as written: URLs may hold `${VARIABLE}` and credentials, so it has no repr of them.

    `urls` are one or, for a name of several channels, more; `recipes` is absolute, and `urls` empty, for a
    channel that is built here.
    """

    name: str
    origin: Origin
    urls: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    recipes: Path | None = None
    exclude_newer: Dated | None = None

    def __repr__(self) -> str:
        return f"Entry(name={self.name!r}, origin={str(self.origin)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """What one channels.yaml says; `default` is None where it has no such key."""

    path: Path
    entries: tuple[Entry, ...]
    default: tuple[str, ...] | None
    pypi: PypiSection


def read(path: Path, *, home: Path) -> TableFile:
    """Return the channels that the file at an absolute `path` names; `~` in it is `home`.

    Raises ConfigError that names every fault of the file with its line and mend, or why it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
        if len(data) > MAXIMUM_BYTES:
            raise ConfigError(f"{path} is larger than {MAXIMUM_BYTES // 1024} KiB", hint="name a channels.yaml")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="check ENVMGR_CHANNELS") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8", hint="save the file as UTF-8") from error
    return parse(text, path, home=home)


def parse(text: str, path: Path, *, home: Path) -> TableFile:
    """Return what the text of the file at `path` says; raises as `read` does."""
    reader = _Reader(path, home)
    root = compose(text, reader.faults)
    table = reader.read(root)
    reader.faults.raise_if_any(ConfigError)
    return table


class _Reader:
    """One reading of one file; faults gather here."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        self.home = home
        self.faults = Faults(str(path))

    def read(self, root: Node | None) -> TableFile:
        entries: tuple[Entry, ...] = ()
        default: tuple[str, ...] | None = None
        pypi = PypiSection()
        if root is not None and not _is_empty(root) and not isinstance(root, MappingNode):
            self._expected(root, "channels.yaml", "keys and values", "write `channels:` and names below it")
        elif isinstance(root, MappingNode):
            for key, value in root.entries:
                if key.text == "channels":
                    entries = tuple(self._entries(value))
                elif key.text == "default":
                    default = tuple(item.text for item in self._texts(value, "default", "embedded"))
                elif key.text == "pypi":
                    pypi = PypiReader(self.path, self.faults).read(value)
                else:
                    self._unknown(key, _KEYS)
        return TableFile(path=self.path, entries=entries, default=default, pypi=pypi)

    def _entries(self, node: Node) -> Iterator[Entry]:
        if _is_empty(node):
            return
        if not isinstance(node, MappingNode):
            self._expected(node, "channels", "names", "write `NAME: URL` lines")
            return
        for key, value in node.entries:
            if not NAME.fullmatch(key.text) or key.text == "nodefaults":
                mend = "use letters, digits, `.`, `-`, `_` and `/`"
                self.faults.add(key.line, f"channels: {shown(key.text)} is no name of a channel", mend)
                continue
            entry = self._entry(key, value)
            if entry is not None:
                yield entry

    def _entry(self, key: ScalarNode, node: Node) -> Entry | None:
        where = f"channels.{key.text}"
        origin = Origin(source=str(self.path), line=key.line)
        if isinstance(node, ListNode):
            urls = tuple(self._location(item, where) for item in self._texts(node, where, "https://host/channel"))
            return Entry(name=key.text, origin=origin, urls=urls)
        if isinstance(node, ScalarNode) and not node.is_null:
            return Entry(name=key.text, origin=origin, urls=(self._location(node, where),))
        if not isinstance(node, MappingNode):
            self._expected(node, where, "a URL, or `url` or `recipes`", f"write `{key.text}: URL`")
            return None
        for name, _ in node.entries:
            if name.text not in _ENTRY_KEYS:
                self._unknown(name, _ENTRY_KEYS, where)
        return self._entry_of_keys(key.text, origin, node)

    def _entry_of_keys(self, name: str, origin: Origin, node: MappingNode) -> Entry | None:
        """Return the entry that `url` and `mirrors`, or `recipes`, make."""
        where = f"channels.{name}"
        url, recipes, mirrors = node.get("url"), node.get("recipes"), node.get("mirrors")
        tried = tuple(self._mirrors(mirrors, f"{where}.mirrors"))
        dated = self._cutoff(node.get("exclude-newer"), f"{where}.exclude-newer")
        if recipes is not None and dated is not None:
            self.faults.add(node.line, f"{where}.exclude-newer: a channel that is built here has none", "remove it")
        if recipes is not None and mirrors is not None:
            self.faults.add(mirrors.line, f"{where}.mirrors: a channel that is built here has none", "remove it")
        if recipes is not None and url is None:
            directory = self._text(recipes, f"{where}.recipes", "recipes")
            path = None if directory is None else self._path(directory.text)
            return Entry(name=name, origin=origin, recipes=path)
        if url is not None and recipes is None:
            text = self._text(url, f"{where}.url", "https://host/channel")
            urls = () if text is None else (self._location(text, f"{where}.url"),)
            return Entry(name=name, origin=origin, urls=urls, mirrors=tried, exclude_newer=dated)
        message = f"{where}: expected one of `url` and `recipes`, found {'both' if url else 'neither'}"
        self.faults.add(node.line, message, "write where the channel is, or where its recipes are")
        return None

    def _cutoff(self, node: Node | None, where: str) -> Dated | None:
        text = self._text(node, where, "14d") if node is not None else None
        if text is None:
            return None
        try:
            cutoff(text.text.strip())
        except UsageError:
            message = f"{where}: expected a date or a duration, found {shown(text.text)}"
            self.faults.add(text.line, message, "write for example `14d` or `2026-01-31`")
        return Dated(text=text.text.strip(), origin=Origin(source=self.faults.source, line=text.line))

    def _mirrors(self, node: Node | None, where: str) -> Iterator[str]:
        for item in self._texts(node, where, "https://host/channel") if node is not None else ():
            if item.text.startswith(tuple(f"{scheme}://" for scheme in MIRROR_SCHEMES)):
                yield item.text.rstrip("/")
            else:
                message = f"{where}: {shown(item.text)} is no http, https or oci URL"
                self.faults.add(item.line, message, "a directory is a channel of its own: give it a name")

    def _location(self, node: ScalarNode, where: str) -> str:
        """Return a URL, or the file URL of a directory that is relative to this file."""
        text = node.text.strip()
        if not is_url(text):
            return file_url(self._path(text))
        if not text.startswith(tuple(f"{scheme}://" for scheme in CHANNEL_SCHEMES)):
            mend = f"use one of {', '.join(CHANNEL_SCHEMES)}"
            self.faults.add(node.line, f"{where}: {shown(text)} has a scheme that channels cannot have", mend)
        return text.rstrip("/")

    def _path(self, text: str) -> Path:
        expanded = self.home / text[2:] if text == "~" or text.startswith("~/") else self.path.parent / text
        return expanded.resolve()

    def _text(self, node: Node, where: str, example: str) -> ScalarNode | None:
        if isinstance(node, ScalarNode) and not node.is_null and node.text.strip() and node.text.isprintable():
            return node
        self._expected(node, where, "a text", f"write `{where.rpartition('.')[2]}: {example}`")
        return None

    def _texts(self, node: Node, where: str, example: str) -> Iterator[ScalarNode]:
        if _is_empty(node):
            return
        if not isinstance(node, ListNode):
            self._expected(node, where, "a list", f"write `{where.rpartition('.')[2]}: [{example}]`")
            return
        for index, item in enumerate(node.items):
            text = self._text(item, f"{where}[{index}]", example)
            if text is not None:
                yield text

    def _expected(self, node: Node, where: str, expected: str, mend: str) -> None:
        self.faults.add(node.line, f"{where}: expected {expected}, found {kind_of(node)}", mend)

    def _unknown(self, key: ScalarNode, known: tuple[str, ...], where: str = "") -> None:
        near = difflib.get_close_matches(key.text, known, n=1)
        mend = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}"
        self.faults.add(key.line, f"{where + ': ' if where else ''}unknown key {shown(key.text)}", mend)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null
