from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.platforms.accelerators import is_visible


@pytest.mark.parametrize(
    ("environ", "has_sign", "expected"),
    [({}, True, True), ({}, False, False), ({"CONDA_OVERRIDE_CUDA": ""}, True, False),
     ({"CONDA_OVERRIDE_CUDA": "12"}, False, True)],
)  # fmt: skip
def test_a_driver_is_seen_by_its_files_unless_it_is_said(
    tmp_path: Path, environ: dict[str, str], has_sign: bool, expected: bool
) -> None:
    sign = tmp_path / "nvidiactl"
    if has_sign:
        sign.touch()
    assert is_visible(environ, [str(sign)]) is expected
