"""`run` in the forms that do not start at once: those that create first, and those that are wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, environment_file


def test_run_of_a_file_creates_and_updates_first(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    run = ("run", "-f", "environment.yml", "--", "tool", "-n", "x")
    done = envmgr.process(*run)
    assert (done.code, done.out, done.err) == (0, "tool 1.0 -n x\n", "")
    assert envmgr.process(*run).out == "tool 1.0 -n x\n"
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    assert envmgr.process(*run).out == "tool 2.0 -n x\n"
    assert envmgr("env", "list", "--json").json["environments"][str(envmgr.prefix("science"))]["generation"] == 2


def test_run_of_a_file_at_a_path_and_in_a_directory(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    (envmgr.directory / "below").mkdir()
    done = envmgr.process("run", "-f", "environment.yml", "-p", "here", "--cwd", "below", "sh", "-c", "pwd; tool")
    assert done.out == f"{envmgr.directory / 'below'}\ntool 1.0\n"
    assert not envmgr.prefix("science").exists()


def test_the_exit_code_is_the_commands_own(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    assert envmgr.process("run", "-f", "environment.yml", "sh", "-c", "exit 37").code == 37
    missing = envmgr.process("run", "-n", "science", "absent-command")
    assert (missing.code, missing.out) == (127, "")
    assert "there is no command `absent-command`" in missing.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "hint: envmgr run --help"),
        (["-n", "x"], 2, "hint: envmgr run --help"),
        (["-n", "x", "-p", "y", "true"], 2, "-n x and -p y both name the environment"),
        (["-p", "", "true"], 2, "-p is empty"),
        (["true"], 1, "none is active"),
        (["-n", "x", "true"], 1, "no environment is named `x`"),
        (["-f", "absent.yml", "true"], 1, "absent.yml does not exist"),
        (["-f", "bad.yml", "true"], 1, "bad.yml:2: "),
    ],
)
def test_wrong_uses(envmgr: Envmgr, arguments: list[str], code: int, said: str) -> None:
    envmgr.write("bad.yml", "name: x\ndependencies: 3\n")
    done = envmgr.process("run", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert said in done.err


def test_variables_are_added_and_cleaned(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet", "-q")
    show = ("sh", "-c", 'echo "$MINE|$OTHER|$GREETING|$CONDA_PREFIX"')
    for options in ((), ("--",)):
        done = envmgr.process("run", "-n", "x", "--env", "MINE=a b=c", *options, *show, OTHER="kept")
        assert done.out == f"a b=c|kept|hello|{envmgr.prefix('x')}\n"
    clean = envmgr.process("run", "-n", "x", "--clean-env", *show, OTHER="dropped", MINE="dropped")
    assert clean.out == f"||hello|{envmgr.prefix('x')}\n"
    wrong = envmgr.process("run", "-n", "x", "--env", "1x=2", "true")
    assert (wrong.code, "--env 1x=2: expected NAME=VALUE" in wrong.err) == (2, True)


@pytest.mark.parametrize("package", ["greet", "base-files"])
def test_verbose_tells_what_is_executed(envmgr: Envmgr, channel: LocalChannel, package: str) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, package, "-q")
    done = envmgr.process("run", "-n", "x", "-v", "sh", "-c", "true")
    assert done.err.startswith(f"envmgr: in {envmgr.prefix('x')}: ")
    assert done.out == ""


@pytest.mark.parametrize("package", ["greet", "base-files"])
def test_a_command_of_another_environment_is_named_with_its_package(
    envmgr: Envmgr, channel: LocalChannel, package: str
) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, package, "-q")
    envmgr.ok("create", "-n", "other", "-c", channel.url, "tool", "-q")
    done = envmgr.process("run", "-n", "x", "tool")
    assert done.code == 127
    assert "hint: the package tool has it, in the environment other: envmgr install -n x tool" in done.err
    near = envmgr.process("run", "-n", "other", "tol")
    assert "did you mean `tool`?" in near.err


def test_a_script_names_its_file_relative_to_itself(envmgr: Envmgr, channel: LocalChannel) -> None:
    bin_directory = envmgr.directory / "bin"
    bin_directory.mkdir()
    program = " ".join(f"'{word}'" for word in PROGRAM)
    (bin_directory / "envmgr").write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    (bin_directory / "envmgr").chmod(0o755)
    project = envmgr.directory / "project"
    project.mkdir()
    (project / "env.yml").write_text(environment_file(channel, "tool=1"))
    script = project / "script"
    script.write_text('#!/usr/bin/env -S envmgr run -f env.yml sh\ntool "$@"\n')
    script.chmod(0o755)
    (bin_directory / "linked").symlink_to(script)
    path = f"{bin_directory}:{envmgr.environ['PATH']}"
    for command in ("project/script", "linked"):
        done = subprocess.run(
            [command, "a b"], env={**envmgr.environ, "PATH": path}, cwd=envmgr.directory, text=True,
            executable=str(script if command == "project/script" else bin_directory / "linked"),
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.stdout, done.stderr, done.returncode) == ("tool 1.0 a b\n", "", 0)


def test_a_followed_file_costs_one_stat_more_than_a_name(envmgr: Envmgr, channel: LocalChannel) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    project = envmgr.directory / "project"
    project.mkdir()
    envmgr.write("project/environment.yml", environment_file(channel, "tool=1"))
    for _ in range(3):
        time.sleep(0.05)  # what has changed within the last tick of the clock is not remembered
        assert envmgr.process("run", "-f", "project/environment.yml", "true").code == 0

    def stats(*which: str) -> list[str]:
        log = envmgr.directory / "stats"
        argv = ["strace", "-e", "trace=%%stat", "-o", str(log), *PROGRAM, "run", *which, "true"]
        done = subprocess.run(argv, env=envmgr.environ, cwd=envmgr.directory, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"strace does not work here: {done.stderr.decode()}")
        # Not of Python's own search for modules, which looks at the current directory.
        lines = log.read_text().splitlines()
        return [line for line in lines if f'"{project}' in line or f'"{envmgr.root}' in line]

    assert len(stats("-f", "project/environment.yml")) == len(stats("-n", "science")) + 1


def test_a_followed_file_is_looked_at_again_when_anything_that_decides_has_changed(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    """What `run -f` remembers is held against a real change of each of the things that it watches."""
    file = envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    # What has changed within the last tick of the clock is not remembered.
    os.utime(file, ns=(1, 1))
    question = ("environment.yml", "", "")
    environ = {**envmgr.environ, "PWD": str(envmgr.directory)}

    def known() -> str | None:
        program = (
            "import sys, os; from envmgr.store import followed;"
            "print((followed.prefix_of(sys.argv[1], tuple(sys.argv[2:]), dict(os.environ)) or [None])[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(envmgr.root), *question],
            env=environ, cwd=envmgr.directory, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return None if done.stdout == "None\n" else done.stdout.rstrip()

    def run() -> None:
        time.sleep(0.05)
        assert envmgr.process("run", "-f", "environment.yml", "true").code == 0
        time.sleep(0.05)
        assert envmgr.process("run", "-f", "environment.yml", "true").code == 0

    assert known() is None
    run()
    assert known() == str(envmgr.prefix("science"))
    changes: tuple[Callable[[], object], ...] = (
        lambda: file.write_text(file.read_text() + "# x\n"),
        lambda: envmgr.write("channels.yaml", "channels: {}\n"),
        lambda: envmgr.write(".envmgr.yaml", "offline: true\n"),
        lambda: envmgr.write("channels.yaml", "channels: {}\n# changed\n"),
        lambda: envmgr.ok("config", "set", "keep_generations", "3"),
        (envmgr.directory / "environment.conda-lock.yml").unlink,
        lambda: envmgr.ok("install", "-n", "science", "-c", channel.url, "greet", "-q"),
        lambda: environ.update(CONDA_OVERRIDE_CUDA="12.8"),
    )
    for index, change in enumerate(changes):
        change()
        assert known() is None, index
        if index < 6:
            run()
            assert known() is not None, index
