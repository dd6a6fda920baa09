"""Rollback by exchange: what is taken, what is not, and SIGKILL at every step of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.packages import Package
from builders.store import Store, faults, roll_back_until, rollback_request, start_rolling_back
from envmgr.errors import FrozenEnvironment, PrefixError
from envmgr.lock.model import Lock
from envmgr.store import carried, generations, metadata, recorded
from envmgr.store.carried import Saved
from envmgr.store.commit import Checkpoint, unwatched
from envmgr.store.generations import Generation, Switch
from envmgr.store.recovery import recover
from envmgr.store.rollback import take_kept

BUILD = ["journal written", "record kept", "taken", "carried", "staged"]
AFTER = ["committed", "late writes brought", "journal removed", "registered", "pruning", "pruned aside", "pruned"]
STEPS: dict[Switch, list[str]] = {
    "exchange": [*BUILD, "exchanged", *AFTER],
    "symlink": [*BUILD, "placed beside", *AFTER],
    "copy": [*BUILD, "copied up", "replacing", "old gone", *AFTER],
}
SWITCHES: list[Switch] = ["exchange", "symlink", "copy"]


def roll_back(
    store: Store, number: int, checkpoint: Checkpoint = unwatched, switch: Switch | None = None
) -> Generation | None:
    request = rollback_request(store, "a", number, switch)
    return take_kept(request, settings=store.settings, reporter=store.reporter, checkpoint=checkpoint)


def two_generations(store: Store, switch: Switch | None = None, where: str = "a") -> tuple[Lock, Lock]:
    old, new = store.lock("patched", "tool"), store.lock("extra", "tool")
    for lock, digest in ((old, "old inputs"), (new, "new inputs")):
        store.realise(store.request(where, lock, switch=switch, inputs_digest=digest))
    return old, new


def leftovers(store: Store) -> list[str]:
    return sorted(os.listdir(store.settings.root / "envs/.staging"))


@pytest.mark.parametrize("switch", SWITCHES)
def test_the_kept_tree_itself_becomes_the_next_generation(store: Store, switch: Switch) -> None:
    old, new = two_generations(store, switch)
    location = store.location("a")
    inode = (location.generations / "1/bin/tool").parent.stat().st_ino
    made = roll_back(store, 1, switch=switch)
    assert made is not None
    assert made == generations.current(location.prefix)
    assert (made.number, made.previous, made.switch) == (3, 2, switch)
    assert faults(location.prefix, old) == []
    assert faults(location.generations / "2", new) == []
    assert (location.prefix / "bin").stat().st_ino == inode
    assert (location.prefix / "etc/patched.conf").read_text() == f"home={location.prefix}\n"
    assert subprocess.run([location.prefix / "bin/tool"], capture_output=True, check=True).stdout == b"1\n"
    assert not (location.generations / "1").exists()
    assert leftovers(store) == []


def test_history_continues_across_a_rollback(store: Store) -> None:
    old, new = two_generations(store)
    location = store.location("a")
    before = (location.prefix / "conda-meta/history").read_text()
    roll_back(store, 1)
    history = (location.prefix / "conda-meta/history").read_text()
    assert history.startswith(before)
    block = history.removeprefix(before)
    assert "# cmd: envmgr rollback -n a 1\n" in block
    gone, come = new.conda[0], old.conda[0]
    assert f"::{gone.dist_name}\n" in block.partition("+")[0]
    assert next(line for line in block.splitlines() if line[0] == "+").endswith(f"::{come.dist_name}")
    assert metadata.read_lock(location.prefix) == old


def test_inputs_of_before_are_up_to_date_again(store: Store) -> None:
    two_generations(store)
    location = store.location("a")
    assert generations.is_current(location, "new inputs")
    roll_back(store, 1)
    assert generations.is_current(location, "old inputs")
    assert not generations.is_current(location, "new inputs")


def test_back_and_forth_takes_whichever_tree_has_the_lock(store: Store) -> None:
    locks = two_generations(store)
    location = store.location("a")
    for number in range(1, 7):
        made = roll_back(store, 2 - number % 2)
        assert made is not None
        assert faults(location.prefix, locks[1 - number % 2]) == []
        assert made.number == number + 2
    assert generations.kept_numbers(location) == (7,)


def test_another_generation_of_the_same_lock_is_asked_for_in_its_own_words(store: Store) -> None:
    old = store.lock("tool")
    worded = old._replace(spec_digest="other", request=old.request._replace(dependencies=("tool >=0",)))
    for lock in (old, worded, store.lock("extra")):
        store.realise(store.request("a", lock))
    trees = store.location("a").generations
    (trees / "1/mine").write_text("")  # so that the tree of 2 has to do
    assert roll_back(store, 1) is not None
    assert metadata.read_lock(store.location("a").prefix) == old
    assert generations.kept_numbers(store.location("a")) == (1, 3)


@pytest.mark.parametrize("name", ["share/mine", "lib/tool/mine", "conda-meta/mine"])
def test_kept_tree_with_foreign_files_is_neither_taken_nor_pruned(store: Store, name: str) -> None:
    store = Store(store.settings._replace(keep_generations=1), store.channel)
    old, _ = two_generations(store)
    tree = store.location("a").generations / "1"
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("precious")
    assert roll_back(store, 1) is None
    assert [name in notice and str(tree) in notice for notice in store.reporter.notices] == [True]
    for lock in (old, store.lock("extra"), old):
        store.realise(store.request("a", lock))
    assert (tree / name).read_text() == "precious"


def edited(tree: Path) -> None:
    (tree / "etc/patched.conf").write_text("mine\n")


def removed(tree: Path) -> None:
    (tree / "lib/tool/data").unlink()


def without_record(tree: Path) -> None:
    next((tree / "conda-meta").glob("tool-*.json")).unlink()


def lost(tree: Path) -> None:
    generation = generations.current(tree)
    assert generation is not None
    (tree / generations.FILE).write_bytes(generation._replace(boot_id="another").to_json())
    (tree / generations.SETTLED).write_bytes(b"0")


def with_variable(tree: Path) -> None:
    (tree / "conda-meta/state").write_text('{"env_vars": {"A": "1"}}')


@pytest.mark.parametrize("damage", [edited, removed, without_record, lost, with_variable])
def test_kept_tree_that_is_not_as_it_was_is_not_taken(store: Store, damage: object) -> None:
    assert callable(damage)
    _, new = two_generations(store)
    tree = store.location("a").generations / "1"
    time.sleep(0.02)  # clocks of file systems are coarse
    damage(tree)
    assert roll_back(store, 1) is None
    assert faults(store.location("a").prefix, new) == []
    assert tree.is_dir()
    assert len(store.reporter.notices) == 1


def test_bytecode_in_a_kept_tree_does_no_harm(store: Store) -> None:
    old, _ = two_generations(store)
    cache = store.location("a").generations / "1/lib/__pycache__"
    cache.mkdir()
    (cache / "x.cpython-312.pyc").write_bytes(b"")
    assert roll_back(store, 1) is not None
    assert faults(store.location("a").prefix, old) == []


def test_loose_files_of_the_current_generation_come_along(store: Store) -> None:
    old, _ = two_generations(store)
    location = store.location("a")
    (location.prefix / "mine").write_text("precious")
    by_hand.install(location.prefix, "rich")
    assert roll_back(store, 1) is not None
    assert (location.prefix / "mine").read_text() == "precious"
    assert (location.prefix / by_hand.SITE / "rich.py").is_file()
    assert faults(location.prefix, old) == []
    assert (location.generations / "2/mine").read_text() == "precious"
    assert store.reporter.warnings == []
    # and once more, though both trees have them now
    assert roll_back(store, 2) is not None
    assert (location.prefix / "mine").read_text() == "precious"
    assert carried.read(location.prefix).files == ("mine",)


def test_kept_tree_whose_files_were_changed_since_is_built_anew(store: Store) -> None:
    two_generations(store)
    location = store.location("a")
    for text in ("old", "new"):
        (location.prefix / "mine").write_text(text)
        assert (roll_back(store, 1) is None) == (text == "new")
    assert (location.generations / "2/mine").read_text() == "old"


def test_edited_file_of_the_current_generation_is_saved_in_the_one_that_comes_back(store: Store) -> None:
    two_generations(store)
    location = store.location("a")
    by_hand.replace(location.prefix / "lib/tool/data", "mine")
    assert roll_back(store, 1) is not None
    assert (location.prefix / "lib/tool/data").read_text() == "1"
    assert (location.prefix / "lib/tool/data.envmgr-saved").read_text() == "mine"
    assert carried.read(location.prefix).saved == (Saved("lib/tool/data.envmgr-saved", "lib/tool/data"),)


def test_pristine_rollback_brings_nothing_along(store: Store) -> None:
    two_generations(store)
    location = store.location("a")
    (location.prefix / "mine").write_text("precious")
    request = rollback_request(store, "a", 1)._replace(extent="nothing")
    assert take_kept(request, settings=store.settings, reporter=store.reporter) is not None
    assert not (location.prefix / "mine").exists()
    assert [warning for warning in store.reporter.warnings if f"{location.generations}/2: mine" in warning]
    for names in (["tool"], ["extra"], ["patched"], ["tool"]):
        store.create("a", *names)
    assert (location.generations / "2/mine").read_text() == "precious"


def test_frozen_environment_is_not_rolled_back(store: Store) -> None:
    _, new = two_generations(store)
    location = store.location("a")
    (location.prefix / "conda-meta/frozen").write_text('{"message": "hands off"}')
    with pytest.raises(FrozenEnvironment, match="hands off"):
        roll_back(store, 1)
    assert faults(location.prefix, new) == []
    request = rollback_request(store, "a", 1)._replace(override_frozen=True)
    assert take_kept(request, settings=store.settings, reporter=store.reporter) is not None
    assert (location.prefix / "conda-meta/frozen").read_text() == '{"message": "hands off"}'
    assert store.reporter.warnings == []
    (location.prefix / "conda-meta/frozen").unlink()
    assert roll_back(store, 2) is not None
    assert not (location.prefix / "conda-meta/frozen").exists()


def test_another_change_meanwhile_is_not_overwritten(store: Store) -> None:
    two_generations(store)
    request = rollback_request(store, "a", 1)
    newest = store.lock("tool")
    store.realise(store.request("a", newest))
    with pytest.raises(PrefixError, match="expected generation 2, found 3"):
        take_kept(request, settings=store.settings, reporter=store.reporter)
    assert faults(store.location("a").prefix, newest) == []


def test_second_of_two_identical_rollbacks_finds_the_work_of_the_first(store: Store) -> None:
    two_generations(store)
    request = rollback_request(store, "a", 1)
    first, second = (take_kept(request, settings=store.settings, reporter=store.reporter) for _ in range(2))
    assert first == second
    assert first is not None
    assert first.number == 3


def test_failure_on_the_way_gives_the_tree_back(store: Store) -> None:
    class Stop(Exception):
        pass

    def stop(step: str) -> None:
        if step == "staged":
            raise Stop

    old, new = two_generations(store)
    location = store.location("a")
    with pytest.raises(Stop):
        take_kept(rollback_request(store, "a", 1), settings=store.settings, reporter=store.reporter, checkpoint=stop)
    assert leftovers(store) == []
    assert faults(location.prefix, new) == []
    assert faults(location.generations / "1", old) == []
    assert roll_back(store, 1) is not None


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_step_of_a_rollback_is_among_those_killed(store: Store, switch: Switch) -> None:
    steps: list[str] = []
    two_generations(store, switch)
    roll_back(Store(store.settings._replace(keep_generations=0), store.channel), 1, steps.append, switch)
    assert steps == STEPS[switch]


@pytest.mark.parametrize("switch", SWITCHES)
def test_killed_rollback_leaves_one_whole_state_or_the_other(store: Store, switch: Switch) -> None:
    pruning = store.settings._replace(keep_generations=0)
    for number, step in enumerate(STEPS[switch]):
        name = f"env-{number}"
        location = store.location(name)
        old, new = two_generations(store, switch, name)
        (location.prefix / "mine").write_text("precious")
        assert roll_back_until(pruning, rollback_request(store, name, 1, switch), step) == -signal.SIGKILL, step
        in_journal = switch == "copy" and step in ("replacing", "old gone")
        is_done = in_journal or step in ["exchanged", *AFTER]
        if not in_journal:  # a directory of a lower layer cannot be switched: only its journal makes it whole
            assert faults(location.prefix, old if is_done else new) == [], step
        recover(location)
        assert leftovers(store) == [], step
        assert faults(location.prefix, old if is_done else new) == [], step
        assert (location.prefix / "mine").read_text() == "precious", step
        if not is_done:  # the kept tree is what it was, number and words included
            assert faults(location.generations / "1", old) == [], step
            given_back = generations.current(location.generations / "1")
            assert given_back is not None
            assert given_back.number == 1
        elif step not in ("pruned aside", "pruned"):
            assert faults(location.generations / "2", new) == [], step
        if not is_done:
            assert roll_back_until(store.settings, rollback_request(store, name, 1), "") == 0, step
        assert (location.prefix / "mine").read_text() == "precious", step
        assert not (location.prefix / "conda-meta/envmgr/incoming").exists(), step
        assert faults(location.prefix, old) == [], step


def test_killed_while_metadata_is_written_the_tree_is_given_back_whole(store: Store) -> None:
    old, new = two_generations(store)
    location = store.location("a")
    assert roll_back_until(store.settings, rollback_request(store, "a", 1), "taken") == -signal.SIGKILL
    (tree,) = (path for path in location.staging.iterdir() if path.is_dir())
    (tree / generations.FILE).write_bytes(b'{"schema": 1, "num')
    (tree / "conda-meta/envmgr/environment.conda-lock.yml").write_bytes(b"")
    recover(location)
    assert leftovers(store) == []
    assert faults(location.prefix, new) == []
    assert faults(location.generations / "1", old) == []
    assert metadata.read_lock(location.generations / "1") == old


def test_records_that_somebody_deleted_keep_no_recovery_from_ending(store: Store) -> None:
    _, new = two_generations(store)
    location = store.location("a")
    assert roll_back_until(store.settings, rollback_request(store, "a", 1), "staged") == -signal.SIGKILL
    for path in location.generations.glob("1.*"):
        path.unlink()
    recover(location)
    assert leftovers(store) == []
    assert faults(location.prefix, new) == []
    assert (location.generations / "1/bin/tool").is_file()
    assert [each.number for each in recorded.read(location).known] == [2]


@pytest.mark.slow
def test_killed_at_random_instants_of_rolling_back_the_environment_is_always_whole(store: Store) -> None:
    files = {f"lib/many/{number}": f"{number}" for number in range(500)}
    store.channel.add(Package(name="many", files=files), Package(name="more", depends=["many"], files={"more": "1"}))
    locks = [store.lock("many"), store.lock("many", "more")]
    location = store.location("a")
    for lock in locks:
        store.realise(store.request("a", lock))
    chance = random.Random(20261123)
    for _ in range(25):
        present = metadata.read_lock(location.prefix)
        target = 1 if present == locks[1] else 2
        child = start_rolling_back(store.settings, rollback_request(store, "a", target))
        time.sleep(chance.uniform(0, 0.1))
        child.kill()
        child.join()
        recover(location)
        assert leftovers(store) == []
        whole = [number for number, lock in enumerate(locks) if faults(location.prefix, lock) == []]
        assert len(whole) == 1
        # The other state is there as a tree as well: nothing was lost on the way.
        other = locks[1 - whole[0]]
        assert any(faults(location.generations / str(each), other) == [] for each in generations.kept_numbers(location))
