"""Trees: everything in them is seen and nothing followed; the deepest and the most closed one can be removed."""

from __future__ import annotations

import os
from pathlib import Path

from envmgr.artifacts.trees import DEEPEST, Tree, measure, remove


def test_tree_tells_files_links_and_directories_apart_without_following(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_text("12345")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "a" / "root").symlink_to("/")
    tree = Tree.read(tmp_path)
    assert tree == Tree({"a/file": 5}, {"loop": ".", "a/root": "/"}, {"a", "a/b"}, [], [])
    assert tree.bytes == 5
    assert measure(tmp_path)[1] == 5


def test_special_files_and_set_id_bits_are_faults(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "program").write_text("x")
    (tmp_path / "program").chmod(0o4755)
    assert sorted(path for path, _ in Tree.read(tmp_path).faults) == ["pipe", "program"]


def test_hard_links_within_the_tree_are_told_from_those_to_elsewhere(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "one").write_text("x")
    os.link(tree / "one", tree / "two")
    assert Tree.read(tree).shared == []
    os.link(tree / "one", tmp_path / "elsewhere")
    assert len(Tree.read(tree).shared) == 1


def make_deep(directory: Path, depth: int) -> None:
    directory.mkdir()
    here = os.open(directory, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_depth_beyond_reason_is_a_fault_and_can_still_be_removed(tmp_path: Path) -> None:
    make_deep(tmp_path / "deep", 1500)
    tree = Tree.read(tmp_path / "deep")
    assert len(tree.directories) == DEEPEST
    assert [what for _, what in tree.faults] == [f"lies more than {DEEPEST} directories deep"]
    remove(tmp_path / "deep")
    assert list(tmp_path.iterdir()) == []


def test_directories_without_permissions_are_removed(tmp_path: Path) -> None:
    (tmp_path / "tree" / "closed" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "closed" / "file").write_text("x")
    (tmp_path / "tree" / "closed" / "below").chmod(0)
    (tmp_path / "tree" / "closed").chmod(0)
    remove(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_what_they_point_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    remove(tmp_path / "tree")
    (tmp_path / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    remove(tmp_path / "link")
    (tmp_path / "file").write_text("x")
    remove(tmp_path / "file")
    remove(tmp_path / "absent")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "kept", tmp_path / "kept" / "file"]
