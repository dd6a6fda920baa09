"""One walk tells what packages put into a tree from what they did not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.store.walk import ancestors, walk_through

OWNED = {"lib/a": "conda-meta/a.json", "lib/b": "conda-meta/a.json", "lib/gone": "conda-meta/a.json"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("lib/a", "lib/b", "lib/loose", "mine/deep/x", "lib/__pycache__/a.pyc"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    os.link(tmp_path / "tree/lib/a", tmp_path / "elsewhere")  # as to the package cache
    return tmp_path / "tree"


def test_files_of_packages_are_told_from_those_of_nobody(tree: Path) -> None:
    found = walk_through(str(tree), OWNED, None)
    assert found.seen == {"lib/a", "lib/b"}
    assert set(found.loose) == {"lib/loose", "mine/deep/x"}
    assert set(found.directories) == {"mine", "mine/deep"}
    assert found.derived == {"lib"}


def test_only_what_may_have_been_changed_since_it_was_complete_is_doubtful(tree: Path) -> None:
    status = (tree / "lib/a").stat()
    assert walk_through(str(tree), OWNED, 2**62).doubtful == []
    assert sorted(walk_through(str(tree), OWNED, 0).doubtful) == ["lib/a", "lib/b"]
    os.utime(tree / "lib/a", ns=(0, 0))  # the ctime says it, and counts only where the file has no other link
    os.utime(tree / "lib/b", ns=(0, 0))
    found = walk_through(str(tree), OWNED, status.st_mtime_ns - 1)
    assert found.doubtful == ["lib/b"]
    assert "lib/b" in found.watched
    assert "lib/a" not in found.watched


def test_what_is_no_tree_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for absent in (tmp_path / "absent", tmp_path / "file"):
        assert walk_through(str(absent), OWNED, None).seen == set()


def test_ancestors_are_all_directories_above() -> None:
    assert ancestors(["a/b/c", "a/d", "e"]) == {"a/b", "a", ""}
