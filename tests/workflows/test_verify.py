"""Repairing: the same lock as a new generation, with nothing rotten from a cache."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders import by_hand
from builders.channels import LocalChannel
from builders.index_server import IndexServer
from builders.packages import Package
from builders.pip_half import SITE, environ_of, locked, python_package
from builders.store import Store
from builders.wheels import Wheel
from envmgr.errors import FrozenEnvironment, NotAnEnvironment, PrefixError, StoreError
from envmgr.lock import conda_lock
from envmgr.settings import Settings
from envmgr.store import generations
from envmgr.store.carried import Saved
from envmgr.store.layout import LOCK_FILE
from envmgr.store.problems import Findings, Shared
from envmgr.workflows import verify as workflow
from envmgr.workflows.verify import Repair


@pytest.fixture
def store(settings: Settings, make_channel: Callable[..., LocalChannel]) -> Store:
    store = Store(settings, make_channel())
    store.channel.add(
        Package(name="tool", files={"bin/tool": "#!/bin/sh\necho 1\n", "share/data": "1"}, executable=["bin/tool"]),
        Package(name="extra", files={"share/extra": "1"}),
        Package(
            name="patched",
            files={"etc/at": "/opt/placeholder"},
            placeholders={"etc/at": ("/opt/placeholder", "text")},
        ),
    )
    return store


def verified(store: Store, where: str = "a") -> Findings:
    return workflow.verify(store.location(where), store.settings, store.reporter)


def repaired(store: Store, where: str = "a", *, override_frozen: bool = False) -> Repair:
    return workflow.repair(
        store.location(where), verified(store, where), store.settings, store.reporter,
        command=("envmgr", "verify", "--fix"), override_frozen=override_frozen,
    )  # fmt: skip


def replaced(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_repair_is_a_new_generation_of_the_same_lock(store: Store) -> None:
    store.create("a", "tool", "extra")
    prefix = store.location("a").prefix
    before = generations.current(prefix)
    assert before is not None
    (prefix / "bin/tool").unlink()
    repair = repaired(store)
    assert repair.findings.problems == ()
    after = generations.current(prefix)
    assert after is not None
    assert (after.number, after.lock_digest) == (2, before.lock_digest)
    assert (after.inputs_digest, after.spec_digest) == (before.inputs_digest, before.spec_digest)
    assert after.command == ("envmgr", "verify", "--fix")
    assert os.access(prefix / "bin/tool", os.X_OK)
    assert not (store.location("a").generations / "1/bin/tool").exists()
    assert repair.discarded == ()


def test_edited_file_is_saved_beside_the_repaired_one(store: Store) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    store.create("a", "tool")
    time.sleep(0.02)  # clocks of file systems are coarse
    prefix = store.location("a").prefix
    replaced(prefix / "share/data", b"mine")
    repair = repaired(store)
    assert (repair.edited, repair.kept) == ((), None)
    assert repair.carried.saved == (Saved("share/data.envmgr-saved", "share/data"),)
    assert [(each.kind, each.path) for each in repair.findings.problems] == [("carried", "share/data.envmgr-saved")]
    assert (prefix / "share/data").read_bytes() == b"1"
    assert (prefix / "share/data.envmgr-saved").read_bytes() == b"mine"


def test_file_that_rotted_unseen_stays_in_the_old_generation_which_is_not_pruned(store: Store) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    store.create("a", "tool")
    store.create("b", "tool")
    prefix = store.location("a").prefix
    status = (prefix / "share/data").stat()
    (prefix / "share/data").write_bytes(b"9")
    os.utime(prefix / "share/data", ns=(status.st_atime_ns, status.st_mtime_ns))
    repair = repaired(store)
    assert repair.edited == ("share/data",)
    assert repair.kept is not None
    store.create("a", "tool", "extra")
    assert (repair.kept / "share/data").read_bytes() == b"9"


def test_files_of_people_come_along_and_what_they_installed_with_pip_is_undone(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "share/mine").write_text("mine")
    by_hand.install(prefix, "rich")
    assert [each.package for each in verified(store).installed] == ["rich"]
    repair = repaired(store)
    assert repair.kept is not None
    assert (prefix / "share/mine").read_text() == "mine"
    assert not (prefix / by_hand.SITE / "rich.py").exists()
    assert (repair.kept / by_hand.SITE / "rich.py").is_file()
    assert [text for text in store.reporter.warnings if f"{repair.kept}: rich 1.0 (installed with pip)" in text]


def test_what_was_carried_is_a_notice_of_its_own(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "share/mine").write_text("mine")
    by_hand.install(prefix, "rich")
    info = f"{by_hand.SITE}/rich-1.0.dist-info"
    assert {(each.kind, each.path) for each in verified(store).problems} == {
        ("foreign", info),
        ("foreign", "share/mine"),
    }
    store.create("a", "tool", "extra")
    (prefix / "share/other").write_text("mine")
    found = verified(store)
    assert {(each.kind, each.path) for each in found.problems} == {
        ("carried", info), ("carried", "share/mine"), ("foreign", "share/other"),
    }  # fmt: skip
    assert found.faults == ()


def test_edit_in_place_is_found_in_the_cache_and_in_every_environment_that_shares_it(
    store: Store, tmp_path: Path
) -> None:
    store.create("a", "tool")
    store.create("b", "tool", "extra")
    store.create(f"{tmp_path}/elsewhere", "tool")
    store.create("b", "tool")
    store.create("other", "extra")
    (store.location("a").prefix / "share/data").write_bytes(b"9")
    findings = verified(store)
    assert [problem.path for problem in findings.faults] == ["share/data"]
    (shared,) = findings.shared
    assert (shared.path, shared.elsewhere) == ("share/data", True)
    assert set(shared.environments) == {"b", "b@1", f"{tmp_path}/elsewhere"}


def test_repair_does_not_link_the_rot_again(store: Store) -> None:
    store.create("a", "tool")
    store.create("b", "tool")
    prefix = store.location("a").prefix
    (prefix / "share/data").write_bytes(b"9")
    repair = repaired(store)
    assert repair.discarded == ("tool-1.0-0",)
    assert repair.findings.faults == ()
    assert (prefix / "share/data").read_bytes() == b"1"
    artifact = store.cache.find(store.channel.package("tool"))
    assert artifact is not None
    assert store.cache.verify(artifact) == ()
    assert [problem.path for problem in verified(store, "b").faults] == ["share/data"]
    assert repaired(store, "b").findings.faults == ()


def test_rot_that_the_prefix_does_not_show_is_not_linked_either(store: Store) -> None:
    store.create("a", "patched", "tool")
    prefix = store.location("a").prefix
    artifact = store.cache.find(store.channel.package("patched"))
    assert artifact is not None
    (artifact.directory / "etc/at").write_bytes(b"/opt/Placeholder")
    (prefix / "bin/tool").unlink()
    assert repaired(store).discarded == ("patched-1.0-0",)
    assert (prefix / "etc/at").read_text() == str(prefix)


def test_failed_repair_leaves_the_environment_as_it_was(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "share/data").write_bytes(b"9")
    shutil.rmtree(store.channel.directory)
    before = verified(store).problems
    with pytest.raises(Exception, match=r"tool-1\.0-0"):
        repaired(store)
    assert verified(store).problems == before
    assert not (prefix / generations.FOREIGN).exists()


def test_frozen_environment_is_not_repaired_unless_told_so(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "bin/tool").unlink()
    (prefix / "conda-meta/frozen").write_text("{}")
    with pytest.raises(FrozenEnvironment):
        repaired(store)
    assert repaired(store, override_frozen=True).findings.faults == ()


def test_environment_without_its_lock_cannot_be_repaired(store: Store) -> None:
    store.create("a", "tool")
    (store.location("a").prefix / LOCK_FILE).unlink()
    findings = verified(store)
    assert [(each.kind, each.path) for each in findings.faults] == [("missing", LOCK_FILE)]
    with pytest.raises(PrefixError, match="cannot be repaired"):
        repaired(store)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"version: 1\n"])
def test_unreadable_lock_is_a_fault_and_no_ground_for_a_repair(store: Store, content: bytes) -> None:
    store.create("a", "tool")
    (store.location("a").prefix / LOCK_FILE).write_bytes(content)
    assert [(each.kind, each.path) for each in verified(store).faults] == [("unreadable", LOCK_FILE)]
    assert not verified(store).is_repairable
    with pytest.raises(PrefixError, match="for want of its lock"):
        repaired(store)


def test_changed_lock_is_no_ground_for_a_repair(store: Store) -> None:
    store.create("a", "tool")
    path = store.location("a").prefix / LOCK_FILE
    path.write_bytes(conda_lock.dumps_json(store.lock("tool", "extra")))
    assert ("changed", LOCK_FILE) in [(each.kind, each.path) for each in verified(store).faults]
    with pytest.raises(PrefixError, match="which was changed"):
        repaired(store)


def test_environment_of_another_tool_is_held_against_its_records(store: Store) -> None:
    store.create("a", "tool", "extra")
    prefix = store.location("a").prefix
    shutil.rmtree(prefix / "conda-meta/envmgr")
    findings = verified(store)
    assert (findings.has_lock, findings.problems) == (False, ())
    replaced(prefix / "share/data", b"9")
    assert [each.path for each in verified(store).faults] == ["share/data"]
    with pytest.raises(PrefixError, match="another tool"):
        repaired(store)
    replaced(prefix / "conda-meta/extra-1.0-0.json", b"{")
    assert ("unreadable", "conda-meta/extra-1.0-0.json") in [(each.kind, each.path) for each in verified(store).faults]


def test_environment_that_lost_its_history_is_found_and_repaired(store: Store, tmp_path: Path) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "conda-meta/history").unlink()
    location = workflow.find(store.settings, name="a", prefix=None)
    assert [each.path for each in workflow.verify(location, store.settings, store.reporter).faults] == [
        "conda-meta/history"
    ]
    assert repaired(store).findings.problems == ()
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory/file").touch()
    with pytest.raises(NotAnEnvironment):
        workflow.find(store.settings, name=None, prefix=f"{tmp_path}/directory")


def test_environment_that_was_moved_by_hand_is_made_anew_where_it_is(store: Store, tmp_path: Path) -> None:
    store.create("a", "patched", "tool")
    moved = tmp_path / "moved"
    os.rename(store.location("a").prefix, moved)
    findings = verified(store, str(moved))
    assert findings.faults
    assert findings.is_repairable
    assert repaired(store, str(moved)).findings.problems == ()
    assert (moved / "etc/at").read_text() == str(moved)


def test_records_that_were_removed_come_back(store: Store) -> None:
    store.create("a", "tool", "extra")
    prefix = store.location("a").prefix
    for path in prefix.glob("conda-meta/*.json"):
        path.unlink()
    assert repaired(store).findings.problems == ()


# The cache


def test_audit_of_a_sound_cache_finds_nothing(store: Store) -> None:
    store.create("a", "tool", "extra", "patched")
    audit = workflow.verify_cache(store.settings, store.reporter)
    assert (audit.artifacts, audit.rotten) == (3, ())
    assert audit.bytes > 0


@pytest.mark.parametrize("rot", ["changed", "missing", "no manifest", "bad manifest"])
def test_rotten_artifact_is_found_and_set_aside(store: Store, rot: str) -> None:
    store.create("a", "tool", "extra")
    artifact = store.cache.find(store.channel.package("tool"))
    assert artifact is not None
    manifest = artifact.directory.with_name(f"{artifact.directory.name}.json")
    if rot == "changed":
        replaced(artifact.directory / "share/data", b"9")
    elif rot == "missing":
        (artifact.directory / "share/data").unlink()
    elif rot == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text("{")
    audit = workflow.verify_cache(store.settings, store.reporter)
    assert [each.package for each in audit.rotten] == ["tool-1.0-0"]
    assert workflow.set_aside(audit, store.settings) == ("tool-1.0-0",)
    assert workflow.verify_cache(store.settings, store.reporter).rotten == ()
    store.create("b", "tool")
    assert verified(store, "b").problems == ()


def test_artifact_of_a_newer_envmgr_is_left_alone(store: Store) -> None:
    store.create("a", "tool")
    artifact = store.cache.find(store.channel.package("tool"))
    assert artifact is not None
    artifact.directory.with_name(f"{artifact.directory.name}.json").write_text('{"schema": 99}')
    with pytest.raises(StoreError, match="newer envmgr"):
        workflow.verify_cache(store.settings, store.reporter)
    assert artifact.directory.is_dir()


# The pip half


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


def test_edit_in_place_of_a_wheel_does_not_come_back_from_the_cache_of_uv(
    environ: dict[str, str], index: IndexServer, make_channel: Callable[..., LocalChannel]
) -> None:
    settings = Settings.load({**environ_of(environ, index), "UV_LINK_MODE": "hardlink"})
    store = Store(settings, make_channel())
    store.channel.add(python_package())
    store.realise(store.request("a", store.lock("python", pip=[locked(index, Wheel(name="greeter"))])))
    path = store.location("a").prefix / SITE / "greeter/__init__.py"
    content = path.read_bytes()
    assert path.stat().st_nlink > 1
    path.write_bytes(b"rotten")
    findings = verified(store)
    assert findings.shared == (Shared(f"{SITE}/greeter/__init__.py", "greeter", (), elsewhere=True),)
    assert repaired(store).findings.faults == ()
    assert path.read_bytes() == content
