"""The registry's AutoRun is text: what becomes of it is known everywhere, and written on Windows only."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import UsageError
from envmgr.shell import autorun

HOOK = r"C:\store of me\shell\hook.bat"
CONDA = r'if exist "C:\miniconda3\condabin\conda_hook.bat" "C:\miniconda3\condabin\conda_hook.bat"'
OWN = rf'(if exist "{HOOK}" doskey envmgr=call "{HOOK}" $*)'


@given(before=st.one_of(st.none(), st.text(max_size=30), st.sampled_from([CONDA, "", " & ", f"{CONDA} & echo x"])))
def test_taking_the_command_out_gives_back_every_character(before: str | None) -> None:
    written = autorun.with_hook(before, HOOK)
    assert autorun.without_hook(written) == before
    assert autorun.with_hook(written, HOOK) == written


def test_what_others_run_does_not_depend_on_ours_nor_ours_on_theirs() -> None:
    """The rest of a line belongs to an `if` in it: `if exist conda_hook.bat x & ours` runs ours with conda only."""
    assert autorun.with_hook(CONDA, HOOK) == f"{OWN} & {CONDA}"


def test_a_command_for_another_store_is_replaced_in_its_place() -> None:
    written = f"echo a & {OWN} & echo b"
    moved = autorun.with_hook(written, r"D:\hook.bat")
    assert moved == r'echo a & (if exist "D:\hook.bat" doskey envmgr=call "D:\hook.bat" $*) & echo b'
    assert autorun.without_hook(moved) == "echo a & echo b"
    assert autorun.without_hook(f"echo a & {OWN}") == "echo a"


@pytest.mark.skipif(sys.platform == "win32", reason="this is about the other systems")
def test_elsewhere_than_on_windows_the_way_is_said() -> None:
    with pytest.raises(UsageError, match="registry of Windows") as raised:
        autorun.read()
    assert "envmgr init bash" in (raised.value.hint or "")
