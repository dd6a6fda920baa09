"""conda-meta/pinned, as conda reads it, and what may stand in it instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.settings import Settings
from envmgr.store import pinned


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "conda-meta").mkdir()
    return tmp_path / pinned.FILE


def test_each_line_is_a_pin_and_comments_are_none(tmp_path: Path, file: Path) -> None:
    assert pinned.lines(tmp_path) == ()
    file.write_bytes(b"\xef\xbb\xbf# ours\r\npython 3.12.*  # for the cluster\r\n\r\n   numpy<2\n#scipy\nlast=1")
    assert pinned.lines(tmp_path) == (("python 3.12.*", 2), ("numpy<2", 4), ("last=1", 6))


def test_pins_of_an_environment_hold_beside_those_of_the_configuration(tmp_path: Path, file: Path) -> None:
    settings = Settings.load({"HOME": str(tmp_path), "ENVMGR_PINNED_PACKAGES": "scipy 1"})
    assert pinned.in_force(settings, tmp_path) is settings
    file.write_text("\nnumpy<2\n")
    pins = pinned.in_force(settings, tmp_path).pinned_packages
    assert pins == (("scipy 1", "ENVMGR_PINNED_PACKAGES"), ("numpy<2", f"{file}:2"))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"python\n\xff\xfe\n", ":2: expected UTF-8"), (b"x" * (1 << 20) + b"\n", "more than 1048576 bytes")],
)
def test_what_is_no_such_text_is_refused_with_its_place(
    content: bytes, message: str, tmp_path: Path, file: Path
) -> None:
    file.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        pinned.lines(tmp_path)
    assert message in caught.value.message
    assert str(file) in caught.value.message


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(make: object, tmp_path: Path, file: Path) -> None:
    assert callable(make)
    make(file)
    with pytest.raises(SpecError, match=r"conda-meta/pinned cannot be read"):
        pinned.lines(tmp_path)
