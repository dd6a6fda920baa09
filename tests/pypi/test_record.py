from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.errors import PipError
from envmgr.pypi.record import Record, replace_file


@pytest.fixture
def dist_info(tmp_path: Path) -> Path:
    directory = tmp_path / "lib/python3.12/site-packages/x-1.0.dist-info"
    directory.mkdir(parents=True)
    return directory


def read(dist_info: Path, text: str, root: Path) -> Record:
    (dist_info / "RECORD").write_text(text)
    return Record.read(dist_info / "RECORD", root=root)


def test_paths_are_relative_to_the_root(dist_info: Path, tmp_path: Path) -> None:
    record = read(dist_info, '../../../bin/x,sha256=a,1\n"x, y.py",,\n', tmp_path)

    assert record.files == {"bin/x", "lib/python3.12/site-packages/x, y.py"}
    assert record.digest("bin/x") == "sha256=a"


@pytest.mark.parametrize("path", ["../../../../x", "/etc/passwd", "../../.."])
def test_a_path_outside_is_refused(dist_info: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(PipError, match=r"RECORD lists `.*`, which is outside the environment"):
        read(dist_info, f"{path}/,,\n", tmp_path / "lib" if path == "../../.." else tmp_path)


def test_an_unchanged_record_is_not_written(dist_info: Path, tmp_path: Path) -> None:
    text = "b.py,,\na.py,,\n"
    read(dist_info, text, tmp_path).write()

    assert (dist_info / "RECORD").read_text() == text


def test_changes_are_recorded_with_hash_and_size(dist_info: Path, tmp_path: Path) -> None:
    record = read(dist_info, "x-1.0.dist-info/OLD,sha256=a,1\nx-1.0.dist-info/RECORD,,\n", tmp_path)
    record.add("REQUESTED", b"")
    record.drop("OLD")
    record.write()

    assert (dist_info / "RECORD").read_text() == (
        "x-1.0.dist-info/RECORD,,\nx-1.0.dist-info/REQUESTED,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
    )


def test_replacing_a_file_leaves_its_other_links_alone(tmp_path: Path) -> None:
    (tmp_path / "cached").write_text("old")
    os.chmod(tmp_path / "cached", 0o755)
    os.link(tmp_path / "cached", tmp_path / "installed")
    replace_file(tmp_path / "installed", b"new")

    assert (tmp_path / "cached").read_text() == "old"
    assert (tmp_path / "installed").read_text() == "new"
    assert (tmp_path / "installed").stat().st_mode & 0o777 == 0o755
