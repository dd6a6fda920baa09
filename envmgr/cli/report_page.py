"""The page of a report: what a person sees of an environment, in sections."""

from __future__ import annotations

from collections import Counter

from envmgr.cli.plan import counts
from envmgr.cli.shapes import channel_name
from envmgr.cli.tables import size
from envmgr.integrations import drawings
from envmgr.integrations.drawings import Tile
from envmgr.integrations.page import page, text
from envmgr.lock.graph import Node
from envmgr.urls import redact
from envmgr.workflows.history import Entry
from envmgr.workflows.report import Part, Report


def html(found: Report) -> str:
    """Return the page of a report."""
    label = found.location.label
    parts = found.parts
    halves = Counter(part.node.manager for part in parts)
    facts = [
        (str(halves["conda"]), "conda packages"),
        (str(halves["pip"]), "pip packages"),
        (size(found.size), "installed"),
        (str(sum(part.files for part in parts)), "files"),
        (found.lock.platform, "platform"),
        (found.history[0].generation.created[:10] if found.history else "", "current since"),
    ]
    sections = [
        f'<h1>{text(label)}</h1>\n<div class="dim"><code>{text(found.location.prefix)}</code></div>',
        "<nav>"
        + "".join(f'<a href="#{key}">{key}</a>' for key in ("sizes", "packages", "graph", "licences", "history"))
        + "</nav>",
        '<div class="facts">' + "".join(f"<div><b>{text(a)}</b>{text(b)}</div>" for a, b in facts if a) + "</div>",
        _section("sizes", drawings.treemap([_tile(part) for part in parts])),
        _section("packages", _packages(found)),
        _section("graph", f'<div class="scroll">{_graph(found)}</div>'),
        _section("licences", _licences(parts)),
        _section("history", _history(found.history)),
    ]
    return page(f"{label}: environment", "\n".join(sections))


def _section(name: str, content: str) -> str:
    return f'<section id="{name}"><h2>{name.capitalize()}</h2>\n{content}\n</section>'


def _tile(part: Part) -> Tile:
    node = part.node
    return Tile(node.name, node.manager, part.size, f"{node.name} {node.version}: {size(part.size)}")


def _packages(found: Report) -> str:
    rows = []
    for part in found.parts:
        node = part.node
        asked = "✓" if node.requested else ""
        cells = [
            f'<td><span class="{node.manager}">{text(node.name)}</span></td>',
            f"<td>{text(node.version)}</td>",
            f"<td><code>{text(node.build)}</code></td>",
            f"<td>{text('pypi' if node.manager == 'pip' else channel_name(node.channel))}</td>",
            f'<td class="n" data-k="{part.size}">{text(size(part.size))}</td>',
            f"<td>{text(part.license)}</td>",
            f'<td title="{text(", ".join(node.requested))}">{asked}</td>',
            f'<td class="n" data-k="{len(found.graph.needed_by[node])}">{len(found.graph.needed_by[node])}</td>',
        ]
        rows.append(f'<tr title="{text(redact(part.url))}">' + "".join(cells) + "</tr>")
    heads = ("package", "version", "build", "channel", "size", "licence", "asked for", "needed by")
    head = "".join(f"<th{' class=n' if h in ('size', 'needed by') else ''}><button>{h}</button></th>" for h in heads)
    return (
        '<p><input id="find" type="search" placeholder="find a package" aria-label="find a package"></p>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _graph(found: Report) -> str:
    nodes = [part.node for part in found.parts]
    identity = {node: f"{node.manager}/{node.name}" for node in nodes}
    needs = {
        identity[node]: list(
            dict.fromkeys(identity[edge.dependency] for edge in found.graph.needs[node] if edge.dependency in identity)
        )
        for node in nodes
    }
    return drawings.graph({identity[node]: (_named(node), node.manager) for node in nodes}, needs)


def _named(node: Node) -> str:
    return f"{node.name} {node.version}"


def _licences(parts: tuple[Part, ...]) -> str:
    by_license: dict[str, list[str]] = {}
    for part in parts:
        by_license.setdefault(part.license, []).append(part.node.name)
    rows = [
        f'<tr><td>{text(key)}</td><td class="n">{len(names)}</td><td>{text(", ".join(names))}</td></tr>'
        for key, names in sorted(by_license.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    return "<table><tr><th>licence</th><th class=n>packages</th><th></th></tr>\n" + "\n".join(rows) + "\n</table>"


def _history(entries: tuple[Entry, ...]) -> str:
    if not entries:
        return '<p class="dim">Another tool made this environment: there are no generations.</p>'
    rows = []
    for entry in entries:
        generation = entry.generation
        changes = counts(entry.difference) if entry.difference is not None else "not known"
        rows.append(
            f'<tr><td class="n">{generation.number}</td><td class="d">{text(generation.created)}</td>'
            f"<td><code>{text(' '.join(generation.command))}</code></td><td>{text(changes or 'the same packages')}</td>"
            f"<td>{text(entry.state)}</td></tr>"
        )
    head = "<tr><th class=n>#</th><th>when</th><th>command</th><th>changed</th><th></th></tr>"
    return f"<table>{head}\n" + "\n".join(rows) + "\n</table>"
