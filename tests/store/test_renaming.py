"""Renaming: the environment goes on at its new place, whole, with its history, whatever kills the process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from builders.store import Store, faults, rename_until, rollback_request
from envmgr.errors import EnvmgrError, FrozenEnvironment, PrefixError
from envmgr.store import generations, layout, recorded, recovery, registry, rollback
from envmgr.store.generations import Switch
from envmgr.store.realise import Realised
from envmgr.store.renaming import RenameRequest, rename

STEPS = (
    "rename begun",
    "fetched",
    "journal written",
    "linked",
    "metadata written",
    "staged",
    "committed",
    "registered",
    "locks brought along",
    "trees brought along",
    "removal begun",
    "prefix gone",
    "generations gone",
    "deleted",
    "old gone",
)


@pytest.fixture
def science(store: Store) -> Store:
    """`science` at generation 2, with a file of its user in it."""
    store.create("science", "tool")
    store.create("science", "tool", "patched")
    (store.location("science").prefix / "notes.txt").write_text("mine")
    return store


def request(store: Store, old: str, new: str, switch: Switch | None = None) -> RenameRequest:
    location = store.location(old)
    (present,) = (each for each in recorded.read(location).known if each.is_current)
    realising = store.request(new, recorded.lock_of(present), switch=switch, replaces=None)
    return RenameRequest(old=location, number=present.number, realising=realising)


def renamed(store: Store, old: str, new: str, switch: Switch | None = None) -> Realised:
    return rename(request(store, old, new, switch), settings=store.settings, cache=store.cache, reporter=store.reporter)


@pytest.mark.parametrize("switch", ["exchange", "symlink"])
@pytest.mark.parametrize("new", ["lab", "path"])
def test_history_goes_on_and_every_generation_can_be_gone_back_to(
    store: Store, tmp_path: Path, new: str, switch: Switch
) -> None:
    new = new if new == "lab" else str(tmp_path / "elsewhere/lab")
    store.create("science", "tool", switch=switch)
    store.create("science", "tool", "patched")
    old_history = (store.location("science").prefix / "conda-meta/history").read_text()
    renamed(store, "science", new, switch)
    location = store.location(new)
    assert faults(location.prefix, store.lock("tool", "patched")) == []
    assert (location.prefix / "etc/patched.conf").read_text() == f"home={location.prefix}\n"
    assert [each.number for each in recorded.read(location).known] == [3, 2, 1]
    assert (location.prefix / "conda-meta/history").read_text().startswith(old_history)
    assert not os.path.lexists(store.location("science").prefix)
    assert not store.location("science").generations.exists()
    assert [each.prefix for each in registry.environments(store.settings)] == [location.prefix]
    assert rollback.take_kept(
        rollback_request(store, new, 1), settings=store.settings, reporter=store.reporter
    ) is None  # no tree of the old prefix is taken: its lock is realised  # fmt: skip
    store.realise(store.request(new, recorded.lock_of(recorded.find(location, 1))))
    assert faults(location.prefix, store.lock("tool")) == []


def test_what_belongs_to_nobody_is_not_lost(science: Store) -> None:
    renamed(science, "science", "lab")
    found = [path for path in (science.settings.root / "envs").rglob("notes.txt") if ".staging" not in path.parts]
    assert [path.read_text() for path in found] == ["mine"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_is_whole_at_one_place_and_the_next_command_finishes(science: Store, step: str) -> None:
    lock = science.lock("tool", "patched")
    old, new = science.location("science"), science.location("lab")
    assert rename_until(science.settings, request(science, "science", "lab"), step) == -signal.SIGKILL
    places = [each for each in (old, new) if layout.is_environment(each.prefix)]
    assert places
    assert [faults(each.prefix, lock) for each in places] == [[]] * len(places)
    recovery.recover(old)
    recovery.recover(new)
    (place,) = (each for each in (old, new) if layout.is_environment(each.prefix))
    assert faults(place.prefix, lock) == []
    if place == old:
        renamed(science, "science", "lab")
    assert [each.number for each in recorded.read(new).known] == [3, 2, 1]
    assert list(science.settings.root.glob("envs/.staging/*")) == []
    assert not old.generations.exists()


def test_an_environment_made_at_the_new_place_after_a_kill_does_not_cost_the_old_one(science: Store) -> None:
    assert rename_until(science.settings, request(science, "science", "lab"), "staged") == -signal.SIGKILL
    for names in (("tool",), ("extra",), ("tool",), ("extra",)):
        science.create("lab", *names)
    recovery.recover(science.location("science"))
    assert faults(science.location("science").prefix, science.lock("tool", "patched")) == []
    assert faults(science.location("lab").prefix, science.lock("extra")) == []


@pytest.mark.parametrize(("there", "error"), [("environment", PrefixError), ("frozen", FrozenEnvironment)])
def test_refused_it_is_as_it_was(science: Store, there: str, error: type[EnvmgrError]) -> None:
    if there == "environment":
        science.create("lab", "extra")
    else:
        (science.location("science").prefix / "conda-meta/frozen").write_text("{}")
    with pytest.raises(error):
        renamed(science, "science", "lab")
    assert faults(science.location("science").prefix, science.lock("tool", "patched")) == []
    assert generations.current(science.location("science").prefix) is not None
    assert list(science.settings.root.glob("envs/.staging/*")) == []
