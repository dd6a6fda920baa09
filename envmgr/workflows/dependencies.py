"""`why` and `tree`: who needs whom in an environment, read from its lock (light)."""

from __future__ import annotations

from typing import NamedTuple

from envmgr.errors import PackagesNotFound
from envmgr.lock.graph import Graph, Node
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.workflows.reading import lock_of


class Dependencies(NamedTuple):
    """The graph of the environment at `location`, and the packages of it that were named (none: all)."""

    location: Location
    graph: Graph
    named: tuple[Node, ...]


def dependencies(settings: Settings, names: tuple[str, ...], *, name: str | None, prefix: str | None) -> Dependencies:
    """Return the graph of an environment, and the packages called `names` in it.

    Raises EnvironmentNotFound, NotAnEnvironment, LockError, and PackagesNotFound for names that are not in it.
    """
    location = layout.find(settings, name=name, prefix=prefix)
    graph = Graph.of(lock_of(location))
    absent = [each for each in names if not graph.find(each)]
    if absent:
        import difflib  # start-up time: only to word an error

        near = [
            match
            for each in absent
            for match in difflib.get_close_matches(each.lower(), [node.name for node in graph.nodes], n=3, cutoff=0.7)
        ]
        raise PackagesNotFound(
            f"{location.label} has no package {' and no package '.join(f'`{each}`' for each in absent)}",
            hint=f"did you mean {' or '.join(f'`{each}`' for each in near)}?"
            if near
            else f"see what it has: envmgr list {location.arguments}",
        )
    return Dependencies(location, graph, tuple(node for each in names for node in graph.find(each)))
