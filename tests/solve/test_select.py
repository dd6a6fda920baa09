from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envmgr.errors import SolverUnavailable, UsageError
from envmgr.solve.select import is_libmamba_present, solver
from solve.indexes import open_gateway


def test_rattler_is_always_there(tmp_path: Path) -> None:
    assert solver("rattler", open_gateway(tmp_path)).name == "rattler"


def test_auto_takes_libmamba_where_it_can_be_imported(tmp_path: Path) -> None:
    assert solver("auto", open_gateway(tmp_path)).name == ("libmamba" if is_libmamba_present() else "rattler")


@pytest.mark.skipif(is_libmamba_present(), reason="libmambapy is installed")
def test_libmamba_asked_for_and_absent_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SolverUnavailable) as caught:
        solver("libmamba", open_gateway(tmp_path))
    assert "--solver rattler" in (caught.value.hint or "")


@pytest.mark.skipif("libmambapy" in sys.modules or is_libmamba_present(), reason="libmambapy is installed")
def test_a_libmamba_that_does_not_load_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "libmambapy"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('libsolv.so.1: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert solver("auto", open_gateway(tmp_path)).name == "rattler"
    with pytest.raises(SolverUnavailable, match=r"libsolv\.so\.1"):
        solver("libmamba", open_gateway(tmp_path))


def test_a_name_that_is_no_solver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="classic"):
        solver("classic", open_gateway(tmp_path))
