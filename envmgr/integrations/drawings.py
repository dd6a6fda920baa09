"""The drawings of a report as SVG: a treemap of sizes, and the graph of who needs whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from envmgr.integrations.layers import layered
from envmgr.integrations.page import text
from envmgr.integrations.treemap import Rectangle, squarified

_WIDTH, _HEIGHT = 1120, 460
_COLUMN, _ROW, _BOX = 190, 22, 150
_LETTER = 6.4  # width of a letter in units of the drawing, roughly


class Tile(NamedTuple):
    """Something of a size in bytes: its name, its kind (a class of the page), and what a pointer shows."""

    name: str
    kind: str
    size: int
    title: str


def treemap(tiles: Sequence[Tile]) -> str:
    """Return the SVG of tiles by size; what has no size is left out."""
    shown = sorted((tile for tile in tiles if tile.size > 0), key=lambda tile: (-tile.size, tile.name))
    places = squarified([tile.size for tile in shown], Rectangle(0, 0, _WIDTH, _HEIGHT))
    drawn = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Packages by installed size">',
        *(_tile(tile, place) for tile, place in zip(shown, places, strict=True)),
        "</svg>",
    ]
    return "\n".join(drawn)


def graph(nodes: Mapping[str, tuple[str, str]], needs: Mapping[str, Sequence[str]]) -> str:
    """Return the SVG of a graph: `nodes` are identities with name and kind, `needs` lead to the right."""
    layers = layered(list(nodes), needs)
    place: dict[str, tuple[float, float]] = {}
    tallest = max((len(layer) for layer in layers), default=0)
    for column, layer in enumerate(layers):
        lead = (tallest - len(layer)) / 2
        for row, node in enumerate(layer):
            place[node] = (10 + column * _COLUMN, 10 + (row + lead) * _ROW)
    width, height = 10 + max(len(layers), 1) * _COLUMN, 20 + max(tallest, 1) * _ROW
    number = {node: at for at, node in enumerate(nodes)}
    edges = [
        _edge(number[node], number[other], place[node], place[other])
        for node in nodes
        for other in needs.get(node, ())
        if other in place
    ]
    boxes = [_box(number[node], *place[node], *nodes[node]) for node in nodes]
    drawn = "\n".join([*edges, *boxes])
    return (
        f'<svg viewBox="0 0 {width} {height}" style="min-width:{width}px" role="img" '
        f'aria-label="Which package needs which">\n{drawn}\n</svg>'
    )


def _tile(tile: Tile, place: Rectangle) -> str:
    label = ""
    letters = int((place.width - 10) / _LETTER)
    if place.height > 16 and letters >= 3:
        name = tile.name if len(tile.name) <= letters else tile.name[: letters - 1] + "…"
        label = f'<text x="{place.x + 5:.1f}" y="{place.y + 14:.1f}">{text(name)}</text>'
    return (
        f'<g><title>{text(tile.title)}</title><rect class="tile {tile.kind}" x="{place.x:.1f}" y="{place.y:.1f}" '
        f'width="{place.width:.1f}" height="{place.height:.1f}"/>{label}</g>'
    )


def _edge(one: int, other: int, start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + _BOX, start[1] + 8, end[0], end[1] + 8
    middle = (x1 + x2) / 2
    return (
        f'<path class="edge" data-a="{one}" data-b="{other}" '
        f'd="M{x1:.0f} {y1:.0f}C{middle:.0f} {y1:.0f} {middle:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )


def _box(number: int, x: float, y: float, name: str, kind: str) -> str:
    letters = int((_BOX - 12) / _LETTER)
    shown = name if len(name) <= letters else name[: letters - 1] + "…"
    return (
        f'<g class="n {kind}" data-i="{number}" tabindex="0"><title>{text(name)}</title>'
        f'<rect class="node" x="{x:.0f}" y="{y:.0f}" width="{_BOX}" height="17" rx="3"/>'
        f'<text x="{x + 6:.0f}" y="{y + 12.5:.1f}">{text(shown)}</text></g>'
    )
