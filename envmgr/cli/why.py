"""`envmgr why`: why a package is in an environment."""

from __future__ import annotations

from typing import Any

import click

from envmgr.cli import drift, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns
from envmgr.lock.graph import Edge, Graph, Node
from envmgr.settings import Settings
from envmgr.workflows.dependencies import dependencies


@click.command("why", epilog=options.examples("envmgr why -n science libblas", "envmgr why libblas --json"))
@options.environment
@options.output
@click.argument("packages", nargs=-1, required=True, metavar="PACKAGE…")
def why(
    name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool, packages: tuple[str, ...]
) -> None:
    """Show why a package is there: what was asked for that leads to it, what needs it directly, what bounds it.

    Both halves, and what the packages need of the machine, as __glibc.
    """
    options.one_of_name_and_prefix(name, prefix)
    found = dependencies(Settings.load(), packages, name=name, prefix=prefix)
    if as_json:
        say_json([_document(found.graph, node) for node in found.named])
    else:
        if not quiet:
            drift.tell(found.location)
        say("\n\n".join(_text(found.graph, node) for node in found.named))


def label(node: Node) -> str:
    """Return a package as people read it: its name, version and, for the pip half, where it belongs."""
    half = {"pip": " (pip)", "virtual": " (the machine)"}.get(node.manager, "")
    return f"{node.name} {node.version}{half}"


def identity(node: Node) -> dict[str, Any]:
    """Return a package as `--json` names it."""
    return {"name": node.name, "version": node.version, "manager": node.manager}


def _text(graph: Graph, node: Node) -> str:
    build = f" {node.build}" if node.build else ""
    lines = [f"{label(node)}{build}"]
    chains = graph.chains(node)
    if node.requested:
        lines.append(f"  was asked for: {', '.join(node.requested)}")
    elif not chains and node.manager != "virtual":
        lines.append("  nothing that was asked for leads to it, and nothing needs it")
    if chains:
        lines.append("  what was asked for needs it too:" if node.requested else "  what was asked for needs it:")
        lines += [f"    {_chain(chain)}" for chain in chains]
    for title, edges in (("directly needed by", graph.needed_by[node]), ("bounded by", graph.constrains[node])):
        if edges:
            lines.append(f"  {title}:")
            lines.append(columns([(label(edge.dependent), edge.spec) for edge in edges], indent="    "))
    return "\n".join(lines)


def _chain(chain: tuple[Edge, ...]) -> str:
    return " → ".join([label(chain[0].dependent), *(label(edge.dependency) for edge in chain)])


def _document(graph: Graph, node: Node) -> dict[str, Any]:
    return {
        **identity(node),
        "build_string": node.build,
        "requested": list(node.requested),
        "chains": [
            [identity(chain[0].dependent), *({**identity(edge.dependency), "spec": edge.spec} for edge in chain)]
            for chain in graph.chains(node)
        ],
        "needed_by": [{**identity(edge.dependent), "spec": edge.spec} for edge in graph.needed_by[node]],
        "constrained_by": [{**identity(edge.dependent), "spec": edge.spec} for edge in graph.constrains[node]],
    }
