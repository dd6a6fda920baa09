from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.errors import PipError
from envmgr.pypi.merge import merge


def write(root: Path, *paths: str, text: str = "") -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_directories_are_joined(tmp_path: Path) -> None:
    tree, staging = write(tmp_path / "tree", "lib/a/b", "lib/c"), write(tmp_path / "staging", "lib/a/x", "bin/y")
    merge(tree, staging, owners={}, records={})

    assert files(staging) == {"lib/a/b", "lib/a/x", "lib/c", "bin/y"}
    assert files(tree) == set()


@pytest.mark.parametrize(("ours", "theirs"), [("a/b", "a"), ("a", "a/b"), ("a/b", "a/b")])
def test_nothing_moves_when_one_path_is_taken(tmp_path: Path, ours: str, theirs: str) -> None:
    tree = write(tmp_path / "tree", ours, "0-first", text="pip")
    staging = write(tmp_path / "staging", theirs, text="conda")
    with pytest.raises(PipError, match="would overwrite a"):
        merge(tree, staging, owners={}, records={})

    assert files(staging) == {theirs}


def test_a_link_out_of_the_environment_is_not_written_through(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", "share/x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "share").symlink_to(tmp_path / "outside")
    with pytest.raises(PipError, match="leads out of the environment"):
        merge(tree, tmp_path / "staging", owners={}, records={})

    assert files(tmp_path / "outside") == set()


def test_a_link_to_the_records_is_not_written_through(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", "share/records/envmgr/x")
    staging = write(tmp_path / "staging", "conda-meta/envmgr/y")
    (staging / "share").mkdir()
    (staging / "share" / "records").symlink_to("../conda-meta")
    with pytest.raises(PipError, match="leads to conda's records"):
        merge(tree, staging, owners={}, records={})

    assert files(staging / "conda-meta") == {"envmgr/y"}


def test_a_link_inside_the_environment_is_a_directory(tmp_path: Path) -> None:
    tree, staging = write(tmp_path / "tree", "lib64/x"), write(tmp_path / "staging", "lib/y")
    (staging / "lib64").symlink_to("lib")
    merge(tree, staging, owners={}, records={})

    assert (staging / "lib" / "x").is_file()
