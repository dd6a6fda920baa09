"""A directed graph in layers, for drawing: what is needed stands to the right of what needs it.

Layers by longest path, circles cut where they are met; order within layers by barycentres (Sugiyama and others, 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SWEEPS = 6


def layered(nodes: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the nodes in layers from left to right; what nobody needs stands in the first."""
    depth: dict[str, int] = dict.fromkeys(nodes, 0)
    order = _topological(nodes, needs)
    place = {node: at for at, node in enumerate(order)}
    for node in order:
        for other in needs.get(node, ()):
            if other in place and place[other] > place[node]:  # else it closes a circle
                depth[other] = max(depth[other], depth[node] + 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in order:
        layers[depth[node]].append(node)
    return _ordered(layers, needs)


def _topological(nodes: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the nodes, what needs before what is needed as far as circles allow; deep graphs need no deep stack."""
    known, done, found = set(nodes), set(), []
    needed = {other for node in nodes for other in needs.get(node, ())}
    for root in sorted(nodes, key=lambda node: (node in needed, node)):
        stack = [(root, iter(sorted(needs.get(root, ()))))] if root not in done else []
        done.add(root)
        while stack:
            node, others = stack[-1]
            following = next((other for other in others if other in known and other not in done), None)
            if following is None:
                found.append(node)
                stack.pop()
            else:
                done.add(following)
                stack.append((following, iter(sorted(needs.get(following, ())))))
    return found[::-1]


def _ordered(layers: list[list[str]], needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    neighbours: dict[str, list[str]] = {node: [] for layer in layers for node in layer}
    for node in list(neighbours):
        for other in needs.get(node, ()):
            if other in neighbours:
                neighbours[node].append(other)
                neighbours[other].append(node)
    for _ in range(_SWEEPS):
        place = {node: at / max(len(layer), 1) for layer in layers for at, node in enumerate(layer)}
        for layer in layers:
            centre = {
                node: sum(place[each] for each in neighbours[node]) / len(neighbours[node])
                if neighbours[node]
                else place[node]
                for node in layer
            }
            layer.sort(key=lambda node: (centre[node], node))
            place |= {node: at / max(len(layer), 1) for at, node in enumerate(layer)}
    return layers
