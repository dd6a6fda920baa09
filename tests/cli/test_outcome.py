"""How the commands that make a generation ask, where something would stay behind."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, environment_file
from envmgr.store import carried

COMMANDS = (
    ("create", "-f", "environment.yml"),
    ("install", "-n", "science", "numpy"),
    ("remove", "-n", "science", "tool"),
    ("update", "-n", "science", "--all"),
    ("rollback", "-n", "science"),
)


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """An environment of two generations, into which somebody put a file."""
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    envmgr.ok("create", "-n", "science", "--override-channels", "-c", channel.url, "tool=1", "-q")
    envmgr.ok("create", "-f", "environment.yml", "-q")
    time.sleep(0.02)  # clocks of file systems are coarse
    (envmgr.prefix("science") / "mine").write_text("precious")
    return envmgr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_pristine_needs_a_yes_and_carries_nothing(science: Envmgr, command: tuple[str, ...]) -> None:
    done = science(*command, "--pristine")
    assert (done.code, done.err.splitlines()[-1]) == (2, "hint: add --yes")
    assert (science.prefix("science") / "mine").exists()
    assert science(*command, "--pristine", "--dry-run").code == 0
    done = science(*command, "--pristine", "--yes")
    assert done.code == 0
    kept = science.root / "envs/.generations/science/2"
    assert done.err == f"warning: not carried over into the new generation, and kept in {kept}: mine (--pristine)\n"
    assert not (science.prefix("science") / "mine").exists()
    assert (kept / "mine").read_text() == "precious"
    assert carried.read(science.prefix("science")).extent == "nothing"


@pytest.mark.parametrize(("answer", "code"), [("\n", 1), ("y\n", 0)])
def test_a_terminal_is_asked_and_no_is_the_default(science: Envmgr, answer: str, code: int) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [*PROGRAM, "rollback", "-n", "science", "--pristine"],
        env=science.environ, stdin=theirs, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert "change science, and leave behind what people put into it? [y/N]" in done.stderr
    assert (done.returncode, (science.prefix("science") / "mine").exists()) == (code, code == 1)


def test_json_says_what_came_along(science: Envmgr) -> None:
    document = science("install", "-n", "science", "numpy", "--json").json
    assert document["carried"] == {"distributions": [], "files": ["mine"], "saved": [], "left": [], "size": 8}
