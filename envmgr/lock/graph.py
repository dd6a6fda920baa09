"""Who needs whom in a lock: both halves as one graph (light: reads names, evaluates nothing).

A lock is closed (see `closure`), so each dependency has one package that meets it; what is met by the machine is a
virtual package (CEP 30) and a node too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from envmgr.lock.model import CondaPackage, Lock, PipPackage

# The name in a match spec (CEP 29) or a requirement (PEP 508), behind a channel where there is one.
_NAME = re.compile(r"\s*(?:[^\s\[]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_SEPARATORS = re.compile(r"[-_.]+")  # PEP 503


class Node(NamedTuple):
    """A package of the lock: `manager` is `conda`, `pip`, or `virtual` for a virtual package of the machine.

    `requested` holds the specs that asked for it by name.
    """

    name: str
    manager: str
    version: str
    build: str = ""
    channel: str = ""
    size: int | None = None
    license: str | None = None
    requested: tuple[str, ...] = ()


class Edge(NamedTuple):
    """`dependent` needs `dependency`, in the words of `spec`."""

    dependent: Node
    dependency: Node
    spec: str


class Graph(NamedTuple):
    """Every package of a lock, sorted by name, and what each needs and is needed by, in the order of the records.

    `constrains` holds for each package the specs by which others bound it without needing it.
    """

    nodes: tuple[Node, ...]
    needs: Mapping[Node, tuple[Edge, ...]]
    needed_by: Mapping[Node, tuple[Edge, ...]]
    constrains: Mapping[Node, tuple[Edge, ...]]

    @classmethod
    def of(cls, lock: Lock) -> Graph:
        """Return the graph of a lock; a dependency that nothing in it meets has no edge."""
        conda = {package.name: _conda(package) for package in lock.conda}
        pip = {_normalised(package.name): _pip(package) for package in lock.pip}
        virtual = {name: Node(name, "virtual", version) for name, version in map(_virtual, lock.virtual_packages)}
        known = conda | virtual
        distributions = pip | {
            _normalised(text.partition("==")[0]): conda[package.name]
            for package in lock.conda
            for text in package.distributions
        }
        edges = [
            *_edges(((conda[package.name], package.depends) for package in lock.conda), known),
            *_edges(((pip[_normalised(each.name)], each.requires) for each in lock.pip), distributions, is_python=True),
        ]
        bounds = _edges(((conda[package.name], package.constrains) for package in lock.conda), known)
        if "pip" in conda and "python" in conda and not any(edge.dependency is conda["pip"] for edge in edges):
            # As in conda, python brings pip without a record that says so (solve.pip).
            edges += [] if conda["pip"].requested else [Edge(conda["python"], conda["pip"], "pip")]
        nodes = tuple(sorted((*conda.values(), *pip.values(), *virtual.values())))
        return cls(
            nodes,
            _grouped(nodes, ((edge.dependent, edge) for edge in edges)),
            _grouped(nodes, ((edge.dependency, edge) for edge in edges)),
            _grouped(nodes, ((edge.dependency, edge) for edge in bounds)),
        )

    def find(self, name: str) -> tuple[Node, ...]:
        """Return the packages of this name, which may be in both halves of an environment of another tool."""
        return tuple(
            node
            for node in self.nodes
            if node.name == name.lower() or (node.manager == "pip" and _normalised(node.name) == _normalised(name))
        )

    @property
    def roots(self) -> tuple[Node, ...]:
        """What was asked for, and what is there without anybody needing it, without what the machine has."""
        found = [node for node in self.nodes if node.manager != "virtual"]
        roots = [node for node in found if node.requested or not self.needed_by[node]]
        reached = {node for root in roots for node in self.below(root)}
        # Packages that need each other in a circle and that nobody asked for.
        return tuple(roots + [node for node in found if node not in reached and node not in roots])

    def below(self, node: Node) -> tuple[Node, ...]:
        """Return the package and all that it needs, nearest first."""
        return tuple(self._paths(node, self.needs, forward=True))

    def chains(self, node: Node) -> tuple[tuple[Edge, ...], ...]:
        """Return for each root above `node` the shortest way from it, as edges from the root to `node`."""
        paths = self._paths(node, self.needed_by, forward=False)
        return tuple(path for root in self.roots if root is not node and (path := paths.get(root)))

    def _paths(
        self, start: Node, edges: Mapping[Node, tuple[Edge, ...]], *, forward: bool
    ) -> dict[Node, tuple[Edge, ...]]:
        paths: dict[Node, tuple[Edge, ...]] = {start: ()}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            for edge in edges[node]:
                beyond = edge.dependency if forward else edge.dependent
                if beyond not in paths:
                    paths[beyond] = (*paths[node], edge) if forward else (edge, *paths[node])
                    queue.append(beyond)
        return paths


def _edges(
    wanted: Iterable[tuple[Node, tuple[str, ...]]], known: Mapping[str, Node], *, is_python: bool = False
) -> list[Edge]:
    found = []
    for node, specs in wanted:
        for spec in dict.fromkeys(specs):
            match = _NAME.match(spec)
            name = match[1] if match is not None else ""
            dependency = known.get(_normalised(name) if is_python else name.lower())
            if dependency is not None and dependency is not node:
                found.append(Edge(node, dependency, spec))
    return found


def _grouped(nodes: Iterable[Node], edges: Iterable[tuple[Node, Edge]]) -> dict[Node, tuple[Edge, ...]]:
    found: dict[Node, list[Edge]] = {node: [] for node in nodes}
    for node, edge in edges:
        found[node].append(edge)
    return {node: tuple(each) for node, each in found.items()}


def _conda(package: CondaPackage) -> Node:
    return Node(
        package.name,
        "conda",
        package.version,
        package.build,
        package.channel,
        package.size,
        package.license,
        package.requested,
    )


def _pip(package: PipPackage) -> Node:
    return Node(package.name, "pip", package.version, "", "pypi", package.size, None, package.requested)


def _virtual(text: str) -> tuple[str, str]:
    name, _, rest = text.partition("=")
    return name, rest.partition("=")[0]


def _normalised(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
