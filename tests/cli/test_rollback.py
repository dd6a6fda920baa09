from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries, environment_file
from builders.store import roll_back_until
from envmgr.settings import Settings
from envmgr.store import layout, recorded
from envmgr.store.rollback import RollbackRequest


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """`science` of two files: `old.yml` (tool 1.0, generation 1) and `new.yml` (tool 2.0 and numpy, generation 2)."""
    envmgr.write("old.yml", environment_file(channel, "tool=1"))
    envmgr.write("new.yml", environment_file(channel, "tool=2", "numpy"))
    for name in ("old.yml", "new.yml"):
        envmgr.ok("create", "-f", name, "-q")
    return envmgr


def version(science: Envmgr) -> str:
    return subprocess.run([science.prefix("science") / "bin/tool"], capture_output=True, check=True, text=True).stdout


def test_rollback_goes_to_the_generation_before_and_back_again(science: Envmgr) -> None:
    out = science.ok("rollback", "-n", "science")
    assert "~  tool   2.0 → 1.0" in out
    assert "-  numpy  1.26" in out
    assert "science is as it was at generation 1, now generation 3" in out
    assert version(science) == "tool 1.0\n"
    assert "now generation 4" in science.ok("rollback", "-n", "science")
    assert version(science) == "tool 2.0\n"


def test_number_chooses_and_what_is_there_already_is_said(science: Envmgr) -> None:
    assert science.ok("rollback", "-n", "science", "2") == "science is at generation 2: nothing to do\n"
    science.ok("rollback", "-n", "science", "1", "-q")
    before = entries(science.root)
    expected = "science already is as it was at generation 1: nothing to do\n"
    assert science.ok("rollback", "-n", "science", "1") == expected
    assert entries(science.root) == before


def test_condas_install_revision_is_a_rollback(science: Envmgr) -> None:
    assert "now generation 3" in science.ok("install", "-n", "science", "--revision", "1", "-y")
    assert version(science) == "tool 1.0\n"
    assert science("install", "-n", "science", "--revision", "2", "numpy").code == 2


def test_unknown_generation_lists_those_that_exist(science: Envmgr) -> None:
    done = science("rollback", "-n", "science", "9")
    assert (done.code, done.out) == (1, "")
    assert done.err == ("error: science has no generation 9; these exist: 1, 2\n\nhint: envmgr history -n science\n")
    document = science("rollback", "-n", "science", "9", "--json").json
    assert document["details"] == {"generations": [1, 2]}
    assert science("rollback", "-n", "science", "0").code == 2


def test_first_generation_has_none_before(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "new", "-c", channel.url, "tool", "-q")
    done = envmgr("rollback", "-n", "new")
    assert (done.code, "generation 1, and none was before it" in done.err) == (1, True)


def test_json_has_the_shape_of_a_change(science: Envmgr) -> None:
    document = science("rollback", "-n", "science", "--dry-run", "--json").json
    assert (document["success"], document["dry_run"], document["up_to_date"]) == (True, True, False)
    assert [each["dist_name"] for each in document["actions"]["LINK"]] == ["tool-1.0-0"]
    assert [each["dist_name"] for each in document["actions"]["UNLINK"]] == ["numpy-1.26-0", "tool-2.0-0"]
    document = science("rollback", "-n", "science", "--json").json
    assert (document["generation"], document["rolled_back_to"], document["dry_run"]) == (3, 1, False)
    document = science("rollback", "-n", "science", "1", "--json").json
    assert (document["up_to_date"], document["generation"]) == (True, 3)


def test_dry_run_changes_nothing(science: Envmgr) -> None:
    before = entries(science.root)
    assert "dry run: nothing was changed" in science.ok("rollback", "-n", "science", "--dry-run")
    assert entries(science.root) == before


def test_file_that_was_followed_before_is_up_to_date_and_the_other_moves_forward(science: Envmgr) -> None:
    science.ok("rollback", "-n", "science", "-q")
    assert "science is up to date" in science.ok("create", "-f", "old.yml")
    assert "tool" in science.ok("create", "-f", "new.yml")
    assert version(science) == "tool 2.0\n"


def test_cleaned_generation_is_realised_from_its_lock(science: Envmgr, channel: LocalChannel) -> None:
    shutil.rmtree(science.cache)
    science.ok("create", "-n", "science", "-c", channel.url, "numpy", "-q", "-y", ENVMGR_KEEP_GENERATIONS="0")
    assert [each["state"] for each in science("history", "-n", "science", "--json").json["generations"]] == [
        "current", "lock", "lock",
    ]  # fmt: skip
    assert "to download" in science.ok("rollback", "-n", "science", "1")
    assert version(science) == "tool 1.0\n"
    listed = science("list", "-n", "science", "--json").json
    assert [(each["name"], each["version"], each["requested"]) for each in listed] == [
        ("base-files", "1.0", False),
        ("tool", "1.0", True),
    ]


def test_lock_whose_channel_is_gone_is_realised_from_the_cache(science: Envmgr, channel: LocalChannel) -> None:
    kept = science.root / "envs/.generations/science/1"
    (kept / "mine").write_text("precious")
    shutil.rmtree(channel.directory)
    done = science("rollback", "-n", "science", "-y")
    assert done.code == 0, done.err
    assert f"it stays in {kept}" in done.err
    assert version(science) == "tool 1.0\n"
    assert (kept / "mine").read_text() == "precious"


def test_artifact_that_is_nowhere_any_more_changes_nothing(science: Envmgr, channel: LocalChannel) -> None:
    shutil.rmtree(science.root / "envs/.generations/science/1/bin")
    shutil.rmtree(channel.directory)
    shutil.rmtree(science.cache)
    before = entries(science.prefix("science"))
    done = science("rollback", "-n", "science")
    assert done.code == 1
    assert "error: " in done.err
    assert entries(science.prefix("science")) == before


def test_variables_and_activation_come_back(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("a.yml", environment_file(channel, "greet", more="variables:\n  STAGE: one\n"))
    envmgr.write("b.yml", environment_file(channel, "tool", more="variables:\n  STAGE: two\n"))
    for name in ("a.yml", "b.yml"):
        envmgr.ok("create", "-f", name, "-q")
    envmgr.ok("rollback", "-n", "science", "-q")
    done = envmgr.process("run", "-n", "science", "sh", "-c", "echo $STAGE")
    assert done.out == "one\n"
    script = (envmgr.prefix("science") / "conda-meta/envmgr/activate.sh").read_text()
    assert "greet.sh" in script


def test_frozen_environment_stays_as_it_is(science: Envmgr) -> None:
    (science.prefix("science") / "conda-meta/frozen").write_text("{}")
    done = science("rollback", "-n", "science")
    assert (done.code, "--override-frozen" in done.err) == (1, True)
    assert version(science) == "tool 2.0\n"
    assert science("rollback", "-n", "science", "--override-frozen").code == 0
    assert version(science) == "tool 1.0\n"


def test_a_terminal_is_asked(science: Envmgr) -> None:
    pty = pytest.importorskip("pty")
    for answer, code in (("n\n", 1), ("y\n", 0)):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        done = subprocess.run(
            [*PROGRAM, "rollback", "-n", "science"],
            env=science.environ, stdin=theirs, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        assert done.returncode == code
        assert "change science? the state before is kept [Y/n]" in done.stderr


def test_environment_at_a_path_is_rolled_back_in_place(envmgr: Envmgr, channel: LocalChannel) -> None:
    for spec in ("tool=1", "tool=2"):
        envmgr.ok("create", "-p", "env", "-c", channel.url, spec, "-q")
    envmgr.ok("rollback", "-p", "env", "-q")
    done = subprocess.run([envmgr.directory / "env/bin/tool"], capture_output=True, check=True, text=True)
    assert done.stdout == "tool 1.0\n"
    assert sorted(os.listdir(envmgr.directory / ".env.envmgr/generations")) == ["1.conda-lock.yml", "1.json", "2"]


def test_tree_that_a_killed_rollback_had_taken_is_exchanged_all_the_same(science: Envmgr) -> None:
    location = layout.named(Settings.load(science.environ), "science")
    target = recorded.find(location, 1)
    request = RollbackRequest(location, target.generation, recorded.lock_of(target), ("envmgr", "rollback"), 2)
    inode = (location.generations / "1/bin").stat().st_ino
    assert roll_back_until(Settings.load(science.environ), request, "taken") == -signal.SIGKILL
    assert not (location.generations / "1").exists()
    science.ok("rollback", "-n", "science", "-q")
    assert (science.prefix("science") / "bin").stat().st_ino == inode
    assert version(science) == "tool 1.0\n"
