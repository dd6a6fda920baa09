"""`create -f FILE` with nothing to do is answered before click, with the same words and under the same conditions."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.killed import wait_for_settling
from envmgr.cli.create_line import CreateLine, parse
from envmgr.store import followed
from envmgr.turn import Turn

CREATE = ("create", "-f", "environment.yml")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-f e.yml", CreateLine("e.yml")),
        ("--file e.yml -n x", CreateLine("e.yml", name="x")),
        ("--file=e.yml --prefix=./x -y", CreateLine("e.yml", prefix="./x")),
        ("--yes -f e.yml --quiet", CreateLine("e.yml", is_quiet=True)),
        ("-p /x -q -f /e.yml", CreateLine("/e.yml", prefix="/x", is_quiet=True)),
    ],
)
def test_the_plain_form_is_taken(words: str, line: CreateLine) -> None:
    assert parse(words.split()) == line


@pytest.mark.parametrize(
    "words",
    [
        "", "-f", "-f e.yml -n", "-f=e.yml", "-fe.yml", "-f -", "-f https://h.example/e.yml", "-f a.yml -f b.yml",
        "-n x numpy", "-f e.yml numpy", "-f e.yml -n x -p y", "-f e.yml --dry-run", "-f e.yml --json", "-f e.yml -v",
        "-f e.yml --help", "-f e.yml --pristine", "-f e.yml -- x", "-f e.yml --locked", "--file= -n x",
    ],
)  # fmt: skip
def test_everything_else_is_left_to_click(words: str) -> None:
    assert parse(words.split()) is None


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """An environment that is known to be that of its file."""
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    for _ in range(2):
        envmgr.ok(*CREATE)
        wait_for_settling()
    envmgr.ok(*CREATE)
    assert _is_known(envmgr)
    return envmgr


def _is_known(envmgr: Envmgr) -> bool:
    with _inside(envmgr.directory):
        return followed.prefix_of(str(envmgr.root), ("environment.yml", "", ""), envmgr.environ) is not None


@contextlib.contextmanager
def _inside(directory: Path) -> Iterator[None]:
    here = os.getcwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(here)


def test_it_says_what_click_says(science: Envmgr) -> None:
    said = f"science is up to date: {science.prefix('science')}\n"
    assert science.ok(*CREATE) == said
    assert science.ok(*CREATE, "-v") == said
    assert science.ok(*CREATE, "--yes", "--quiet") == ""
    path = science.directory / "here"
    for _ in range(3):
        out = science.ok(*CREATE, "-p", "here")
        wait_for_settling()
    assert out == f"{path} is up to date\n" == science.ok(*CREATE, "-p", "here", "-v")


@pytest.mark.parametrize("how", ["file", "lock", "channels", "environment", "variable", "history"])
def test_whatever_decided_is_looked_at(science: Envmgr, channel: LocalChannel, how: str) -> None:
    variables = {}
    if how == "file":
        science.write("environment.yml", environment_file(channel, "tool", "greet"))
    elif how == "lock":
        (science.directory / "environment.conda-lock.yml").unlink()
    elif how == "channels":
        science.write("channels.yaml", "channels: 3\n")
    elif how == "environment":
        science.ok("remove", "-n", "science", "--all", "--yes")
    elif how == "variable":
        variables = {"ENVMGR_CHANNEL_PRIORITY": "nonsense"}
    else:
        science.ok("install", "-n", "science", "greet")
    done = science(*CREATE, **variables)
    if how in ("channels", "variable"):
        assert done.code == 1, done
    else:
        assert (done.code, "is up to date: " in done.out and how != "lock") == (0, False), done


def test_what_was_only_shown_or_could_not_be_made_is_not_known(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok(*CREATE, "--dry-run")
    assert not _is_known(envmgr)
    envmgr.write("environment.yml", environment_file(channel, "xyzzy"))
    assert envmgr(*CREATE).code == 1
    assert not _is_known(envmgr)


def _waiting(envmgr: Envmgr) -> tuple[Turn, subprocess.Popen[str]]:
    """Hold the turn of a plain create, and start one that waits for it."""
    with _inside(envmgr.directory):
        key = followed.key(("environment.yml", "", ""), envmgr.environ)
    turn = Turn(f"{key}-{os.getuid()}", envmgr.environ)
    assert turn.take("creating from environment.yml")
    process = envmgr.start(*CREATE)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(f"waiting for pid {os.getpid()} (creating from environment.yml) on ")
    return turn, process


def test_who_waited_says_that_it_is_done(science: Envmgr, tmp_path: Path) -> None:
    prefix, aside = science.prefix("science"), tmp_path / "aside"
    prefix.rename(aside)
    turn, process = _waiting(science)
    aside.rename(prefix)
    turn.__exit__()
    with process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, f"science is up to date: {prefix}\n", "")


def test_where_the_other_one_failed_the_one_that_waited_does_it(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    turn, process = _waiting(envmgr)
    turn.__exit__()
    with process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "science is ready" in out
