"""Whether a driver may be there, and which machine this is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envmgr.platforms import driver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="drivers are looked for on Linux only")


def test_a_program_or_a_library_of_nvidia_tells_of_a_driver(tmp_path: Path) -> None:
    bare = {"PATH": str(tmp_path / "bin"), "LD_LIBRARY_PATH": f":{tmp_path / 'lib'}"}
    if driver.may_be_there(bare):
        pytest.skip("this machine has a driver of its own")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nvidia-smi").write_text("")
    assert not driver.may_be_there(bare)  # no program
    (tmp_path / "bin/nvidia-smi").chmod(0o755)
    assert driver.may_be_there(bare)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libcuda.so.1").write_text("")
    assert driver.may_be_there({**bare, "PATH": ""})


def test_a_machine_is_known_by_its_boot_kernel_and_library_as_long_as_no_driver_is_in_doubt(tmp_path: Path) -> None:
    mark = driver.machine_mark({"PATH": ""})
    assert mark == driver.machine_mark({"PATH": ""})
    if mark is None:
        pytest.skip("this machine does not tell its boots apart")
    (tmp_path / "nvidia-smi").write_text("")
    (tmp_path / "nvidia-smi").chmod(0o755)
    known = driver.machine_mark({"PATH": str(tmp_path)})
    assert known is None or known != mark
