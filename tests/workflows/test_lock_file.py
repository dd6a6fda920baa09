"""Where the lock of a file is, and how it gets there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from envmgr.errors import LockError
from envmgr.workflows import lock_file
from envmgr.workflows.request import CreateRequest, SourceText


def request(*sources: str, **overrides: Any) -> CreateRequest:
    return CreateRequest(command=(), files=tuple(SourceText(source, "") for source in sources), **overrides)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("environment.yml", "environment.conda-lock.yml"),
        ("a b/environment.yaml", "a b/environment.conda-lock.yml"),
        ("/x/gpu.v2.yml", "/x/gpu.v2.conda-lock.yml"),
        ("spec", "spec.conda-lock.yml"),
    ],
)
def test_it_is_beside_the_file_with_its_stem(source: str, path: str) -> None:
    assert lock_file.beside(request(source)) == Path(path)


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request("-"),
        request("https://h.example/environment.yml"),
        request("a.yml", "b.yml"),
        request("a.yml", specs=("numpy",)),
        request("a.yml", no_lock=True),
    ],
)
def test_nothing_but_one_local_file_has_one(asked: CreateRequest) -> None:
    assert lock_file.beside(asked) is None


def test_the_command_that_mends_can_be_pasted() -> None:
    assert (
        lock_file.command(request("my env.yml", platform="osx-64")) == "envmgr lock -f 'my env.yml' --platform osx-64"
    )


def test_writing_replaces_in_one_step_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "x.conda-lock.yml"
    assert lock_file.write(path, b"one")
    first = path.stat()
    assert not lock_file.write(path, b"one")
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    assert lock_file.write(path, b"two")
    assert path.stat().st_ino != first.st_ino
    assert os.listdir(tmp_path) == ["x.conda-lock.yml"]


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.conda-lock.yml").mkdir()
    with pytest.raises(LockError, match="cannot be read: Is a directory"):
        lock_file.read_bytes(tmp_path / "x.conda-lock.yml")
    with pytest.raises(LockError, match="cannot be written: No such file or directory"):
        lock_file.write(tmp_path / "gone/x.conda-lock.yml", b"")
    assert lock_file.read_bytes(tmp_path / "none") is None
