from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from envmgr.pypi import stubs
from envmgr.pypi.provided import Distribution
from envmgr.pypi.target import Target
from envmgr.urls import path_of_file_url
from pypi.conftest import GLIBC, conda_package

TARGET = Target.of([conda_package("python", "3.12.4")], platform="linux-64", virtual_packages=GLIBC)


def distribution(*requires: str, extras: tuple[str, ...] = (), version: str = "1.0") -> Distribution:
    return Distribution(name="x-y", version=version, package=conda_package("x-y"), extras=extras, requires=requires)


@pytest.mark.parametrize(
    ("requires", "kept"),
    [
        ("a>1", None),
        ("a>1; python_version > '3'", None),
        ("a>1; python_version < '3'", None),
        ("a>1,<2; extra == 'e'", "Requires-Dist: a<2,>1 ; extra == 'e'"),
        ("a[b]; extra == 'e' and sys_platform == 'linux'", "Requires-Dist: a[b] ; extra == 'e'"),
        ("a; extra == 'e' and sys_platform == 'win32'", None),
        ("a; extra == 'e' or python_version > '3'", None),
        ("a @ https://example.org/a.whl ; extra == 'e'", "Requires-Dist: a ; extra == 'e'"),
        ("not a requirement ==", None),
    ],
)
def test_only_what_an_extra_adds_here_is_required(requires: str, kept: str | None) -> None:
    lines = stubs.metadata(distribution(requires, extras=("e",)), TARGET).splitlines()

    assert lines[3] == "Provides-Extra: e"
    assert lines[4:] == ([kept] if kept else [])


def test_same_distribution_same_place_and_bytes(tmp_path: Path) -> None:
    first = stubs.write([distribution()], TARGET, tmp_path / "one")["x-y"]
    again = stubs.write([distribution()], TARGET, tmp_path / "one")["x-y"]
    other = stubs.write([distribution()], TARGET, tmp_path / "two")["x-y"]

    assert first == again
    assert path(first).read_bytes() == path(other).read_bytes()
    assert [file.name for file in path(first).parent.iterdir()] == ["x_y-1.0-py3-none-any.whl"]


def test_a_damaged_stub_is_written_again(tmp_path: Path) -> None:
    constraint = stubs.write([distribution()], TARGET, tmp_path)["x-y"]
    path(constraint).write_bytes(b"")
    stubs.write([distribution()], TARGET, tmp_path)

    assert zipfile.is_zipfile(path(constraint))


def path(constraint: str) -> Path:
    found = path_of_file_url(constraint.partition(" @ ")[2])
    assert found is not None
    return found
