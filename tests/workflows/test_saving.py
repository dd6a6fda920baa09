from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.settings import Settings
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.edits import Edits
from envmgr.workflows import saving

EDITS = Edits(dependencies=(parse_dependency("b"),))


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "project/environment.yml"
    path.parent.mkdir()
    path.write_text("dependencies: [a]\n")
    edited = saving.edit(str(path), EDITS, settings, platform="linux-64")
    path.write_text("dependencies: [a, c]\n")
    with pytest.raises(SpecError, match="was changed by another program"):
        saving.write(edited)
    assert path.read_text() == "dependencies: [a, c]\n"
    path.unlink()
    with pytest.raises(SpecError, match=r"cannot be written: .*; the environment was changed"):
        saving.write(edited)
    assert list(path.parent.iterdir()) == []


def test_a_byte_order_mark_and_line_ends_stay(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "project/environment.yml"
    path.parent.mkdir()
    path.write_bytes("\ufeffname: é\r\ndependencies:\r\n- a\r\n".encode())
    edited = saving.edit(str(path), EDITS, settings, platform="linux-64")
    saving.write(edited)
    assert path.read_bytes() == "\ufeffname: é\r\ndependencies:\r\n- a\r\n- b\r\n".encode()
    assert [path.name for path in path.parent.iterdir()] == ["environment.yml"]
