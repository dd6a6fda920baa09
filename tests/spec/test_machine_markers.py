from __future__ import annotations

import pytest

from envmgr.spec.machine_markers import NEVER, PYTHONS, of_pythons, pythons


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("", ""),
        ("python_version >= '3.11'", "python_version >= '3.11'"),
        ("python_full_version < '3.11'", "python_version < '3.11'"),
        ("python_version < '3.9' or python_version > '3.11'", "python_version < '3.9' or python_version >= '3.12'"),
        ("python_version == '3.10'", "python_version >= '3.10' and python_version < '3.11'"),
        ("sys_platform == 'linux'", ""),
        ("sys_platform == 'win32'", NEVER),
        ("sys_platform == 'win32' or python_version < '3.9'", "python_version < '3.9'"),
    ],
)
def test_a_marker_is_the_pythons_with_which_it_holds_on_a_machine(marker: str, expected: str) -> None:
    assert of_pythons(pythons(marker, "linux-64")) == expected


def test_of_a_machine_that_is_not_known_no_marker_keeps_anything_out() -> None:
    assert pythons("sys_platform == 'win32'", "linux-riscv64") == frozenset(PYTHONS)
