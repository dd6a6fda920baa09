"""The command tree as a whole: help, names, and what it costs to start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from envmgr.cli.app import COMMANDS
from envmgr.store import copying

PAGES = [
    [],
    *([name] for name in COMMANDS),
    *(["env", name] for name in ("create", "export", "list", "remove", "update")),
    *(["channel", name] for name in ("build", "list")),
]


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_every_help_has_an_example_and_fits(envmgr: Envmgr, words: list[str]) -> None:
    for columns in ("80", "100", "250"):
        out = envmgr.ok(*words, "--help", COLUMNS=columns)
        assert out.startswith("Usage: envmgr")
        assert "\n  Example" in out or "eval" in out
        assert max(map(len, out.splitlines())) <= min(int(columns), 100)
        for metavar in ("[SPEC…]", "[PACKAGE…]", "NAME…", "CHANNEL…"):
            out = out.replace(metavar, "")
        assert "…" not in out.split("\n", 1)[1]
        assert "..." not in out.split("\n", 1)[1]
    assert envmgr.ok(*words, "-h") == envmgr.ok(*words, "--help")


@pytest.mark.parametrize("words", [[], ["env"], ["channel"]], ids=" ".join)
def test_a_group_by_itself_shows_its_help(envmgr: Envmgr, words: list[str]) -> None:
    assert envmgr.ok(*words) == envmgr.ok(*words, "--help")


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("crate", "did you mean `envmgr create`?"),
        ("xyzzy", "envmgr --help"),
        ("instal", "did you mean `envmgr install`?"),
    ],
)
def test_unknown_commands_have_a_way_on(envmgr: Envmgr, command: str, hint: str) -> None:
    done = envmgr(command, "numpy")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: envmgr has no command `{command}`\n\nhint: {hint}\n"


def _loaded(envmgr: Envmgr, *arguments: str) -> set[str]:
    """Return the modules that a command line has imported when it ends; it must succeed."""
    program = (
        "import sys, os; os.execve = lambda *_: print('\\0', *sys.modules, flush=True) or os._exit(0)\n"
        "from envmgr.cli import main\n"
        "assert main.run(sys.argv[1:], dict(os.environ)) == 0\n"
        "print('\\0', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=envmgr.environ, cwd=envmgr.directory, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.rpartition("\0")[2].split())


def test_commands_with_nothing_to_do_import_no_engine_and_no_network(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    heavy = {"rattler", "rattler_build", "requests", "asyncio", "libmambapy", "importlib.metadata", "socket", "ssl"}
    for arguments in (
        ["create", "-f", "environment.yml"],
        ["create", "-f", "environment.yml", "--json"],
        ["list", "-n", "science"],
        ["list", "-n", "science", "--json"],
        ["env", "list"],
        ["env", "list", "--json"],
        ["run", "-n", "science", "tool"],
        ["run", "-f", "environment.yml", "tool"],
        ["--help"],
    ):
        assert _loaded(envmgr, *arguments) & heavy == set(), arguments
    for arguments in (["list", "-n", "science"], ["env", "list"], ["run", "-n", "science", "tool"]):
        assert "yaml" not in _loaded(envmgr, *arguments), arguments


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere rattler links")
def test_create_from_a_lock_imports_no_engine_where_all_is_cached(
    envmgr: Envmgr, channel: LocalChannel, tmp_path: Path
) -> None:
    if copying.can_reflink(tmp_path):
        pytest.skip("this file system clones files, which is left to rattler")
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    envmgr.ok("create", "-f", "environment.yml", "-n", "other")  # notes that the lock fits
    loaded = _loaded(envmgr, "create", "-f", "environment.yml", "-n", "again")
    assert loaded & {"rattler", "asyncio", "requests", "ssl", "yaml", "concurrent.futures"} == set()


def test_what_nobody_may_wait_for_imports_few_modules(envmgr: Envmgr, channel: LocalChannel) -> None:
    """Counted beyond those of a bare interpreter: each takes a good part of a millisecond."""
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    envmgr.process("run", "-f", "environment.yml", "tool")  # makes the note by which the next one knows the file
    bare = set(
        subprocess.run(
            [sys.executable, "-c", "import sys; print(*sys.modules)"],
            env=envmgr.environ, capture_output=True, text=True, check=True, timeout=60,
        ).stdout.split()
    )  # fmt: skip
    counts = {
        arguments: len(_loaded(envmgr, *arguments) - bare)
        for arguments in (
            ("--version",),
            ("run", "-n", "science", "tool"),
            ("run", "-f", "environment.yml", "tool"),
            ("--help",),
            ("env", "list"),
            ("list", "-n", "science"),
            ("create", "-f", "environment.yml"),
        )
    }
    most = dict(zip(counts, (40, 55, 60, 120, 125, 130, 60), strict=True))
    assert {arguments: count for arguments, count in counts.items() if count > most[arguments]} == {}


def test_a_lock_that_is_followed_again_imports_nothing_that_reads_solves_or_fetches(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    for _ in range(2):
        envmgr.ok("create", "-f", "environment.yml")
        shutil.rmtree(envmgr.prefix("science"))
    loaded = _loaded(envmgr, "create", "-f", "environment.yml")
    assert envmgr.prefix("science").is_dir()
    heavy = {"rattler", "rattler_build", "requests", "asyncio", "yaml", "packaging", "ssl", "libmambapy"}
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("envmgr.solve")} == set()
    assert len(loaded) <= 330  # about 280 with those of a bare interpreter
