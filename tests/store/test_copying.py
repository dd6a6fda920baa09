"""One file brought from one tree to another: never hardlinked, all its attributes kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.store import copying


def test_copy_has_contents_mode_and_times_and_is_a_file_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(3_000_000))
    source.chmod(0o640)
    os.utime(source, ns=(5, 1_234_567_890_123_456_789))
    copying.copy(str(source), str(target))
    one, other = source.stat(), target.stat()
    assert target.read_bytes() == source.read_bytes()
    assert (other.st_mode, other.st_mtime_ns, other.st_nlink) == (one.st_mode, one.st_mtime_ns, 1)
    assert other.st_ino != one.st_ino


@pytest.mark.parametrize("data", [(), (0,), (3 << 20,), (0, 2 << 20)])
def test_holes_stay_holes(tmp_path: Path, data: tuple[int, ...]) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    with source.open("wb") as file:
        file.truncate(4 << 20)
        for position in data:
            file.seek(position)
            file.write(b"x" * 5000)
    copying.copy(str(source), str(target))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks + 64


def test_link_stays_the_link_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/nowhere/at all")
    os.utime(tmp_path / "a", ns=(5, 7_000_000_000), follow_symlinks=False)
    copying.copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert os.readlink(tmp_path / "b") == "/nowhere/at all"
    assert (tmp_path / "b").lstat().st_mtime_ns == 7_000_000_000


def test_existing_files_are_not_overwritten_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError):
        copying.copy(str(tmp_path / "a"), str(tmp_path / "b"))
    with pytest.raises(OSError, match="no regular file"):
        copying.copy(str(tmp_path / "pipe"), str(tmp_path / "c"))
    assert (tmp_path / "b").read_text() == "2"


def test_trying_whether_files_can_share_their_blocks_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = copying.can_reflink(tmp_path)
    assert os.listdir(tmp_path) == []
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)  # as where a file needs a name
    assert copying.can_reflink(tmp_path) == answer
    assert os.listdir(tmp_path) == []
