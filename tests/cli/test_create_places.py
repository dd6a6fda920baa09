"""Where `create` makes an environment, and where it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.environments import packages


def test_an_environment_at_a_path_with_spaces(envmgr: Envmgr, channel: LocalChannel) -> None:
    path = envmgr.directory / "my project/é env"
    out = envmgr.ok("create", "-p", "my project/é env", "-c", channel.url, "tool=1")
    assert f"{path} is ready" in out
    assert out.endswith(f"use it: envmgr run -p '{path}' COMMAND\n")
    assert envmgr.process("run", "-p", str(path), "tool", "a b").out == "tool 1.0 a b\n"
    assert envmgr.ok("create", "-p", str(path), "-c", channel.url, "tool=1") == f"{path} is up to date\n"


def test_what_stands_in_the_place_is_not_touched(envmgr: Envmgr, channel: LocalChannel) -> None:
    full = envmgr.directory / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("years of work")
    done = envmgr("create", "-p", "full", "-c", channel.url, "tool")
    assert done.code == 1
    assert "is a directory, but no environment" in done.err
    assert entries(envmgr.directory).keys() == {"full/thesis.txt"}
    theirs = envmgr.directory / "theirs"
    (theirs / "conda-meta").mkdir(parents=True)
    (theirs / "conda-meta/history").touch()
    done = envmgr("create", "-p", "theirs", "-c", channel.url, "tool")
    assert done.code == 1
    assert "is an environment that another tool made" in done.err
    assert entries(theirs).keys() == {"conda-meta/history"}


def test_frozen_environments_are_changed_only_when_told(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    (envmgr.prefix("x") / "conda-meta/frozen").write_text('{"message": "ask Ada"}')
    assert "up to date" in envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    change = ("create", "-n", "x", "-c", channel.url, "tool=2")
    done = envmgr(*change)
    assert (done.code, done.out) == (1, "")
    assert "ask Ada" in done.err
    assert envmgr(*change, "--json").json["error"] == "FrozenEnvironment"
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 1.0\n"
    assert envmgr(*change, "--override-frozen").code == 0
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 2.0\n"


def test_a_store_that_cannot_be_written_is_one_error(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the store should be")
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool", ENVMGR_ROOT=str(tmp_path / "blocked/root"))
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert str(tmp_path / "blocked") in done.err
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere: that modes keep one out is shown for other users only")
    readonly = tmp_path / "readonly"
    readonly.mkdir(mode=0o555)
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool", "--json", ENVMGR_ROOT=str(readonly))
    assert (done.code, done.json["error"]) == (1, "ReadOnlyStore")


def test_a_read_only_file_system_is_one_error(envmgr: Envmgr, channel: LocalChannel) -> None:
    if not os.path.ismount("/proc"):
        pytest.skip("this system has no /proc to stand for a file system that cannot be written")
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool", ENVMGR_ROOT="/proc/envmgr")
    assert done.code == 1
    assert done.err.startswith("error: /proc/envmgr")


def test_store_and_cache_may_lie_on_different_file_systems(envmgr: Envmgr, channel: LocalChannel) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == envmgr.directory.stat().st_dev:
        pytest.skip("this system has no second file system at /dev/shm that can be written")
    root = memory / f"envmgr-test-{os.getpid()}"
    try:
        envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", ENVMGR_ROOT=str(root))
        assert envmgr.process("run", "-n", "x", "tool", ENVMGR_ROOT=str(root)).out == "tool 1.0\n"
        changed = envmgr("create", "-n", "x", "-c", channel.url, "tool=2", ENVMGR_ROOT=str(root))
        assert (changed.code, changed.err) == (0, "")
        assert envmgr.process("run", "-n", "x", "tool", ENVMGR_ROOT=str(root)).out == "tool 2.0\n"
    finally:
        envmgr("remove", "-n", "x", "--all", "--yes", ENVMGR_ROOT=str(root))
        for directory in sorted(root.rglob("*"), reverse=True):
            directory.rmdir() if directory.is_dir() else directory.unlink()
        root.rmdir()


def test_a_prefix_in_the_file_is_beside_it(envmgr: Envmgr, channel: LocalChannel) -> None:
    (envmgr.directory / "project").mkdir()
    envmgr.write("project/environment.yml", environment_file(channel, "tool", name=None, more="prefix: ./env\n"))
    assert f"{envmgr.directory / 'project/env'} is ready" in envmgr.ok("create", "-f", "project/environment.yml")
    assert "is up to date" in envmgr.ok("create", "-f", "project/environment.yml")


def test_places_in_which_no_environment_can_be(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet", "-q")
    inside = str(envmgr.prefix("x") / "sub")
    done = envmgr("create", "-p", inside, "-c", channel.url, "greet")
    assert (done.code, f"{inside} is inside of the environment {envmgr.prefix('x')}" in done.err) == (1, True)
    done = envmgr("create", "-p", "bad\udcff", "-c", channel.url, "greet")
    assert (done.code, "is not UTF-8" in done.err) == (2, True)
    (envmgr.directory / "loop").symlink_to("loop")
    for name in ("loop", "d" * 3000):
        done = envmgr("create", "-p", name, "-c", channel.url, "greet")
        assert done.code == 1
        assert "pinned" not in done.err
    assert packages(envmgr, "x") == {"greet": "1.0"}
