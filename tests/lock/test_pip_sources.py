"""Entries of the pip half that other tools cannot install: where they stand, what guards them, how they come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envmgr.errors import LockError, LockTampered
from envmgr.lock import closure, conda_lock
from envmgr.lock.model import Lock, PipPackage, Request

SHA256 = "a" * 64
COMMIT = "b" * 40
LOCAL = (
    PipPackage("archived", "1", "file:///home/u/base/archives/archived-1.tar.gz", "archived-1.tar.gz", SHA256,
               kind="archive"),
    PipPackage("edited", "1", "file:///home/u/base", "", SHA256, kind="editable", requested=("-e .[dev]",)),
    PipPackage("far", "1", "file:///elsewhere/far", "", SHA256, kind="directory"),
    PipPackage("gitted", "1", f"git+https://h.example/x@{COMMIT}#subdirectory=y", "", "", kind="vcs", revision="v1"),
    PipPackage("plain", "1", "file:///home/u/base/my%20plain#subdirectory=z", "", SHA256, kind="directory",
               config_settings=("a=b",)),
)  # fmt: skip
WHEEL = PipPackage("wheel", "1", "https://h.example/wheel-1-py3-none-any.whl", "wheel-1-py3-none-any.whl", SHA256)
SDIST = PipPackage("zz", "1", "https://h.example/zz-1.tar.gz", "zz-1.tar.gz", SHA256, kind="sdist")
LOCK = Lock(platform="linux-64", conda=(), pip=(*LOCAL, WHEEL, SDIST), spec_digest="0",
            request=Request(pip=("-e .[dev]", "./my plain"), pip_base="/home/u/base"))  # fmt: skip


def test_a_lock_comes_back_with_paths_from_where_it_is() -> None:
    data = conda_lock.dumps_yaml([LOCK], base="/home/u/base")
    assert b"/home/u" not in data
    assert conda_lock.loads(data, source="x", sealed=True, base="/home/u/base")["linux-64"] == LOCK
    moved = conda_lock.loads(data, source="x", sealed=True, base="/home/v/other")["linux-64"]
    assert [package.url for package in moved.pip[:3]] == [
        "file:///home/v/other/archives/archived-1.tar.gz", "file:///home/v/other", "file:///elsewhere/far",
    ]  # fmt: skip
    assert moved.request.pip_base == "/home/v/other"
    assert conda_lock.dumps_yaml([moved], base="/home/v/other") == data
    inside = conda_lock.loads(conda_lock.dumps_json(LOCK), source="x")["linux-64"]
    assert (inside, conda_lock.digest(inside)) == (LOCK, conda_lock.digest(LOCK))


def test_other_tools_see_what_they_can_install() -> None:
    document = conda_lock.to_document([LOCK], base="/home/u/base")
    assert [entry["name"] for entry in document["package"]] == ["wheel", "zz"]
    closure.check(LOCK, source="x")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"url":"./archives/archived-1.tar.gz"', '"url":"./archives/archived-2.tar.gz"', "archived was edited"),
        (COMMIT, "c" * 40, "gitted was edited"),
        ('"config_settings":["a=b"]', '"config_settings":["a=c"]', "plain was edited"),
        ('"pip_base":"."', '"pip_base":".."', "what was asked for"),
    ],
)
def test_an_entry_that_was_edited_is_named(old: str, new: str, said: str) -> None:
    data = json.dumps(conda_lock.to_document([LOCK], base="/home/u/base"))
    escaped = (json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    assert escaped[0] in data
    with pytest.raises(LockTampered, match=said):
        conda_lock.loads(data.replace(*escaped).encode(), source="x", sealed=True, base="/home/u/base")


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (LOCAL[3]._replace(url="git+https://h.example/x@main"), "has no commit"),
        (LOCAL[3]._replace(url=f"ext::sh -c x@{COMMIT}"), "no URL of an artifact"),
        (LOCAL[1]._replace(sha256=""), "has no sha256"),
        (WHEEL._replace(kind="script"), "unknown kind `script`"),
        (LOCAL[0]._replace(filename="../x.whl"), "which is a path"),
    ],
)
def test_what_cannot_be_held_against_anything_is_not_whole(package: PipPackage, said: str) -> None:
    with pytest.raises(LockTampered, match=said):
        closure.check(LOCK._replace(pip=(package,)), source="x")


def test_a_value_of_a_wrong_kind_is_an_error(tmp_path: Path) -> None:
    data = conda_lock.dumps_json(LOCK).replace(b'\\"kind\\":\\"vcs\\"', b'\\"kind\\":[1]')
    with pytest.raises(LockError):
        conda_lock.loads(data, source="x")
