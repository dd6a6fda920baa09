from __future__ import annotations

import os
import subprocess

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries
from envmgr.settings import Settings
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
    assert "\nthe uv cache, 1.0 kB\n" in out
    assert not (used.cache / "uv").exists()
    assert cached(used) == ["base-files", "tool"]


def test_nothing_is_removed_where_nobody_can_be_asked(used: Envmgr) -> None:
    done = used("clean")
    assert done.code == 2
    assert done.err.endswith("hint: envmgr clean --yes\n")
    assert used("clean", "--all", "--json").json["hint"] == "envmgr clean --all --yes"
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
