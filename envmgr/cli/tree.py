"""`envmgr tree`: the packages of an environment below what was asked for, or above what is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click

from envmgr.cli import drift, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.why import identity, label
from envmgr.lock.graph import Edge, Graph, Node
from envmgr.settings import Settings
from envmgr.workflows.dependencies import dependencies


@click.command(
    "tree",
    short_help="Show the packages of an environment as a tree.",
    epilog=options.examples("envmgr tree -n science", "envmgr tree numpy --depth 1", "envmgr tree --reverse libblas"),
)
@options.environment
@click.option("-r", "--reverse", "--invert", "reverse", is_flag=True, help="What needs the package, up to the roots.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Show no more than N levels.")
@click.option("--no-dedupe", is_flag=True, help="Show again what stands in full above, instead of (*).")
@click.option("--virtual", is_flag=True, help="Show what is needed of the machine too, as __glibc.")
@options.output
@click.argument("packages", nargs=-1, metavar="[PACKAGE…]")
def tree(
    name: str | None,
    prefix: str | None,
    reverse: bool,
    depth: int | None,
    no_dedupe: bool,
    virtual: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    packages: tuple[str, ...],
) -> None:
    """Show what was asked for, or the named packages, and below each what it needs; with --reverse what needs it."""
    options.one_of_name_and_prefix(name, prefix)
    found = dependencies(Settings.load(), packages, name=name, prefix=prefix)
    virtual = virtual or any(node.manager == "virtual" for node in found.named)
    roots = found.named or _roots(found.graph, reverse=reverse)
    if as_json:
        say_json(_document(found.graph, roots, reverse=reverse, virtual=virtual))
        return
    if not quiet:
        drift.tell(found.location)
    drawing = _Drawing(found.graph, reverse, virtual, depth, no_dedupe, set())
    lines = [line for node in roots for line in (_title(node), *drawing.below(node, "", (node,)))]
    say("\n".join(lines) if lines else "no packages")


class _Drawing(NamedTuple):
    """One tree on its way to lines; `shown` are the packages whose dependencies stand above already."""

    graph: Graph
    is_reverse: bool
    with_virtual: bool
    depth: int | None
    repeats: bool
    shown: set[Node]

    def below(self, node: Node, indent: str, path: tuple[Node, ...]) -> Iterator[str]:
        """Yield the lines below a package; `path` leads to it from the root, for circles."""
        self.shown.add(node)
        if self.depth is not None and len(path) > self.depth:
            return
        edges = _edges(self.graph, node, is_reverse=self.is_reverse, with_virtual=self.with_virtual)
        for index, edge in enumerate(edges):
            beyond = edge.dependent if self.is_reverse else edge.dependency
            is_last = index == len(edges) - 1
            has_more = bool(_edges(self.graph, beyond, is_reverse=self.is_reverse, with_virtual=self.with_virtual))
            is_repeated = beyond in path or (beyond in self.shown and not self.repeats and has_more)
            mark = " (*)" if is_repeated else ""
            yield f"{indent}{'└── ' if is_last else '├── '}{label(beyond)}  {edge.spec}{mark}"
            if not is_repeated:
                yield from self.below(beyond, indent + ("    " if is_last else "│   "), (*path, beyond))


def _roots(graph: Graph, *, reverse: bool) -> tuple[Node, ...]:
    """Return where a tree begins: what was asked for, or, read upwards, what needs nothing itself."""
    if not reverse:
        return graph.roots
    ends = [node for node in graph.nodes if node.manager != "virtual"]
    return tuple(
        node for node in ends if not any(edge.dependency.manager != "virtual" for edge in graph.needs[node])
    ) or tuple(ends)


def _edges(graph: Graph, node: Node, *, is_reverse: bool, with_virtual: bool) -> tuple[Edge, ...]:
    if is_reverse:
        return graph.needed_by[node]
    return tuple(edge for edge in graph.needs[node] if with_virtual or edge.dependency.manager != "virtual")


def _title(node: Node) -> str:
    return f"{label(node)}  asked for: {', '.join(node.requested)}" if node.requested else label(node)


def _document(graph: Graph, roots: tuple[Node, ...], *, reverse: bool, virtual: bool) -> dict[str, object]:
    """Return the tree without repetition: its roots, and each package on it once with what is next to it."""
    order = dict.fromkeys(roots)
    queue = list(roots)
    packages = []
    for node in queue:
        edges = _edges(graph, node, is_reverse=reverse, with_virtual=virtual)
        beyond = [(edge.dependent if reverse else edge.dependency, edge.spec) for edge in edges]
        packages.append(
            {
                **identity(node),
                "requested": list(node.requested),
                "needed_by" if reverse else "needs": [{**identity(other), "spec": spec} for other, spec in beyond],
            }
        )
        queue += dict.fromkeys(other for other, _ in beyond if other not in order)
        order |= dict.fromkeys(other for other, _ in beyond)
    return {"roots": [identity(node) for node in roots], "packages": packages}
