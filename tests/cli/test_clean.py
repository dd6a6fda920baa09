from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries
from builders.packages import Package
from envmgr.settings import Settings
from envmgr.store import pruning
from envmgr.store.carried import Left
from envmgr.store.usage import using_cache


def cached(envmgr: Envmgr) -> list[str]:
    return sorted(path.name.rsplit("-", 3)[0] for path in envmgr.cache.glob("pkgs/*") if path.is_dir())


@pytest.fixture
def used(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """Two environments made a moment ago, of which one was removed."""
    envmgr.ok("create", "-n", "stays", "-c", channel.url, "tool=1", "-q")
    envmgr.ok("create", "-n", "goes", "-c", channel.url, "greet", "-q")
    envmgr.ok("remove", "-n", "goes", "--all", "--yes", "-q")
    return envmgr


def test_clean_removes_what_no_environment_needs_at_once(used: Envmgr) -> None:
    assert cached(used) == ["base-files", "greet", "tool"]
    done = used("clean", "--yes")
    first, last = done.out.splitlines()
    assert first.startswith("1 cached package that no environment needs, ")
    assert last == f"removed {first.split(', ')[1]}"
    assert cached(used) == ["base-files", "tool"]
    assert used.ok("clean", "--yes").startswith("nothing to remove: every cached package is needed")
    assert used.process("run", "-n", "stays", "tool").out == "tool 1.0\n"


def test_kept_generations_count_as_needed(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet", "-q")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")
    envmgr.ok("clean", "--yes")
    assert cached(envmgr) == ["base-files", "greet", "tool"]


def test_dry_run_says_what_would_go(used: Envmgr) -> None:
    before = entries(used.cache)
    out = used.ok("clean", "--dry-run")
    assert "greet-1.0-0-" in out
    assert out.endswith("dry run: nothing was removed\n")
    document = used("clean", "--dry-run", "--json").json
    assert (document["success"], document["dry_run"], len(document["items"])) == (True, True, 1)
    assert document["bytes"] == document["items"][0]["size"] > 0
    assert entries(used.cache) == before


def test_all_takes_the_other_caches_too(used: Envmgr) -> None:
    (used.cache / "uv").mkdir()
    (used.cache / "uv/wheel").write_bytes(b"0" * 1000)
    out = used.ok("clean", "--all", "--yes")
    assert re.search(r"^the uv cache, \d.* kB$", out, re.MULTILINE)
    assert not (used.cache / "uv").exists()
    assert cached(used) == ["base-files", "tool"]


def test_nothing_is_removed_where_nobody_can_be_asked(used: Envmgr) -> None:
    done = used("clean")
    assert done.code == 2
    assert done.err.endswith("hint: envmgr clean --yes\n")
    assert used("clean", "--all", "--json").json["hint"] == "envmgr clean --all --json --yes"
    assert cached(used) == ["base-files", "greet", "tool"]


def test_a_terminal_is_asked(used: Envmgr) -> None:
    pty = pytest.importorskip("pty")
    for answer, left in (("n\n", 3), ("y\n", 2)):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        done = subprocess.run(
            [*PROGRAM, "clean"],
            env=used.environ, stdin=theirs, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        assert done.returncode == (1 if left == 3 else 0)
        assert len(cached(used)) == left


def test_nothing_is_removed_while_another_command_uses_the_cache(used: Envmgr) -> None:
    with using_cache(Settings.load(used.environ)):
        assert used.ok("clean", "--all", "--yes").startswith("nothing to remove now: another envmgr is using the cache")
        assert used("clean", "--yes", "--json").json["busy"] is True
    assert cached(used) == ["base-files", "greet", "tool"]


def test_an_empty_cache_is_no_failure(envmgr: Envmgr) -> None:
    assert envmgr.ok("clean", "--yes").startswith("nothing to remove")
    assert envmgr("clean", "--yes", "--json").json["bytes"] == 0


def test_fewer_generations_are_kept_where_that_is_asked_for_and_their_locks_stay(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    for specs in (["greet"], ["tool=1"], ["tool=2"]):
        envmgr.ok("create", "-n", "x", "-c", channel.url, *specs, "-q")
    document = envmgr("clean", "--keep-generations", "1", "--dry-run", "--json").json
    assert [item["name"] for item in document["items"] if item["kind"] == "generation"] == ["x@1"]
    assert [item["kind"] for item in document["items"]] == ["artifact", "generation"]
    assert document["bytes"] == sum(item["size"] for item in document["items"]) > 0
    freed = envmgr("clean", "--keep-generations", "1", "--yes", "--json").json["bytes"]
    assert freed == document["bytes"]
    assert cached(envmgr) == ["base-files", "tool", "tool"]
    envmgr.ok("rollback", "-n", "x", "1", "-q")
    assert envmgr.process("run", "-n", "x", "sh", "-c", "echo $GREETING").out == "hello\n"


def test_what_would_be_free_does_not_count_what_others_share(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="large", files={"share/large": "0" * 1_000_000}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "large", "-q")
    envmgr.ok("clone", "x", "y", "-q")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")
    document = envmgr("clean", "--keep-generations", "0", "--dry-run", "--json").json
    assert [item["name"] for item in document["items"]] == ["x@1"]
    assert document["bytes"] < 500_000
    envmgr.ok("remove", "-n", "y", "--all", "--yes", "-q")
    assert envmgr("clean", "--keep-generations", "0", "--dry-run", "--json").json["bytes"] > 1_000_000


def test_an_environment_that_was_deleted_leaves_the_register_with_its_generations(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    for where in (["-n", "x"], ["-p", "here"]):
        for spec in ("greet", "tool"):
            envmgr.ok("create", *where, "-c", channel.url, spec, "-q")
    shutil.rmtree(envmgr.prefix("x"))
    shutil.rmtree(envmgr.directory / "here")
    out = envmgr.ok("clean", "--yes")
    assert f"{envmgr.prefix('x')} is gone, and leaves the register\n" in out
    assert Path(envmgr.environ["HOME"], ".conda/environments.txt").read_text() == ""
    assert not list((envmgr.root / "envs/.generations").glob("*"))
    assert not list(envmgr.directory.glob(".here.envmgr"))
    assert cached(envmgr) == []
    assert envmgr.ok("clean", "--yes").startswith("nothing to remove")


def test_what_other_stores_need_of_the_same_cache_stays(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    other = {"ENVMGR_ROOT": str(tmp_path / "other"), "HOME": str(tmp_path / "other-home")}
    for spec in ("greet", "tool"):
        assert envmgr("create", "-n", "x", "-c", channel.url, spec, "-q", **other).code == 0
    assert envmgr.ok("clean", "--yes").startswith("nothing to remove")
    assert cached(envmgr) == ["base-files", "greet", "tool"]
    assert envmgr("remove", "-n", "x", "--all", "--yes", **other).code == 0
    assert envmgr.ok("clean", "--yes").startswith("3 cached packages")


def test_what_holds_the_only_copy_of_something_stays(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet", "-q")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")
    kept = envmgr.root / "envs/.generations/x/1"
    pruning.protect(kept, [Left("notes.txt", "it could not be read")])
    out = envmgr.ok("clean", "--keep-generations", "0", "--yes")
    assert out.startswith(f"{kept} stays: it holds what exists nowhere else\n")
    assert kept.exists()


@pytest.mark.parametrize("flag", ["-t", "-i", "-l", "-c"])
def test_condas_narrow_flags_leave_packages_alone(used: Envmgr, flag: str) -> None:
    assert used("clean", flag, "--yes").code == 0
    assert cached(used) == ["base-files", "greet", "tool"]
