from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from builders.prefixes import make_prefix
from builders.shells import SHELLS, Shell
from envmgr.shell import files, process


@pytest.fixture
def sh(tmp_path: Path, environ: dict[str, str]) -> Shell:
    name = next(name for name in ("dash", "bash", "zsh") if shutil.which(SHELLS[name][0]))
    return Shell(name, tmp_path, environ)


def _computed(prefix: Path, environ: Mapping[str, str]) -> dict[str, str]:
    computed = process.environment(files.load(str(prefix)), environ, process.active_plan(environ))
    return {name: value for name, value in computed.items() if name not in ("_", "SHLVL", "OLDPWD", "PWD")}


@pytest.mark.parametrize("static", [True, False])
def test_environment_is_what_activation_gives(sh: Shell, static: bool) -> None:
    """`run` computes in Python what the shell does; both are held against each other, nested and repeated."""
    one = make_prefix(sh.prefix("one"), variables={"A": "one\n", "ONLY": "1", "EMPTY": ""}, static=static)
    two = make_prefix(sh.prefix("two"), variables={"A": "two", "OTHER": "x"}, static=static)
    seen = sh.run(
        "snapshot zero; envmgr activate one; snapshot one; envmgr activate one; snapshot again;"
        "envmgr activate two; snapshot two; PATH=/mine:$PATH; snapshot mine; envmgr activate one; snapshot third",
        A="mine",
        EMPTY="full",
    ).variables
    assert _computed(one, seen["zero"]) == seen["one"]
    assert _computed(one, seen["one"]) == seen["again"]
    assert _computed(two, seen["again"]) == seen["two"]
    assert _computed(one, seen["mine"]) == seen["third"]


def test_an_active_environment_without_its_entry_in_path(tmp_path: Path) -> None:
    one, two = make_prefix(tmp_path / "one"), make_prefix(tmp_path / "two")
    environ = {"CONDA_PREFIX": str(one), "CONDA_SHLVL": "1", "PATH": "/usr/bin:/bin"}
    assert _computed(two, environ)["PATH"] == f"{two}/bin:/usr/bin:/bin"


def test_path_may_be_absent(tmp_path: Path) -> None:
    assert _computed(make_prefix(tmp_path / "one"), {})["PATH"] == f"{tmp_path}/one/bin"


def test_names_from_outside_remove_only_variables(tmp_path: Path) -> None:
    one, two = make_prefix(tmp_path / "one"), make_prefix(tmp_path / "two")
    environ = {
        "CONDA_PREFIX": str(one),
        "CONDA_SHLVL": "1",
        "PATH": "/bin",
        "_ENVMGR_NAMES_1": " PATH A 1 a;b",
        "_ENVMGR_PREFIX_1": str(one),
        "A": "1",
    }
    computed = _computed(two, environ)
    assert "A" not in computed
    assert computed["PATH"].endswith(":/bin")
    kept = _computed(two, environ | {"_ENVMGR_PREFIX_1": "/what/conda/has/left"})
    assert (kept["A"], "_ENVMGR_NAMES_2" in kept, "_ENVMGR_NAMES_1" in kept) == ("1", True, False)


def _run(prefix: Path, argv: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    program = (
        "import os, sys\n"
        "from envmgr.errors import EnvmgrError\n"
        "from envmgr.shell import files, process\n"
        "try:\n"
        "    own = (sys.executable, '-m', 'envmgr.cli.main')\n"
        "    process.run(files.load(sys.argv[1]), sys.argv[2:], os.environ, command=own)\n"
        "except EnvmgrError as error:\n"
        "    print(error.message, error.hint, sep='|')\n"
        "    sys.exit(error.exit_code)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(prefix), *argv],
        env=environ, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


SHOW = '#!/bin/sh\nprintf "<%s>" "$@"\n'
SCRIPTS = [None, {"x.sh": "echo noise; read -r line; export FROM_SCRIPT=1\n"}]


@pytest.mark.parametrize("activate", SCRIPTS)
@pytest.mark.parametrize("static", [True, False])
def test_arguments_pass_untouched(
    tmp_path: Path, environ: dict[str, str], activate: dict[str, str] | None, static: bool
) -> None:
    prefix = make_prefix(tmp_path / "it's $e", commands={"show": SHOW}, activate=activate, static=static)
    arguments = ["", "a b", "two\nlines", "$HOME", "'", '"', "\\", "*", "-n", "--", os.fsdecode(b"\xff"), "é"]
    done = _run(prefix, ["show", *arguments], environ)
    assert done.stdout == b"".join(b"<" + os.fsencode(argument) + b">" for argument in arguments)
    assert done.returncode == 0


def test_what_activation_scripts_print_does_not_reach_stdout(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "e", activate=SCRIPTS[1])
    done = _run(prefix, ["sh", "-c", "echo $FROM_SCRIPT"], environ)
    assert (done.stdout, done.stderr) == (b"1\n", b"noise\n")


def test_scripts_of_the_environment_that_is_left_run_first(tmp_path: Path, environ: dict[str, str]) -> None:
    one = make_prefix(tmp_path / "one", variables={"V": "1"}, deactivate={"x.sh": 'echo "leave $V"; unset FROM_ONE'})
    two = make_prefix(tmp_path / "two", variables={"W": "2"})
    active = {**environ, "CONDA_PREFIX": str(one), "CONDA_SHLVL": "1", "V": "1", "FROM_ONE": "1"}
    done = _run(two, ["sh", "-c", 'echo "${FROM_ONE-unset} ${V-unset} $W $CONDA_PREFIX"'], active)
    assert done.stderr == b"leave 1\n"
    assert done.stdout.decode() == f"unset unset 2 {two}\n"


@pytest.mark.parametrize("activate", SCRIPTS)
def test_exit_code_and_signals_pass(tmp_path: Path, environ: dict[str, str], activate: dict[str, str] | None) -> None:
    prefix = make_prefix(tmp_path / "e", activate=activate)
    assert _run(prefix, ["sh", "-c", "exit 42"], environ).returncode == 42
    assert _run(prefix, ["sh", "-c", "kill -TERM $$"], environ).returncode == -15


@pytest.mark.parametrize("activate", SCRIPTS)
def test_the_process_is_replaced(tmp_path: Path, environ: dict[str, str], activate: dict[str, str] | None) -> None:
    prefix = make_prefix(tmp_path / "e", activate=activate)
    program = (
        "import os, sys; from envmgr.shell import files, process; print(os.getpid(), flush=True);"
        "process.run(files.load(sys.argv[1]), ['sh', '-c', 'echo $$'], os.environ, command=('x',))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(prefix)], env=environ, capture_output=True, text=True, check=True
    )
    before, after = done.stdout.split()
    assert before == after


def test_sigpipe_has_its_default_action(tmp_path: Path, environ: dict[str, str]) -> None:
    """Python ignores SIGPIPE; a command that inherits that never ends in `yes | head`."""
    prefix = make_prefix(tmp_path / "e")
    done = _run(prefix, ["sh", "-c", "kill -PIPE $$; echo survived"], environ)
    assert (done.returncode, done.stdout) == (-13, b"")


def test_command_of_the_environment_comes_first(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "e", commands={"ls": "#!/bin/sh\necho ours\n"})
    assert _run(prefix, ["ls"], environ).stdout == b"ours\n"


def test_a_script_without_shebang_runs_as_in_a_shell(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "e", commands={"plain": 'echo "$0 $1"\n'})
    assert _run(prefix, ["plain", "x"], environ).stdout.decode() == f"{prefix}/bin/plain x\n"


def test_an_unknown_command_is_answered_with_the_nearest(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "e", commands={"python3": SHOW, "pip": SHOW})
    done = _run(prefix, ["pyton3"], environ)
    assert done.returncode == 127
    assert done.stdout.decode().startswith("there is no command `pyton3` in the environment")
    assert "did you mean `python3`?" in done.stdout.decode()


def test_an_unknown_command_behind_scripts_is_127_too(tmp_path: Path, environ: dict[str, str]) -> None:
    done = _run(make_prefix(tmp_path / "e", activate=SCRIPTS[1]), ["absent"], environ)
    assert done.returncode == 127
    assert b"error: there is no command `absent`" in done.stderr


@pytest.mark.parametrize("command", ["", "/absent", "./absent", "/etc/passwd/x"])
def test_a_command_that_does_not_exist_is_127(tmp_path: Path, environ: dict[str, str], command: str) -> None:
    assert _run(make_prefix(tmp_path / "e"), [command], environ).returncode == 127


def test_a_command_that_cannot_be_executed_is_126(tmp_path: Path, environ: dict[str, str]) -> None:
    commands = {"plain": SHOW, "lost": "#!/absent/interpreter\n"}
    prefix = make_prefix(tmp_path / "e", commands=commands)
    (prefix / "bin/plain").chmod(0o644)
    plain, lost, directory = (_run(prefix, [name], environ) for name in ("plain", "lost", "/etc"))
    assert (plain.returncode, lost.returncode, directory.returncode) == (126, 126, 126)
    assert f"chmod +x {prefix}/bin/plain" in plain.stdout.decode()
    assert b"the interpreter that its first line names does not exist" in lost.stdout


def test_too_many_arguments_are_an_error_not_a_traceback(tmp_path: Path, environ: dict[str, str]) -> None:
    prefix = make_prefix(tmp_path / "e", variables={"BIG": "x" * 200_000})
    done = _run(prefix, ["true"], environ)
    assert (done.returncode, done.stderr) == (126, b"")
