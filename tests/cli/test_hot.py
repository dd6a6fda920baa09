from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders.prefixes import make_prefix
from envmgr.cli import hot
from envmgr.store import commit, generations

SHOW = '#!/bin/sh\nprintf "%s|" "$@"\n'


@pytest.fixture
def science(tmp_path: Path) -> Path:
    return make_prefix(tmp_path / "root/envs/science", commands={"show": SHOW}, variables={"A": "1"})


def _envmgr(arguments: list[str], environ: dict[str, str], **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "envmgr.cli.main", *arguments],
        env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=options.get("cwd"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        ["-n", "science"],
        ["--name", "science"],
        ["--name=science"],
        ["-p", "root/envs/science"],
        ["--prefix={prefix}"],
        ["--no-capture-output", "-n", "science"],
        ["-n", "science", "--live-stream", "-s", "--"],
        ["-n", "science", "--"],
    ],
)
def test_run_takes_condas_forms(science: Path, tmp_path: Path, environ: dict[str, str], options: list[str]) -> None:
    options = [option.format(prefix=science) for option in options]
    done = _envmgr(["run", *options, "show", "-n", "x", "--", "--help", ""], environ, cwd=str(tmp_path))
    assert done.stdout == "-n|x|--|--help||"


def test_run_takes_the_active_environment(science: Path, environ: dict[str, str]) -> None:
    active = {**environ, "CONDA_PREFIX": str(science), "CONDA_SHLVL": "1", "PATH": f"{science}/bin:{environ['PATH']}"}
    assert _envmgr(["run", "show", "x"], active).stdout == "x|"


def test_run_changes_the_directory(science: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "here").mkdir()
    done = _envmgr(
        ["run", "-p", "root/envs/science", "--cwd", "here", "sh", "-c", "pwd; echo $PWD"], environ, cwd=str(tmp_path)
    )
    assert done.stdout.split() == [str(tmp_path / "here")] * 2
    done = _envmgr(["run", "-n", "science", "--cwd=absent", "pwd"], environ, cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (2, "error: --cwd absent: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["list"],
        ["run"],
        ["run", "--help"],
        ["run", "-f", "environment.yml", "x"],
        ["run", "-f", "a.yml", "-f", "b.yml", "x"],
        ["run", "-n", "a"],
        ["run", "-n", "a", "-p", "b", "x"],
        ["run", "-n", "a", "-n", "b", "x"],
        ["run", "-n", "", "x"],
        ["run", "-n"],
        ["run", "--unknown", "x"],
        ["run", "x"],
        ["shell-hook"],
        ["shell-hook", "--help"],
        ["_activate", "posix"],
    ],
)
def test_other_forms_are_left_to_the_command_tree(arguments: list[str]) -> None:
    assert hot.dispatch(arguments, {}) is None


@pytest.mark.parametrize("name", ["absent", "../science", ".", "a/b", "-x"])
def test_run_of_an_unknown_environment_is_an_error(science: Path, environ: dict[str, str], name: str) -> None:
    done = _envmgr(["run", "-n", name, "true"], environ)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_run_of_a_directory_that_is_no_environment_is_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    done = _envmgr(["run", "-p", str(tmp_path / "full"), "true"], environ)
    assert done.returncode == 1
    assert "is a directory, but no environment" in done.stderr


def test_run_works_in_environments_of_other_tools(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "mamba/envs/theirs", variables={"V": "x"}, static=False)
    done = _envmgr(["run", "-p", str(prefix), "sh", "-c", "echo $V $CONDA_DEFAULT_ENV"], environ)
    assert done.stdout == "x theirs\n"


def test_run_finds_the_store_that_the_configuration_names(
    science: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    del environ["ENVMGR_ROOT"]
    (tmp_path / "config.yaml").write_text(f"root: {tmp_path}/root\n")
    assert _envmgr(["run", "-n", "science", "show", "x"], environ).stdout == "x|"


def test_the_command_does_not_see_what_python_adds_to_its_environment(science: Path, environ: dict[str, str]) -> None:
    """PEP 538: in the C locale Python sets LC_CTYPE for itself and its children."""
    bare = {key: value for key, value in environ.items() if not key.startswith(("LC_", "LANG"))}
    assert "LC_CTYPE" not in _envmgr(["run", "-n", "science", "env"], bare).stdout
    chosen = {**bare, "LC_CTYPE": "C.UTF-8"}
    assert "LC_CTYPE=C.UTF-8" in _envmgr(["run", "-n", "science", "env"], chosen).stdout


def test_files_that_are_open_are_inherited(science: Path, environ: dict[str, str]) -> None:
    read, write = os.pipe()
    subprocess.run(
        [sys.executable, "-m", "envmgr.cli.main", "run", "-n", "science", "sh", "-c", f"echo through >/dev/fd/{write}"],
        env=environ,
        pass_fds=(write,),
        check=True,
    )
    os.close(write)
    assert os.read(read, 100) == b"through\n"
    os.close(read)


def test_a_damaged_variables_file_is_an_error_with_its_place(science: Path, environ: dict[str, str]) -> None:
    (science / "conda-meta/envmgr/run.json").unlink()
    (science / "conda-meta/state").write_text("{")
    done = _envmgr(["run", "-n", "science", "true"], environ)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {science}/conda-meta/state is not JSON")


def _generation(prefix: Path, boot_id: str) -> None:
    generation = generations.Generation(
        number=1,
        created="2026-01-01T00:00:00Z",
        command=(),
        prefix=str(prefix),
        name="science",
        lock_digest="",
        inputs_digest="",
        spec_digest="",
        switch="exchange",
        boot_id=boot_id,
    )
    commit.write_generation(prefix, generation)


def test_what_was_not_on_disk_at_a_restart_is_looked_at_first(science: Path, environ: dict[str, str]) -> None:
    """The fast path knows the form of the store's record: it must leave a suspect generation to the command."""
    arguments = ["run", "-n", "science", "show", "x"]
    _generation(science, "another boot")
    assert hot.dispatch(arguments, environ) is None
    (science / generations.SETTLED).write_bytes(b"1")
    assert _envmgr(arguments, environ).stdout == "x|"
    _generation(science, generations.boot_id())
    assert _envmgr(arguments, environ).stdout == "x|"


def test_shell_hook_prints_the_same_text_every_time(environ: dict[str, str]) -> None:
    first, second = (_envmgr(["shell-hook", shell], environ) for shell in ("bash", "zsh"))
    assert first.stdout == second.stdout
    assert "envmgr() {" in first.stdout
    unknown = _envmgr(["shell-hook", "tclsh"], environ)
    assert (unknown.returncode, unknown.stdout) == (2, "")


def test_shell_hook_knows_the_setting_of_the_prompt(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "config.yaml").write_text("changeps1: false\n")
    assert 'ENVMGR_CHANGEPS1="${ENVMGR_CHANGEPS1:-0}"' in _envmgr(["shell-hook", "bash"], environ).stdout


def test_run_imports_little(science: Path, environ: dict[str, str]) -> None:
    """The whole of `run` has 40 ms over a bare interpreter; each of these would take a good part of it."""
    program = (
        "import sys, os; os.execve = lambda *_: print(*sorted(sys.modules)) or os._exit(0);"
        "sys.stdout.reconfigure(line_buffering=True);"
        "from envmgr.cli import main; main.run(['run', '-n', 'science', 'true'], dict(os.environ))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"click", "dataclasses", "pathlib", "yaml", "rattler", "requests", "asyncio", "inspect", "subprocess",
             "urllib.parse", "shutil", "tempfile", "logging", "platformdirs", "importlib.metadata"}  # fmt: skip
    loaded = set(done.stdout.split())
    baseline = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded & heavy - set(baseline.stdout.split()) == set()
    assert "envmgr.shell.process" in loaded
