"""Who has which path, before anything is linked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders.packages import Package
from builders.store import Store
from envmgr.artifacts.plan import Placed
from envmgr.reporting import SilentReporter
from envmgr.store import pieces
from envmgr.store.pieces import Piece, Unfit

PLACED = Placed("lib/python3.12/site-packages", "bin")


def _decided(store: Store, *packages: Package, placed: Placed | None = PLACED) -> list[Piece]:
    store.channel.add(*packages)
    lock = store.lock(*(package.name for package in packages))
    artifacts = store.cache.fetch(lock.conda, channels=(), reporter=SilentReporter())
    return pieces.decide(lock, artifacts, (), store.cache.directory, placed)


def _targets(piece: Piece) -> set[str]:
    plan = piece.plan
    linked = {f"{group.target}/{name}".lstrip("/") for group in plan.groups for name in group.names}
    return linked | {each.target for each in plan.made}


def test_losers_go_aside_and_only_they(store: Store) -> None:
    first, second, third = _decided(
        store,
        Package(name="a", files={"x": "1", "y/z": "1", "own": ""}),
        Package(name="b", depends=["a"], files={"x": "2"}, symlinks={"y/z": "../x"}),
        Package(name="c", noarch="python", files={"site-packages/c.py": "", "other": ""}),
    )
    assert _targets(first) == {"__clobbers__/a/x", "__clobbers__/a/y/z", "own"}
    assert _targets(second) == {"x", "y/z"}
    assert _targets(third) == {"lib/python3.12/site-packages/c.py", "other"}


FILE = Package(name="b", files={"x": "file", "own": ""})
LINK = Package(name="b", symlinks={"x": "z"}, files={"own": ""})
BELOW = Package(name="a", files={"x/y": "", "x/z/w": "", "a": ""})
ABOVE = Package(name="c", depends=["b"], files={"x/y": "c", "x/c": ""})


@pytest.mark.parametrize("other", [FILE, LINK], ids=["file", "link"])
def test_whole_directory_goes_aside_for_the_file_of_a_later_package(store: Store, other: Package) -> None:
    below, above = _decided(store, BELOW, replace(other, depends=["a"]))
    assert _targets(below) == {"__clobbers__/a/x/y", "__clobbers__/a/x/z/w", "a"}
    assert "x" not in below.plan.directories
    assert "x/z" not in below.plan.directories
    assert _targets(above) == {"x", "own"}


@pytest.mark.parametrize("other", [FILE, LINK], ids=["file", "link"])
def test_file_goes_aside_for_the_directory_of_a_later_package(store: Store, other: Package) -> None:
    first, second = _decided(store, other, ABOVE)
    assert _targets(first) == {"__clobbers__/b/x", "own"}
    assert _targets(second) == {"x/y", "x/c"}


def test_several_packages_below_a_file_are_settled_by_the_last_of_all(store: Store) -> None:
    low, file, high = _decided(store, BELOW, replace(FILE, depends=["a"]), ABOVE)
    assert _targets(low) == {"__clobbers__/a/x/y", "x/z/w", "a"}
    assert _targets(file) == {"__clobbers__/b/x", "own"}
    assert _targets(high) == {"x/y", "x/c"}


def test_what_is_below_a_file_needs_no_winner_of_its_own(store: Store) -> None:
    one, other, file = _decided(
        store,
        Package(name="a", files={"x/y": "", "x/z": ""}),
        Package(name="b", files={"x/y/w": "", "x/z": ""}),
        Package(name="c", depends=["a", "b"], files={"x": ""}),
    )
    assert _targets(one) == {"__clobbers__/a/x/y", "__clobbers__/a/x/z"}
    assert _targets(other) == {"__clobbers__/b/x/y/w", "__clobbers__/b/x/z"}
    assert _targets(file) == {"x"}
    assert {path for piece in (one, other) for path in piece.plan.directories if path.split("/")[0] == "x"} == set()


def test_package_that_brings_a_path_twice_is_left_to_rattler(store: Store) -> None:
    with pytest.raises(Unfit):
        _decided(store, Package(name="a", noarch="python", files={"python-scripts/a": "", "bin/a": ""}))


def test_without_python_there_is_no_place_for_its_packages(store: Store) -> None:
    with pytest.raises(Unfit):
        _decided(store, Package(name="a", noarch="python", files={"site-packages/a.py": ""}), placed=None)
