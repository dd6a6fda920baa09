"""SIGKILL at every step: the prefix is whole, old or new; the next command needs no help."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.packages import Package
from builders.store import Store, faults, realise_until, remove_until, start_realising
from envmgr.store import generations, journal
from envmgr.store.generations import Switch
from envmgr.store.recovery import recover, recover_everything

BUILD = ["fetched", "journal written", "linked", "metadata written", "carried", "staged"]
AFTER = ["committed", "journal removed", "registered"]
PRUNE = ["pruning", "pruned aside", "pruned"]
CHANGE = ["committed", "late writes brought", *AFTER[1:], *PRUNE]
NEW: dict[Switch, list[str]] = {
    "exchange": [*BUILD, *AFTER],
    "symlink": [*BUILD, "placed beside", *AFTER],
    "copy": [*BUILD, *AFTER],
}
CHANGED: dict[Switch, list[str]] = {
    "exchange": [*BUILD, "exchanged", *CHANGE],
    "symlink": [*BUILD, "placed beside", *CHANGE],
    "copy": [*BUILD, "copied up", "replacing", "old gone", *CHANGE],
}
SWITCHES: list[Switch] = ["exchange", "symlink", "copy"]


def leftovers(store: Store) -> list[str]:
    """Return what stays in the staging directory once the process that removes what was set aside had its time."""
    staging, until = store.settings.root / "envs/.staging", time.monotonic() + 60
    while staging.exists() and os.listdir(staging) and time.monotonic() < until:
        time.sleep(0.01)
    return sorted(os.listdir(staging)) if staging.exists() else []


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_step_of_a_new_environment_is_among_those_killed(store: Store, switch: Switch) -> None:
    steps: list[str] = []
    store.create("a", "tool", checkpoint=steps.append, switch=switch)
    assert steps == NEW[switch]


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_step_of_a_change_is_among_those_killed(store: Store, switch: Switch) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    steps: list[str] = []
    store.create("a", "tool", switch=switch)
    store.create("a", "tool", "extra", checkpoint=steps.append, switch=switch)
    assert steps == CHANGED[switch]


@pytest.mark.parametrize("switch", SWITCHES)
def test_killed_new_environment_is_whole_or_absent(store: Store, switch: Switch) -> None:
    lock = store.lock("patched", "tool")
    for number, step in enumerate(NEW[switch]):
        name = f"env-{number}"
        location = store.location(name)
        assert realise_until(store.settings, store.request(name, lock, switch=switch), step) == -signal.SIGKILL
        is_there = step in AFTER
        if os.path.lexists(location.prefix):
            assert faults(location.prefix, lock) == [], step
        assert os.path.lexists(location.prefix) == is_there, step
        recover(location)
        assert leftovers(store) == [], step
        assert os.path.lexists(location.prefix) == is_there, step
        store.realise(store.request(name, lock, switch=switch))
        assert faults(location.prefix, lock) == [], step


@pytest.mark.slow
@pytest.mark.parametrize("switch", SWITCHES)
def test_killed_change_leaves_the_old_environment_or_the_new_one(store: Store, switch: Switch) -> None:
    store = Store(store.settings._replace(keep_generations=1), store.channel)
    old, middle, new = store.lock("tool"), store.lock("patched"), store.lock("extra", "patched")
    for number, step in enumerate(CHANGED[switch]):
        name = f"env-{number}"
        location = store.location(name)
        store.realise(store.request(name, old, switch=switch))
        store.realise(store.request(name, middle, switch=switch))
        assert realise_until(store.settings, store.request(name, new, switch=switch), step) == -signal.SIGKILL, step
        in_journal = switch == "copy" and step in ("replacing", "old gone")
        if not in_journal:  # a directory of a lower layer cannot be switched: only its journal makes it whole
            expected = new if step in ["exchanged", *CHANGE] else middle
            assert faults(location.prefix, expected) == [], step
        recover(location)
        assert leftovers(store) == [], step
        expected = new if in_journal or step in ["exchanged", *CHANGE] else middle
        assert faults(location.prefix, expected) == [], step
        previous = location.generations / ("2" if expected is new else "1")
        assert faults(previous, middle if expected is new else old) == [], step
        result = store.realise(store.request(name, new, switch=switch))
        assert faults(location.prefix, new) == [], step
        assert result.kept is not None
        assert faults(result.kept, expected) == [], step
        assert len(generations.kept(location)) == 1, step


def test_killed_change_of_the_switch_itself_is_finished(store: Store) -> None:
    old, new = store.lock("tool"), store.lock("extra", "patched")
    for number, step in enumerate(["staged", "replacing", "old gone", "placed beside", "committed"]):
        location = store.location(f"env-{number}")
        store.realise(store.request(f"env-{number}", old, switch="exchange"))
        request = store.request(f"env-{number}", new, switch="symlink")
        assert realise_until(store.settings, request, step) == -signal.SIGKILL, step
        recover(location)
        assert leftovers(store) == [], step
        assert faults(location.prefix, old if step == "staged" else new) == [], step
        assert step == "staged" or faults(location.generations / "1", old) == [], step
        store.realise(store.request(f"env-{number}", old))
        assert faults(location.prefix, old) == [], step


@pytest.mark.parametrize("switch", SWITCHES)
def test_carried_files_survive_a_kill_at_every_step_and_all_that_follows(store: Store, switch: Switch) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    for number, step in enumerate(CHANGED[switch]):
        name = f"env-{number}"
        store.create(name, "tool", switch=switch)
        prefix = store.location(name).prefix
        (prefix / "mine").write_text("precious")
        (prefix / "conda-meta/envmgr/incoming").mkdir()
        request = store.request(name, store.lock("extra"), switch=switch)
        assert realise_until(store.settings, request, step) == -signal.SIGKILL
        recover(store.location(name))
        assert (prefix / "mine").read_text() == "precious", step
        store.create(name, "tool", "extra")
        assert (prefix / "mine").read_text() == "precious", step
        assert not (prefix / "conda-meta/envmgr/incoming").exists(), step
        assert leftovers(store) == [], step
        assert [generation.number for generation in generations.kept(store.location(name))] == [], step


@pytest.mark.parametrize("step", ["exchanged", "committed"])
def test_what_was_written_late_is_brought_over_by_whoever_comes_next(store: Store, step: str) -> None:
    """Between the walk and the switch: the old tree, which has its place already, stands for the prefix of then."""
    store.create("a", "tool")
    location = store.location("a")
    by_hand.put(location.prefix, {"mine": "old", "both": "old"})
    time.sleep(0.02)
    assert realise_until(store.settings, store.request("a", store.lock("extra")), step) == -signal.SIGKILL
    (tree,) = [path for path in [*location.staging.iterdir(), location.generations / "1"] if (path / "mine").exists()]
    (tree / "mine").write_text("late")
    (tree / "more").write_text("late as well")
    (tree / "both").write_text("late")
    (location.prefix / "both").write_text("later, in the new environment")
    os.utime(location.prefix / "both", (1, 1))
    recover(location)
    assert (location.prefix / "mine").read_text() == "late"
    assert (location.prefix / "both").read_text() == "later, in the new environment"
    assert (location.prefix / "more").read_text() == "late as well"
    assert leftovers(store) == []


@pytest.mark.parametrize("switch", ["exchange", "symlink"])
def test_killed_removal_leaves_the_environment_whole_or_nothing(store: Store, switch: Switch) -> None:
    steps: list[str] = []
    lock = store.lock("tool")
    for number, step in enumerate(["removal begun", "prefix gone", "generations gone", "deleted"]):
        name = f"env-{number}"
        location = store.location(name)
        store.create(name, "extra", switch=switch)
        store.realise(store.request(name, lock, switch=switch))
        assert remove_until(store.settings, location, step) == -signal.SIGKILL
        recover(location)
        assert leftovers(store) == [], step
        if step == "removal begun":
            assert faults(location.prefix, lock) == []
            assert len(generations.kept(location)) == 1
        else:
            assert not os.path.lexists(location.prefix), step
            assert not location.generations.exists(), step
        store.realise(store.request(name, lock, switch=switch))
        assert faults(location.prefix, lock) == [], step
        steps.append(step)


def test_recovery_of_everything_leaves_busy_environments_alone(store: Store) -> None:
    location = store.location("dead")
    assert realise_until(store.settings, store.request("dead", store.lock("tool")), "staged") == -signal.SIGKILL
    busy = store.location("busy")
    journals: list[journal.Journal] = []

    def meanwhile(step: str) -> None:
        if step == "staged":
            assert recover_everything(store.settings) == ("dead",)
            journals.extend(journal.everything(busy.staging))

    store.create("busy", "tool", checkpoint=meanwhile)
    assert [entry.prefix for entry in journals] == [str(busy.prefix)]
    assert not location.prefix.exists()
    assert leftovers(store) == []


def test_nothing_to_recover_changes_nothing(store: Store) -> None:
    assert recover(store.location("never-made")) is False
    assert recover_everything(store.settings) == ()
    assert not store.settings.root.exists()


def test_error_while_staging_leaves_nothing_behind(store: Store) -> None:
    class Stop(Exception):
        pass

    def stop(step: str) -> None:
        if step == "staged":
            raise Stop

    store.create("a", "tool")
    with pytest.raises(Stop):
        store.create("a", "extra", checkpoint=stop)
    assert leftovers(store) == []
    assert faults(store.location("a").prefix, store.lock("tool")) == []


def test_path_outside_the_store_is_recovered_beside_it(store: Store, tmp_path: Path) -> None:
    prefix = tmp_path / "project/env"
    location = store.location(str(prefix))
    assert realise_until(store.settings, store.request(str(prefix), store.lock("tool")), "staged") == -signal.SIGKILL
    assert not prefix.exists()
    assert recover(location)
    store.create(str(prefix), "tool")
    assert sorted(os.listdir(prefix.parent)) == ["env"]


@pytest.mark.slow
def test_killed_at_random_instants_the_environment_is_always_whole(store: Store) -> None:
    files = {f"lib/many/{number}": f"{number}" for number in range(500)}
    store.channel.add(Package(name="many", files=files), Package(name="more", depends=["many"], files={"more": "1"}))
    locks = [store.lock("many"), store.lock("many", "more")]
    location = store.location("a")
    store.realise(store.request("a", locks[0]))
    chance = random.Random(20261122)
    present = 0
    for _ in range(25):
        child = start_realising(store.settings, store.request("a", locks[1 - present]))
        time.sleep(chance.uniform(0, 0.25))
        child.kill()
        child.join()
        recover(location)
        assert leftovers(store) == []
        whole = [number for number, lock in enumerate(locks) if faults(location.prefix, lock) == []]
        assert len(whole) == 1
        present = whole[0]
