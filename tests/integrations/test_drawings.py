from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.integrations.drawings import Tile, graph, treemap
from envmgr.integrations.layers import layered
from envmgr.integrations.treemap import Rectangle, squarified


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40), st.floats(10, 2000), st.floats(10, 2000))
def test_a_treemap_fills_its_space_in_proportion(sizes: list[float], width: float, height: float) -> None:
    places = squarified(sorted(sizes, reverse=True), Rectangle(0, 0, width, height))
    scale = width * height / sum(sizes)
    for size, place in zip(sorted(sizes, reverse=True), places, strict=True):
        assert place.width * place.height == pytest.approx(size * scale, rel=1e-6)
        assert place.x >= -1e-6
        assert place.y >= -1e-6
        assert place.x + place.width <= width * (1 + 1e-6)
        assert place.y + place.height <= height * (1 + 1e-6)


def test_a_treemap_of_nothing_is_empty() -> None:
    assert squarified([], Rectangle(0, 0, 1, 1)) == ()
    assert "rect" not in treemap([Tile("a", "conda", 0, "a")])


_GRAPHS = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghi"), unique=True))


@given(_GRAPHS)
def test_every_node_is_in_one_layer_whatever_circles_there_are(needs: dict[str, list[str]]) -> None:
    nodes = sorted(needs)
    layers = layered(nodes, needs)
    assert sorted(node for layer in layers for node in layer) == nodes


def test_what_is_needed_stands_to_the_right() -> None:
    layers = layered(["a", "b", "c", "d"], {"a": ["b", "d"], "b": ["c"], "c": ["d"]})
    assert layers == [["a"], ["b"], ["c"], ["d"]]


def test_a_long_chain_needs_no_deep_stack() -> None:
    nodes = [f"n{at:05}" for at in range(5000)]
    layers = layered(nodes, {one: [other] for one, other in itertools.pairwise(nodes)})
    assert len(layers) == 5000


def test_drawings_are_well_formed_whatever_names_are() -> None:
    name = '<script>"&\x1b[2J'
    ET.fromstring(treemap([Tile(name, "conda", 5, name), Tile("b", "pip", 1, "b")]))
    ET.fromstring(graph({"x": (name, "conda"), "y": ("b", "pip")}, {"x": ["y"], "y": ["x"]}))
