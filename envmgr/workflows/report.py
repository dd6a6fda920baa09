"""`report`: what an environment is made of, how large each part is, under which licences, and how it came about."""

from __future__ import annotations

import csv
import os
import re
from email.parser import HeaderParser
from pathlib import Path
from typing import NamedTuple

from envmgr.lock.graph import Graph, Node
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.store.owned import Unusable, read_record
from envmgr.workflows import history
from envmgr.workflows.history import Entry
from envmgr.workflows.reading import lock_of

_LARGEST = 1 << 20  # bytes of a METADATA that are read
_SEPARATORS = re.compile(r"[-_.]+")


class Part(NamedTuple):
    """A package as installed: `size` in bytes and `files` as its own record counts them, its licence as it says."""

    node: Node
    size: int
    files: int
    license: str
    sha256: str
    url: str


class Report(NamedTuple):
    """Everything a report shows of an environment; `parts` are sorted by name, the history newest first."""

    location: Location
    lock: Lock
    graph: Graph
    parts: tuple[Part, ...]
    history: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """The bytes of all parts together."""
        return sum(part.size for part in self.parts)


def report(settings: Settings, reporter: Reporter, *, name: str | None, prefix: str | None) -> Report:
    """Return the report of an environment, whoever made it; raises EnvironmentNotFound, NotAnEnvironment, LockError."""
    location = layout.find(settings, name=name, prefix=prefix)
    lock = lock_of(location)
    graph = Graph.of(lock)
    artifacts = {("conda", each.name): (each.sha256, each.url) for each in lock.conda}
    artifacts |= {("pip", each.name): (each.sha256, each.url) for each in lock.pip}
    names = {each.name: each.dist_name for each in lock.conda}
    distributions = _dist_infos(location.prefix)
    parts = []
    for node in graph.nodes:
        if node.manager == "virtual":
            continue
        sha256, url = artifacts.get((node.manager, node.name), ("", ""))
        if node.manager == "conda":
            size, files = _of_record(location.prefix, names[node.name])
            license_ = node.license or _license(distributions.get(_SEPARATORS.sub("-", node.name).lower()))
        else:
            directory = distributions.get(_SEPARATORS.sub("-", node.name).lower())
            size, files = _of_wheel(directory)
            license_ = _license(directory)
        parts.append(Part(node, size, files, license_ or "not said", sha256, url))
    return Report(location, lock, graph, tuple(parts), history.history(location, reporter).entries)


def _of_record(prefix: Path, name: str) -> tuple[int, int]:
    try:
        owned = read_record(prefix, name).owned
    except Unusable:
        return 0, 0
    return sum(each.size if each.size is not None else _size(prefix / each.path) for each in owned), len(owned)


def _dist_infos(prefix: Path) -> dict[str, Path]:
    """Return the `*.dist-info` directories of the environment's Python by normalised name (PEP 503)."""
    found = {}
    for site_packages in (*prefix.glob("lib/python3*/site-packages"), prefix / "Lib/site-packages"):
        try:
            entries = os.listdir(site_packages)
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(".dist-info"):
                name = entry.removesuffix(".dist-info").rpartition("-")[0]
                found[_SEPARATORS.sub("-", name).lower()] = site_packages / entry
    return found


def _of_wheel(directory: Path | None) -> tuple[int, int]:
    if directory is None:
        return 0, 0
    try:
        with open(directory / "RECORD", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error):
        return 0, 0
    return sum(int(row[2]) for row in rows if len(row) > 2 and row[2].isdecimal()), len(rows)


def _license(directory: Path | None) -> str:
    """Return the licence that METADATA states (core metadata 2.4 and before)."""
    if directory is None:
        return ""
    try:
        with open(directory / "METADATA", encoding="utf-8", errors="replace") as file:
            headers = HeaderParser().parsestr(file.read(_LARGEST))
    except OSError:
        return ""
    stated = headers.get("License-Expression") or headers.get("License") or ""
    if stated and "\n" not in stated.strip() and len(stated) < 80:
        return stated.strip()
    classifiers = [each for each in headers.get_all("Classifier") or [] if each.startswith("License :: ")]
    return ", ".join(each.rpartition(" :: ")[2] for each in classifiers)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
