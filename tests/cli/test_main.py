"""The ends of the process: whatever happens, one error and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from envmgr.cli.app import COMMANDS

PROGRAM = [sys.executable, "-m", "envmgr.cli.main"]


def _envmgr(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_an_unknown_command_is_misuse_with_the_nearest(environ: dict[str, str]) -> None:
    done = _envmgr("shell-hok", environ=environ)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "shell-hook" in done.stderr


def test_an_unknown_option_is_misuse_with_the_help_to_ask(environ: dict[str, str]) -> None:
    done = _envmgr("deactivate", "--what", environ=environ)
    assert done.returncode == 2
    assert done.stderr.startswith("error: No such option")
    assert "--what" in done.stderr
    assert done.stderr.endswith("\n\nhint: envmgr deactivate --help\n")


def test_failure_is_json_where_json_was_asked_for(environ: dict[str, str]) -> None:
    done = _envmgr("deactivate", "--json", environ=environ)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert (document["success"], document["error"]) == (False, "UsageError")


def test_json_of_the_command_that_run_starts_is_not_ours(environ: dict[str, str]) -> None:
    done = _envmgr("run", "-n", "absent", "tool", "--json", environ=environ)
    assert done.stdout == ""
    assert done.stderr.startswith("error: no environment is named `absent`")


def test_activation_without_the_hook_says_the_line_to_type(environ: dict[str, str]) -> None:
    done = _envmgr("activate", "science", environ={**environ, "SHELL": "/bin/zsh"})
    assert done.returncode == 2
    assert 'hint: eval "$(envmgr shell-hook zsh)" && envmgr activate science' in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["activate", "--help"], ["shell-hook", "--help"]])
def test_help_is_done(environ: dict[str, str], arguments: list[str]) -> None:
    done = _envmgr(*arguments, environ=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_reader_that_left_is_no_failure(environ: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "shell-hook", "bash"], env=environ, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_closed_streams_are_no_traceback(environ: dict[str, str]) -> None:
    quoted = " ".join(f"'{word}'" for word in PROGRAM)
    for redirection in (">&-", "2>&-", "<&- >&- 2>&-"):
        for command in ("--help", "deactivate --what", "run -n absent true"):
            done = subprocess.run(
                ["sh", "-c", f"{quoted} {command} {redirection}"],
                env=environ,
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert b"Traceback" not in done.stderr
            assert done.returncode in (0, 1, 2)


def test_output_that_does_not_arrive_is_a_failure(environ: dict[str, str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for arguments in (["--help"], ["shell-hook", "bash"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*PROGRAM, *arguments], env=environ, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
            )
        assert done.returncode == 1
        assert done.stderr.startswith(b"error: ")
        assert b"No space left on device" in done.stderr
        assert b"Traceback" not in done.stderr


def test_json_that_does_not_arrive_is_said_on_stderr(environ: dict[str, str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, "info", "--json"], env=environ, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        b"error: the output cannot be written: No space left on device\n",
    )


def test_a_directory_that_was_deleted_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd '{gone}' && rmdir '{gone}' && {' '.join(PROGRAM)} list -p ."
    done = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "error: the current directory was deleted\n\nhint: change to another one, as: cd ~\n",
    )


def test_without_a_stdin_nobody_is_asked(environ: dict[str, str]) -> None:
    line = f"{' '.join(PROGRAM)} clean --keep-generations 0 <&-"
    done = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert "does not know what to do" not in done.stderr
    assert done.returncode in (0, 2)


def test_a_locale_that_cannot_show_a_name_is_no_traceback(tmp_path: Path, environ: dict[str, str]) -> None:
    ascii_only = {**environ, "PYTHONIOENCODING": "ascii"}
    done = _envmgr("run", "-p", str(tmp_path / "é終"), "true", environ=ascii_only)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no environment at")


def test_a_damaged_configuration_is_one_error(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: [")
    done = _envmgr("shell-hook", "bash", environ=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_damaged_installation_is_one_error_also_as_json(environ: dict[str, str], tmp_path: Path) -> None:
    """An exception that nobody foresaw: here, that of a click which another project's directory shadows."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/click.py").write_text("raise AttributeError('not the real one')")
    shadowed = {**environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "shadow"), *sys.path])}
    done = _envmgr("info", environ=shadowed)
    assert (done.returncode, done.stdout) == (1, "")
    assert "AttributeError: not the real one" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ENVMGR_TRACEBACK=1" in done.stderr
    assert json.loads(_envmgr("info", "--json", environ=shadowed).stdout)["success"] is False
    assert "Traceback" in _envmgr("info", environ={**shadowed, "ENVMGR_TRACEBACK": "1"}).stderr


_WORDS = st.one_of(
    st.sampled_from(
        [*COMMANDS, "-n", "-p", "-f", "-c", "--json", "--yes", "-y", "--dry-run", "--all", "--offline", "--platform",
         "--channel-priority", "--solver", "--virtual-package", "--exclude-newer", "--override-channels", "-q", "-v",
         "--", "", ".", "..", "/", "~", "science", "environment.yml", "bad.yml", "channel", "build", "list", "other",
         "tool", "tool[", "tool=1", "tool>>1", "a::b", "[md5=x]", "*", "__cuda=12", "linux-64", "14d", "file:///nowhere",
         "http://127.0.0.1:1/x.yml", "--name=x", "--prefix=", "-nx", "é", "\udcff", "\x1b[2J", "a b", "%s", "{}"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.sampled_from(sorted({*COMMANDS} - {"run"})), words=st.lists(_WORDS, max_size=6), as_json=st.booleans())
def test_every_command_line_ends_well(
    envmgr: Envmgr, channel: LocalChannel, first: str, words: list[str], as_json: bool
) -> None:
    """`run` is not among them: where it succeeds, it replaces the process of the tests."""
    if not (envmgr.directory / "other").exists():
        (envmgr.directory / "other").mkdir()
        envmgr.write("environment.yml", environment_file(channel, "tool"))
        envmgr.write("bad.yml", "name: [science\n")
    arguments = [first, *(["--json"] if as_json else []), *words]
    done = envmgr(*arguments, ENVMGR_OFFLINE="1")
    assert done.code in (0, 1, 2)
    assert "Traceback" not in done.err
    assert "envmgr does not know what to do" not in done.err + done.out
    assert "\x1b" not in done.err + done.out
    if as_json and not {"-h", "--help"} & {*words}:
        json.loads(done.out)
    elif done.code and "--json" not in words:
        assert "error: " in done.err or "nothing was changed" in done.err
