"""A squarified treemap: rectangles whose areas are to each other as given sizes.

Bruls, Huizing, van Wijk: Squarified Treemaps (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    """A place in the plane, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: Sequence[float], space: Rectangle) -> tuple[Rectangle, ...]:
    """Return one rectangle a size, in order, which together fill `space`; sizes are positive and best descending."""
    total = sum(sizes)
    if total <= 0:
        return ()
    scale = space.width * space.height / total
    areas = [size * scale for size in sizes]
    found: list[Rectangle] = []
    left = space
    at = 0
    while at < len(areas):
        row = [areas[at]]
        side = min(left.width, left.height)
        while at + len(row) < len(areas) and _worst([*row, areas[at + len(row)]], side) <= _worst(row, side):
            row.append(areas[at + len(row)])
        placed, left = _laid(row, left)
        found += placed
        at += len(row)
    return tuple(found)


def _worst(row: Sequence[float], side: float) -> float:
    """Return the ratio of the longest to the shortest side of the least square rectangle of a row."""
    total = sum(row)
    if side <= 0 or total <= 0 or min(row) <= 0:
        return float("inf")
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _laid(row: Sequence[float], space: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """Return a row along the shorter side of a space, and what is left of it."""
    total = sum(row)
    placed = []
    if space.width >= space.height:
        width = total / space.height if space.height else 0.0
        y = space.y
        for area in row:
            height = area / width if width else 0.0
            placed.append(Rectangle(space.x, y, width, height))
            y += height
        return placed, Rectangle(space.x + width, space.y, max(space.width - width, 0.0), space.height)
    height = total / space.width if space.width else 0.0
    x = space.x
    for area in row:
        width = area / height if height else 0.0
        placed.append(Rectangle(x, space.y, width, height))
        x += width
    return placed, Rectangle(space.x, space.y + height, space.width, max(space.height - height, 0.0))
