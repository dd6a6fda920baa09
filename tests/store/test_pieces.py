"""Who has which path, before anything is linked."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "packages",
    [
        (Package(name="a", files={"x/y": ""}), Package(name="b", files={"x": ""})),
        (Package(name="a", files={"x": ""}), Package(name="b", files={"x/y/z": ""})),
        (Package(name="a", files={"x/y": ""}), Package(name="b", symlinks={"x": "z"})),
        (Package(name="a", noarch="python", files={"python-scripts/x/y": ""}), Package(name="b", files={"bin/x": ""})),
        (Package(name="a", noarch="python", files={"python-scripts/a": "", "bin/a": ""}), Package(name="b")),
    ],
    ids=["directory, file", "file, directory", "directory, link", "placed", "twice in one"],
)
def test_what_is_more_than_two_files_at_one_path_is_left_to_rattler(store: Store, packages: tuple[Package]) -> None:
    with pytest.raises(Unfit):
        _decided(store, *packages)


def test_without_python_there_is_no_place_for_its_packages(store: Store) -> None:
    with pytest.raises(Unfit):
        _decided(store, Package(name="a", noarch="python", files={"site-packages/a.py": ""}), placed=None)
