from __future__ import annotations

import pytest

from envmgr.lock.graph import Graph, Node
from envmgr.lock.model import CondaPackage, Lock, PipPackage


def conda(
    name: str,
    *depends: str,
    requested: tuple[str, ...] = (),
    distributions: tuple[str, ...] = (),
    constrains: tuple[str, ...] = (),
) -> CondaPackage:
    return CondaPackage(
        name=name,
        version="1",
        build="0",
        build_number=0,
        subdir="noarch",
        channel="https://c.example/c",
        url=f"https://c.example/c/noarch/{name}-1-0.conda",
        filename=f"{name}-1-0.conda",
        sha256="0" * 64,
        depends=depends,
        requested=requested,
        distributions=distributions,
        constrains=constrains,
    )


def pip(name: str, *requires: str, requested: tuple[str, ...] = ()) -> PipPackage:
    return PipPackage(
        name, "2", f"https://i.example/{name}.whl", f"{name}.whl", "0" * 64, None, None, requires, requested
    )


def lock(*packages: CondaPackage | PipPackage, virtual: tuple[str, ...] = ()) -> Lock:
    return Lock(
        "linux-64",
        tuple(each for each in packages if isinstance(each, CondaPackage)),
        tuple(each for each in packages if isinstance(each, PipPackage)),
        virtual_packages=virtual,
    )


def names(nodes: tuple[Node, ...]) -> list[str]:
    return [node.name for node in nodes]


def needed_by(graph: Graph, name: str) -> list[tuple[str, str]]:
    (node,) = graph.find(name)
    return [(edge.dependent.name, edge.spec) for edge in graph.needed_by[node]]


@pytest.mark.parametrize(
    "spec", ["b", "b >=1", "b>=1", "b=1=0", "B 1.*", "c::b 1", "b[version='>=1']", "https://c.example/c::b"]
)
def test_a_dependency_is_found_whatever_spelling_its_spec_has(spec: str) -> None:
    assert needed_by(Graph.of(lock(conda("a", spec), conda("b"))), "b") == [("a", spec)]


def test_a_requirement_leads_to_the_conda_package_that_provides_its_distribution() -> None:
    graph = Graph.of(
        lock(conda("pytorch", distributions=("torch==1",)), pip("Lightning.X", "torch"), pip("y", "lightning_x>1"))
    )
    assert needed_by(graph, "pytorch") == [("Lightning.X", "torch")]
    assert needed_by(graph, "lightning-x") == [("y", "lightning_x>1")]


def test_python_brings_pip_unless_pip_was_asked_for_or_is_needed() -> None:
    assert needed_by(Graph.of(lock(conda("python"), conda("pip", "python"))), "pip") == [("python", "pip")]
    asked = lock(conda("python"), conda("pip", "python", requested=("pip",)))
    assert needed_by(Graph.of(asked), "pip") == []


def test_roots_are_what_was_asked_for_and_what_nobody_needs_also_in_a_circle() -> None:
    graph = Graph.of(
        lock(
            conda("a", "b", requested=("a",)),
            conda("b", "a"),
            conda("left-over"),
            conda("x", "y"),
            conda("y", "x"),
            virtual=("__glibc=2.36=0",),
        )
    )
    assert names(graph.roots) == ["a", "left-over", "x", "y"]


def test_chains_are_the_shortest_way_from_each_root() -> None:
    graph = Graph.of(
        lock(
            conda("a", "b", "c", requested=("a",)),
            conda("b", "c"),
            conda("c", "__glibc >=2.17"),
            conda("d", "b", requested=("d",)),
            virtual=("__glibc=2.36=0",),
        )
    )
    (glibc,) = graph.find("__glibc")
    assert glibc.version == "2.36"
    chains = [[chain[0].dependent.name, *(edge.dependency.name for edge in chain)] for chain in graph.chains(glibc)]
    assert chains == [["a", "c", "__glibc"], ["d", "b", "c", "__glibc"]]


def test_bounds_are_no_needs() -> None:
    graph = Graph.of(lock(conda("a", constrains=("b <2", "absent <3")), conda("b")))
    (node,) = graph.find("b")
    assert (graph.needed_by[node], [edge.spec for edge in graph.constrains[node]]) == ((), ["b <2"])


def test_both_halves_may_have_a_package_of_one_name() -> None:
    assert [node.manager for node in Graph.of(lock(conda("numpy"), pip("numpy"))).find("NumPy")] == ["conda", "pip"]
