"""`run` in the forms that do not start at once: those that create first, and those that are wrong."""

from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file


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
