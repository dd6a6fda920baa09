"""What trees take: every inode once, shared where a hard link says so, and equal to what `du` counts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envmgr.store.footprint import Census, freed


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path, Path]:
    """`a` and `b` share a file, `a` has one of its own with two names, `c` shares one with nobody that is counted."""
    a, b, c = (tmp_path / name for name in "abc")
    for tree in (a, b, c):
        (tree / "below").mkdir(parents=True)
    (a / "shared").write_bytes(os.urandom(100_000))
    os.link(a / "shared", b / "below/shared")
    (a / "own").write_bytes(os.urandom(20_000))
    os.link(a / "own", a / "below/again")
    (c / "elsewhere").write_bytes(os.urandom(30_000))
    os.link(c / "elsewhere", tmp_path / "outside")
    (b / "link").symlink_to("/")
    return a, b, c


def on_disk(path: Path) -> int:
    return int(subprocess.run(["du", "-s", "-B1", path], capture_output=True, check=True).stdout.split()[0])


def test_it_counts_as_du_does(trees: tuple[Path, Path, Path]) -> None:
    if shutil.which("du") is None:
        pytest.skip("du is not on PATH")
    census = Census(trees)
    assert [census.of([at]).bytes for at in range(3)] == [on_disk(tree) for tree in trees]


def test_every_inode_counts_once_and_the_parts_add_up(trees: tuple[Path, Path, Path]) -> None:
    census = Census(trees)
    parts = [census.of([at]) for at in range(3)]
    assert [part.files for part in parts] == [3, 2, 1]
    assert [part.inodes for part in parts] == [4, 4, 3]
    assert [part.unique_inodes for part in parts] == [3, 3, 2]
    shared = (trees[0] / "shared").stat().st_blocks * 512
    outside = (trees[2] / "elsewhere").stat().st_blocks * 512
    assert sum(part.unique_bytes for part in parts) + shared + outside == census.total.bytes
    assert census.of([0, 1]).unique_bytes == parts[0].unique_bytes + parts[1].unique_bytes + shared


def test_what_is_removed_together_is_free_together(trees: tuple[Path, Path, Path]) -> None:
    shared = (trees[0] / "shared").stat().st_blocks * 512
    alone = [freed([tree])[0] for tree in trees]
    assert alone == [Census(trees).of([at]).unique_bytes for at in range(3)]
    assert sum(freed(trees)) == sum(alone) + shared


def test_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert Census([tmp_path / "absent"]).total == (0, 0, 0, 0, 0)
    assert freed([tmp_path / "absent"]) == (0,)
