"""Old generations go by policy; what takes longer than to start a process is removed by one that nobody waits for."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store, faults, realise_until
from envmgr.store import generations, journal, pruning, settling
from envmgr.store.recovery import recover, recover_held

FILES = {f"share/many/{number % 40}/{number}": "" for number in range(pruning.AT_ONCE + 200)}


@pytest.fixture
def large(store: Store) -> Store:
    """A store that keeps one old generation, with two of an environment of many files."""
    store.channel.add(Package(name="many", files=FILES))
    store = Store(store.settings._replace(keep_generations=1), store.channel)
    store.create("a", "many")
    store.create("a", "many", "tool")
    return store


def _aside(store: Store) -> list[Path]:
    return sorted((store.settings.root / "envs/.staging").iterdir())


def _wait_until_gone(store: Store) -> None:
    deadline = time.monotonic() + 60
    while _aside(store):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _set_aside(store: Store) -> journal.Journal:
    """Leave the old generation as a prune does that was killed before it removed anything."""
    location = store.location("a")
    entry = journal.begin(location, "delete", number=1)
    os.rename(location.generations / "1", entry.tree)
    return entry


def test_a_large_tree_is_gone_for_everyone_at_once_and_from_the_disk_without_anyone(large: Store) -> None:
    location = large.location("a")
    large.create("a", "many", "tool", "extra")
    assert generations.kept_numbers(location) == (2,)
    assert generations.recorded_numbers(location) == (1,)
    _wait_until_gone(large)
    assert faults(location.prefix, large.lock("many", "tool", "extra")) == []


def test_a_small_tree_is_gone_when_the_command_ends(store: Store) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    store.create("a", "tool")
    store.create("a", "tool", "extra")
    assert _aside(store) == []


def test_a_limit_leaves_the_trees_that_are_larger_with_their_journals(large: Store) -> None:
    location = large.location("a")
    pruned = pruning.prune(location, keep=0, limit=pruning.AT_ONCE)
    assert pruned.numbers == (1,)
    (entry,) = pruned.left
    assert _aside(large) == sorted([entry.tree, entry.path])
    assert recover(location)
    assert _aside(large) == []


def test_where_no_process_can_be_started_the_tree_is_removed_by_the_command(
    large: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    location, entry = large.location("a"), _set_aside(large)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    settling.settle_later(location.prefix, [entry])
    assert _aside(large) == []


def test_what_another_process_removes_is_left_to_it_unless_the_environment_goes(large: Store) -> None:
    location, entry = large.location("a"), _set_aside(large)
    descriptor = journal.take(entry.path)
    assert descriptor is not None
    try:
        assert not recover(location)
        large.create("a", "tool")
        assert entry.tree.is_dir()
        assert recover_held(location, is_leaving=True)
        assert not entry.tree.exists()
        assert not entry.path.exists()
    finally:
        os.close(descriptor)


def test_what_its_process_was_killed_over_is_removed_by_the_next_command(large: Store) -> None:
    entry = _set_aside(large)
    descriptor = journal.take(entry.path)
    assert descriptor is not None
    os.close(descriptor)  # as the kernel does for the dead
    assert recover(large.location("a"))
    assert _aside(large) == []


def test_two_may_remove_one_tree(large: Store) -> None:
    location, entry = large.location("a"), _set_aside(large)
    settling.settle_later(location.prefix, [entry])
    recover_held(location, is_leaving=True)
    assert _aside(large) == []


@pytest.mark.parametrize("step", ["pruning", "pruned aside", "pruned"])
def test_killed_around_a_large_tree_nothing_is_left_over(large: Store, step: str) -> None:
    location, lock = large.location("a"), large.lock("many", "tool", "extra")
    assert realise_until(large.settings, large.request("a", lock), step) == -signal.SIGKILL
    assert faults(location.prefix, lock) == []
    recover(location)
    _wait_until_gone(large)
    assert faults(location.prefix, lock) == []
