from __future__ import annotations

import os
import subprocess

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "-q")
    return envmgr


def test_remove_takes_the_environment_and_what_is_kept_of_it(science: Envmgr, channel: LocalChannel) -> None:
    science.ok("create", "-n", "science", "-c", channel.url, "tool=2", "-q")
    assert (science.root / "envs/.generations/science/1").is_dir()
    out = science.ok("remove", "-n", "science", "--all", "--yes")
    assert out == f"removed science ({science.prefix('science')})\n"
    assert not science.prefix("science").exists()
    assert not (science.root / "envs/.generations/science").exists()
    assert science("env", "list", "--json").json["envs"] == []


def test_what_is_lost_needs_a_yes_where_nobody_can_be_asked(science: Envmgr) -> None:
    done = science("remove", "-n", "science", "--all")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("\n\nhint: envmgr remove -n science --all --yes\n")
    assert science("remove", "-n", "science", "--all", "--json").json["error"] == "UsageError"
    assert science.prefix("science").is_dir()


def test_dry_run_removes_nothing(science: Envmgr) -> None:
    out = science.ok("remove", "-n", "science", "--all", "--dry-run")
    assert out == f"dry run: would remove science ({science.prefix('science')})\n"
    document = science("remove", "-n", "science", "--all", "--dry-run", "--json").json
    assert (document["success"], document["dry_run"]) == (True, True)
    assert science.prefix("science").is_dir()


def test_remove_all_json_has_condas_actions(science: Envmgr) -> None:
    document = science("remove", "-n", "science", "--all", "--yes", "--json").json
    prefix = str(science.prefix("science"))
    assert (document["success"], document["prefix"], document["dry_run"]) == (True, prefix, False)
    assert document["actions"]["FETCH"] == document["actions"]["LINK"] == []
    assert [each["dist_name"] for each in document["actions"]["UNLINK"]] == ["base-files-1.0-0", "tool-1.0-0"]
    assert document["pip"] == {"install": [], "remove": []}


def test_a_terminal_is_asked(science: Envmgr) -> None:
    pty = pytest.importorskip("pty")
    for answer, code in (("n\n", 1), ("y\n", 0)):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        done = subprocess.run(
            [*PROGRAM, "env", "remove", "-n", "science"],
            env=science.environ, stdin=theirs, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        assert done.returncode == code
        assert "with everything in it? [y/N]" in done.stderr
        assert science.prefix("science").exists() == (code == 1)


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["-n", "science"], 2, "envmgr remove -n science PACKAGE, or: envmgr remove -n science --all"),
        (["-p", "a b"], 2, "envmgr remove -p 'a b' PACKAGE, or: envmgr remove -p 'a b' --all"),
        (["-n", "science", "tool", "--all"], 2, "leave one of them out"),
        (["-n", "science", "--save", "--all"], 2, "leave one of them out"),
        (["-n", "science", "tool", "-f", "environment.yml"], 2, "add --save"),
        (["-n", "science", "tool=1"], 2, "envmgr remove -n science tool"),
        (["--all", "--yes"], 2, "add -n NAME or -p PATH; `envmgr env list` shows them"),
        (["-n", "sciense", "--all", "--yes"], 1, "did you mean -n science?"),
        (["-n", "other", "--all", "--yes"], 1, "envmgr env list"),
        (["-p", "", "--all", "--yes"], 2, "write -p PATH or -n NAME"),
        (["-n", "science", "-p", "x", "--all", "--yes"], 2, "give one of them"),
    ],
)
def test_wrong_uses_remove_nothing(science: Envmgr, arguments: list[str], code: int, hint: str) -> None:
    active = {"CONDA_PREFIX": str(science.prefix("science"))}
    done = science("remove", *arguments, **active)
    assert (done.code, done.out) == (code, "")
    assert done.err.endswith(f"\n\nhint: {hint}\n")
    assert science.prefix("science").is_dir()


def test_a_directory_that_is_no_environment_stays(envmgr: Envmgr) -> None:
    envmgr.write("thesis.txt", "years of work")
    done = envmgr("remove", "-p", ".", "--all", "--yes")
    assert done.code == 1
    assert "is a directory, but no environment" in done.err
    assert (envmgr.directory / "thesis.txt").exists()


def test_frozen_environments_stay_unless_told(science: Envmgr) -> None:
    (science.prefix("science") / "conda-meta/frozen").touch()
    assert science("remove", "-n", "science", "--all", "--yes", "--json").json["error"] == "FrozenEnvironment"
    assert science.ok("env", "remove", "-n", "science", "--yes", "--override-frozen").startswith("removed science")


def test_remove_by_path_is_the_same_environment(science: Envmgr) -> None:
    science.ok("remove", "-p", str(science.prefix("science")), "--all", "--yes", "-q")
    assert not science.prefix("science").exists()
