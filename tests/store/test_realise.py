"""Realise: both halves from a lock, in one step, whatever was there before."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store, faults, realise_at_once
from envmgr.errors import (
    ChecksumMismatch,
    CorruptPackage,
    EnvmgrError,
    FrozenEnvironment,
    NoInodes,
    NoSpace,
    NotAnEnvironment,
    PackageError,
    PrefixError,
    ReadOnlyStore,
)
from envmgr.store import generations, layout, registry, room
from envmgr.store.generations import Switch


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_new_environment_has_the_files_of_its_packages(store: Store) -> None:
    result = store.create("science", "tool")
    prefix = store.location("science").prefix
    assert text(prefix / "bin/tool") == "#!/bin/sh\necho 1\n"
    assert result.is_new
    assert result.kept is None
    assert generations.current(prefix) == result.generation
    assert (result.generation.number, result.generation.previous) == (1, None)
    assert layout.names(store.settings) == ("science",)
    assert [location.name for location in registry.environments(store.settings)] == ["science"]
    assert store.reporter.warnings == []


@pytest.mark.usefixtures("hard_links")
def test_files_are_shared_with_the_cache(store: Store) -> None:
    store.create("a", "tool")
    assert os.stat(store.location("a").prefix / "lib/tool/data").st_nlink == 2


def test_nothing_but_the_environment_is_left_beside_a_path(store: Store, tmp_path: Path) -> None:
    prefix = tmp_path / "project/env"
    store.create(str(prefix), "tool")
    assert os.listdir(prefix.parent) == ["env"]
    store.create(str(prefix), "extra")
    assert sorted(os.listdir(prefix.parent)) == [".env.envmgr", "env"]
    assert os.listdir(prefix.parent / ".env.envmgr") == ["generations"]


@pytest.mark.parametrize("name", ["with space", "Größe und 数", "x" * 200, "quote'\"$(x)"])
def test_embedded_paths_name_the_final_prefix(store: Store, tmp_path: Path, name: str) -> None:
    prefix = tmp_path / name
    store.create(str(prefix), "patched")
    assert text(prefix / "etc/patched.conf") == f"home={prefix}\n"
    for path in prefix.rglob("*"):
        if path.is_file():
            assert b"staging" not in path.read_bytes(), path


def test_prefix_of_two_hundred_characters_works(store: Store, tmp_path: Path) -> None:
    prefix = tmp_path / "d" / ("x" * max(200 - len(str(tmp_path)) - 3, 1))
    store.create(str(prefix), "patched", "tool")
    assert len(str(prefix)) >= 200
    assert faults(prefix, store.lock("patched", "tool")) == []


def test_empty_directory_becomes_the_environment(store: Store, tmp_path: Path) -> None:
    for switch in ("exchange", "symlink"):
        prefix = tmp_path / switch
        prefix.mkdir()
        store.create(str(prefix), "tool", switch=switch)
        assert faults(prefix, store.lock("tool")) == []


@pytest.mark.parametrize("switch", ["exchange", "symlink", "copy"])
def test_changed_environment_keeps_the_old_one_whole(store: Store, switch: Switch) -> None:
    store.create("a", "patched", "tool", switch=switch)
    result = store.create("a", "extra", switch=switch)
    prefix = store.location("a").prefix
    assert faults(prefix, store.lock("extra")) == []
    assert not (prefix / "bin/tool").exists()
    assert result.generation.number == 2
    assert result.kept == store.location("a").generations / "1"
    assert faults(result.kept, store.lock("patched", "tool")) == []
    assert prefix.is_symlink() == (switch == "symlink")


def test_switch_by_symlink_goes_on_by_symlink(store: Store) -> None:
    store.create("a", "tool", switch="symlink")
    prefix = store.location("a").prefix
    for number in (2, 3, 4):
        assert store.create("a", "extra").generation.switch == "symlink"
        assert os.readlink(prefix) == f".generations/a/{number}"
        assert text(prefix / "share/extra/one") == "1"


def test_real_directory_becomes_a_symlink_where_exchange_is_not_possible_any_more(store: Store) -> None:
    store.create("a", "tool", switch="exchange")
    result = store.create("a", "extra", switch="symlink")
    assert store.location("a").prefix.is_symlink()
    assert result.kept is not None
    assert faults(result.kept, store.lock("tool")) == []


def test_policy_keeps_the_newest_old_generations_and_the_locks_of_all(store: Store) -> None:
    for names in (["tool"], ["extra"], ["patched"], ["tool"], ["extra"]):
        store.create("a", *names)
    location = store.location("a")
    assert [generation.number for generation in generations.kept(location)] == [3, 4]
    assert sorted(os.listdir(location.generations)) == ["1.conda-lock.yml", "1.json", "2.conda-lock.yml", "2.json",
                                                        "3", "4"]  # fmt: skip


def test_generation_with_what_exists_nowhere_else_is_never_pruned(store: Store) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    store.create("a", "tool")
    (store.location("a").prefix / "mine").write_text("precious")
    for names in (["extra"], ["tool"], ["extra"]):
        store.create("a", *names, extent="nothing")
    assert text(store.location("a").generations / "1/mine") == "precious"
    assert [generation.number for generation in generations.kept(store.location("a"))] == [1]


def test_frozen_environment_is_not_touched(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "conda-meta/frozen").write_text(json.dumps({"message": "runs a service"}))
    with pytest.raises(FrozenEnvironment, match="runs a service") as caught:
        store.create("a", "extra")
    assert caught.value.hint is not None
    assert faults(prefix, store.lock("tool")) == []
    store.create("a", "extra", override_frozen=True)
    assert (prefix / "conda-meta/frozen").read_text() == json.dumps({"message": "runs a service"})
    assert faults(prefix, store.lock("extra")) == []


def test_directory_with_other_things_is_refused_before_anything_is_fetched(store: Store, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").touch()
    with pytest.raises(NotAnEnvironment):
        store.create(str(tmp_path / "data"), "tool")
    assert os.listdir(tmp_path / "data") == ["thesis.tex"]
    assert not store.cache.directory.exists()


def test_environment_of_another_tool_is_refused_unless_it_is_what_was_planned_for(store: Store) -> None:
    prefix = store.location("a").prefix
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").write_text("==> 2020-01-01 00:00:00 <==\n# cmd: conda create\n")
    with pytest.raises(PrefixError, match="another tool"):
        store.create("a", "tool")
    result = store.create("a", "tool", replaces=0)
    assert result.kept == store.location("a").generations / "0"
    assert "# cmd: conda create\n" in text(prefix / "conda-meta/history")


def test_environment_that_changed_meanwhile_is_left_alone(store: Store) -> None:
    store.create("a", "tool")
    request = store.request("a", store.lock("extra"))
    store.create("a", "patched")
    with pytest.raises(PrefixError, match="expected generation 1, found 2"):
        store.realise(request)
    assert faults(store.location("a").prefix, store.lock("patched")) == []


def test_second_of_two_identical_commands_finds_the_work_done(store: Store) -> None:
    requests = [store.request("a", store.lock("patched", "tool"))] * 8
    assert realise_at_once(store.settings, requests) == [0] * 8
    generation = generations.current(store.location("a").prefix)
    assert generation is not None
    assert generation.number == 1
    assert os.listdir(store.settings.root / "envs/.staging") == []


def test_simultaneous_creates_of_one_path_find_the_work_done(store: Store, tmp_path: Path) -> None:
    prefix = tmp_path / "here/env"
    for _ in range(3):
        assert realise_at_once(store.settings, [store.request(str(prefix), store.lock("tool"))] * 4) == [0] * 4
        assert os.listdir(prefix.parent) == ["env"]
        shutil.rmtree(prefix)


def test_different_environments_are_made_at_the_same_time_from_an_empty_cache(store: Store) -> None:
    lock = store.lock("extra", "patched", "tool")
    assert realise_at_once(store.settings, [store.request(f"env-{number}", lock) for number in range(6)]) == [0] * 6
    for number in range(6):
        assert faults(store.location(f"env-{number}").prefix, lock) == []


def test_wrong_hash_leaves_nothing(store: Store) -> None:
    lock = store.lock("tool")
    lying = lock._replace(conda=(lock.conda[0]._replace(sha256="0" * 64),))
    with pytest.raises(ChecksumMismatch):
        store.realise(store.request("a", lying))
    assert not store.location("a").prefix.exists()


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/tmp/outside", "conda-meta/history"])
def test_path_that_leaves_the_prefix_is_refused_with_nothing_written(store: Store, tmp_path: Path, path: str) -> None:
    store.channel.add(Package(name="hostile", files={"a/x": "1"}, paths=[{"_path": path, "path_type": "hardlink"}]))
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(CorruptPackage):
        store.create("a", "hostile")
    assert not store.location("a").prefix.exists()
    assert set(os.listdir(tmp_path)) - set(before) <= {"cache", "root"}


def test_rotten_cache_entry_is_fetched_again(store: Store) -> None:
    store.create("a", "tool")
    artifact = store.cache.find(store.channel.package("tool"))
    assert artifact is not None
    (artifact.directory / "lib/tool/data").unlink()
    store.create("b", "tool")
    assert faults(store.location("b").prefix, store.lock("tool")) == []
    assert "damaged in the cache" in store.reporter.warnings[0]


def test_file_with_two_owners_goes_to_the_dependent_one_and_is_named(store: Store) -> None:
    store.channel.add(
        Package(name="first", files={"share/both": "first", "share/same": "x"}),
        Package(name="second", files={"share/both": "second", "share/same": "x"}, depends=["first"]),
    )
    store.create("a", "first", "second")
    prefix = store.location("a").prefix
    assert text(prefix / "share/both") == "second"
    assert text(prefix / "__clobbers__/first/share/both") == "first"
    assert store.reporter.warnings == [
        "several packages own the same files: share/both of first gives way to that of second"
    ]


def test_link_scripts_are_named_and_not_run(store: Store) -> None:
    script = "#!/bin/sh\necho ran > $PREFIX/ran\n"
    store.channel.add(Package(name="scripted", files={"bin/.scripted-post-link.sh": script}))
    store.create("a", "scripted")
    assert not (store.location("a").prefix / "ran").exists()
    assert any("scripted" in notice for notice in store.reporter.notices)


def test_allowed_link_scripts_run_before_the_check(store: Store) -> None:
    store = Store(store.settings._replace(link_scripts="allow"), store.channel)
    store.channel.add(
        Package(name="scripted", files={"bin/.scripted-post-link.sh": "#!/bin/sh\necho ran > $PREFIX/ran\n"}),
        Package(name="failing", files={"bin/.failing-post-link.sh": "#!/bin/sh\nexit 3\n"}),
    )
    store.create("a", "scripted")
    assert text(store.location("a").prefix / "ran") == "ran\n"
    with pytest.raises(PackageError, match="failing"):
        store.create("b", "failing")
    assert not store.location("b").prefix.exists()


def test_too_little_room_is_said_with_numbers_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match=r"has [0-9.]+ MiB free; the environment takes [0-9.]+ MiB"):
        room.check(tmp_path, room.Need(1 << 60, 1))
    if os.statvfs(tmp_path).f_files:
        with pytest.raises(NoInodes, match=r"has [0-9]+ inodes free; the environment takes [0-9]+"):
            room.check(tmp_path, room.Need(1, 1 << 60))


def test_linked_tree_needs_room_for_its_own_files_only(store: Store) -> None:
    store.channel.add(Package(name="large", files={"large": b"x" * 3_000_000}))
    artifacts = store.cache.fetch(store.lock("large").conda, channels=(), reporter=store.reporter)
    assert room.need(artifacts, (), shares=True).bytes < 2_000_000
    assert room.need(artifacts, (), shares=False).bytes > 3_000_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_store_that_cannot_be_written_is_an_error_with_the_way_out(store: Store, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o500)
    with pytest.raises(ReadOnlyStore) as caught:
        store.create(str(tmp_path / "closed/env"), "tool")
    assert caught.value.hint is not None


def test_file_in_the_way_of_the_store_is_an_error_not_a_traceback(store: Store) -> None:
    store.settings.root.mkdir()
    (store.settings.root / "envs").write_text("")
    with pytest.raises(EnvmgrError):
        store.create("a", "tool")


def test_process_that_uses_the_environment_is_named(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    with subprocess.Popen(["sleep", "60"], cwd=prefix) as process:
        try:
            store.create("a", "extra")
        finally:
            process.kill()
    if Path("/proc/self/cwd").exists():
        assert any(f"sleep ({process.pid})" in notice for notice in store.reporter.notices)


def test_registry_that_cannot_be_written_is_a_warning(store: Store) -> None:
    (store.settings.home / ".conda").write_text("a file")
    assert store.create("a", "tool").is_new
    assert any("environments.txt" in warning for warning in store.reporter.warnings)


def test_read_only_directories_of_a_package_can_be_replaced_and_pruned(store: Store) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    store.create("a", "tool")
    directory = store.location("a").prefix / "lib/tool"
    directory.chmod(stat.S_IRUSR | stat.S_IXUSR)
    store.create("a", "extra")
    assert generations.kept(store.location("a")) == ()


def test_reading_a_generation_imports_nothing_heavy() -> None:
    code = "import sys; from envmgr.store import generations, layout, registry; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"rattler", "yaml", "asyncio", "dataclasses", "requests", "click", "ctypes"}
    assert not [name for name in heavy if f"'{name}'" in done.stdout]
