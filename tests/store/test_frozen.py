from __future__ import annotations

from pathlib import Path

from envmgr.settings import Settings
from envmgr.store import frozen, layout


def test_below_a_file_nothing_is_frozen(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    frozen.check_thawed(layout.at_path(settings, tmp_path / "file/env"), override=False)
