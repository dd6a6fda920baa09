"""Processes that run in an environment are named before it is replaced, and waited for where that is asked for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc to tell who runs")


@pytest.fixture
def used(envmgr: Envmgr, channel: LocalChannel) -> Iterator[tuple[Envmgr, subprocess.Popen[bytes]]]:
    """`x` at generation 2, in which a process stands that ends when its input does."""
    for spec in ("tool=1", "tool=2"):
        envmgr.ok("create", "-n", "x", "-c", channel.url, spec, "-q")
    with subprocess.Popen(["cat"], cwd=envmgr.prefix("x"), stdin=subprocess.PIPE) as process:
        yield envmgr, process


@pytest.mark.parametrize(
    "command",
    [
        ("install", "-n", "x", "greet"),
        ("create", "-n", "x", "tool=1"),
        ("remove", "-n", "x", "tool"),
        ("rollback", "-n", "x", "1"),
        ("remove", "-n", "x", "--all", "--yes"),
        ("env", "remove", "-n", "x", "--yes"),
        ("rename", "x", "y"),
    ],
    ids=" ".join,
)
def test_after_the_time_that_is_set_nothing_is_changed(
    used: tuple[Envmgr, subprocess.Popen[bytes]], channel: LocalChannel, command: tuple[str, ...]
) -> None:
    envmgr, process = used
    if command[0] == "create":
        command = (*command, "-c", channel.url)
    done = envmgr(*command, "--wait=0.1", "--json")
    assert done.code == 1
    assert done.json["error"] == "EnvironmentBusy"
    assert f"x is in use by cat ({process.pid}) still; waited 0.1 s" in done.json["message"]
    assert done.json["details"] == {"pids": [process.pid]}
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 2.0\n"
    assert envmgr("history", "-n", "x", "--json").code == 0
    assert not list((envmgr.root / "envs/.staging").iterdir())


def test_it_waits_until_they_have_ended_and_says_for_whom(used: tuple[Envmgr, subprocess.Popen[bytes]]) -> None:
    envmgr, process = used
    with envmgr.start("install", "-n", "x", "--wait", "greet") as waiting:
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == f"waiting for cat ({process.pid}), which use x\n"
        assert waiting.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        out, _ = waiting.communicate(timeout=300)
    assert waiting.returncode == 0
    assert "x is ready" in out


def test_without_it_they_are_named_and_whoever_started_the_command_is_not_waited_for(
    used: tuple[Envmgr, subprocess.Popen[bytes]],
) -> None:
    envmgr, process = used
    assert f"x is in use by cat ({process.pid})" in envmgr("install", "-n", "x", "greet").err
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    # The shell stands in the prefix, and waits for us.
    done = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *PROGRAM, "install", "-n", "x", "numpy", "--wait=60", "--json"],
        cwd=envmgr.prefix("x"), env=envmgr.environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["--wait=soon", "--wait=-1"])
def test_what_is_no_time_is_refused(envmgr: Envmgr, value: str) -> None:
    assert envmgr("install", "-n", "x", "greet", value).code == 2
