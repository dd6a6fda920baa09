from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.store.inventory import Inventory, read_regular, sha256_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "lib/real").mkdir(parents=True)
    (root / "lib/real/file").write_text("x")
    for link, target in {
        "lib64": "lib",
        "lib/alias": "real",
        "lib/up": "../lib/./real",
        "lib/absolute": f"{root}/lib/real",
        "out": "/etc",
        "far": "../../../../../../etc",
        "loop": "loop",
        "a": "b",
        "b": "a",
    }.items():
        (root / link).symlink_to(target)
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lib/real/file", "lib/real/file"),
        ("lib64/real/file", "lib/real/file"),
        ("lib64/alias/file", "lib/real/file"),
        ("lib/up/file", "lib/real/file"),
        ("lib/absolute/file", "lib/real/file"),
        ("lib64", "lib64"),
        ("out", "out"),
        ("out/passwd", None),
        ("far/passwd", None),
        ("loop/x", None),
        ("a/x", None),
        ("lib/real/file/x", None),
        ("../root/lib", None),
        ("nowhere", None),
    ],
)
def test_path_is_where_links_inside_of_the_tree_lead(tree: Path, path: str, expected: str | None) -> None:
    assert Inventory.read(tree).resolve(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"), [("lib64", "lib"), ("out", None), ("loop", None), ("lib/up", "lib/real")]
)
def test_last_component_is_followed_on_demand(tree: Path, path: str, expected: str | None) -> None:
    assert Inventory.read(tree).follow(path) == expected


def test_links_that_lead_out_are_told_from_those_that_do_not(tree: Path) -> None:
    inventory = Inventory.read(tree)
    links = [path for path, entry in inventory.entries.items() if entry.kind == "link"]
    assert {path for path in links if inventory.leads_out(path)} == {"out", "far"}


def test_nothing_behind_a_link_is_listed_and_an_absent_tree_is_empty(tree: Path) -> None:
    inventory = Inventory.read(tree)
    assert not [path for path in inventory.entries if path.startswith(("out/", "lib64/", "lib/alias/"))]
    assert inventory.entries["pipe"].kind == "other"
    absent = Inventory.read(tree / "absent")
    assert (absent.entries, list(absent.unreadable)) == ({}, ["."])


@pytest.mark.parametrize("path", ["pipe", "lib", "lib64", "out", "absent"])
def test_only_regular_files_are_read(tree: Path, path: str) -> None:
    for read in (read_regular, sha256_of):
        with pytest.raises(OSError, match=str(tree / path)):
            read(tree / path)
