from __future__ import annotations

import subprocess
import sys

import pytest
from rattler import Subdir

from envmgr.errors import UsageError
from envmgr.platforms.subdirs import KNOWN_SUBDIRS, current_subdir, validate_subdir


def test_this_machine_has_the_subdir_that_rattler_gives_it() -> None:
    assert current_subdir() == str(Subdir.current())


@pytest.mark.parametrize("subdir", KNOWN_SUBDIRS)
def test_every_known_subdir_is_one_of_rattler_too(subdir: str) -> None:
    assert validate_subdir(str(Subdir(subdir))) == subdir


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("linux-x86_64", "linux-64"),
        ("linux64", "linux-64"),
        ("Linux-64", "linux-64"),
        ("osx-arm", "osx-arm64"),
        ("macos-arm64", "osx-arm64"),
        ("windows", "win-64"),
        ("linux-arm64", "linux-aarch64"),
    ],
)
def test_a_misspelt_platform_is_refused_with_the_nearest_name(written: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate_subdir(written)
    assert caught.value.hint == f"did you mean `{meant}`?"


def test_noarch_is_no_platform_to_solve_for() -> None:
    with pytest.raises(UsageError, match="noarch"):
        validate_subdir("noarch")


@pytest.mark.parametrize("written", ["", "../linux-64", "linux-64/..", "x" * 10_000, "linux_64 ; rm"])
def test_what_is_no_name_at_all_is_refused_in_one_short_message(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate_subdir(written)
    assert len(caught.value.message) < 200


def test_asking_for_the_subdir_imports_neither_rattler_nor_dataclasses() -> None:
    code = (
        "import sys; from envmgr.platforms.subdirs import current_subdir; current_subdir();"
        "print(sorted({'rattler', 'dataclasses', 'asyncio', 'yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
