"""Known generations: trees before records, and nothing that is not what its name says."""

from __future__ import annotations

import shutil

import pytest

from builders.store import Store
from envmgr.errors import LockError, LockTampered, PrefixError
from envmgr.store import commit, generations, recorded


@pytest.fixture
def three(store: Store) -> Store:
    """`a` with generation 3 current, 2 as a tree, and 1 as a lock."""
    store = Store(store.settings._replace(keep_generations=1), store.channel)
    for package in ("tool", "extra", "patched"):
        store.create("a", package)
    return store


def test_generations_are_known_as_tree_or_as_lock_newest_first(three: Store) -> None:
    location = three.location("a")
    known = recorded.read(location).known
    assert [each.number for each in known] == [3, 2, 1]
    assert [each.is_current for each in known] == [True, False, False]
    assert [each.tree for each in known] == [location.prefix, location.generations / "2", None]
    assert [recorded.lock_of(each) for each in known] == [three.lock(name) for name in ("patched", "extra", "tool")]


def test_unknown_generation_names_those_that_exist(three: Store) -> None:
    with pytest.raises(PrefixError, match=r"a has no generation 7; these exist: 1, 2, 3$") as caught:
        recorded.find(three.location("a"), 7)
    assert caught.value.hint == "envmgr history -n a"
    assert caught.value.details == {"generations": [1, 2, 3]}


def test_lock_of_another_generation_is_refused(three: Store) -> None:
    location = three.location("a")
    shutil.copy(location.generations / "2/conda-meta/envmgr/environment.conda-lock.yml", location.generations / "x")
    shutil.move(location.generations / "x", location.generations / "1.conda-lock.yml")
    with pytest.raises(LockTampered, match="not the lock of which generation 1 was made"):
        recorded.lock_of(recorded.find(location, 1))
    (location.generations / "1.conda-lock.yml").unlink()
    with pytest.raises(LockError, match="generation 1 cannot be read"):
        recorded.lock_of(recorded.find(location, 1))


def test_damaged_and_misnamed_records_are_told_and_hide_no_others(three: Store) -> None:
    location = three.location("a")
    shutil.copy(location.generations / "1.json", location.generations / "5.json")
    (location.generations / "6.json").write_text("{")
    (location.generations / "notes.json").write_text("{")
    records = recorded.read(location)
    assert [each.number for each in records.known] == [3, 2, 1]
    assert ["generation 1; expected 5" in fault for fault in records.faults] == [True, False]
    assert "6.json" in records.faults[1]


def test_number_of_a_generation_is_never_used_again(three: Store) -> None:
    location = three.location("a")
    assert generations.recorded_numbers(location) == (1,)
    (location.generations / "1.json").rename(location.generations / "8.json")
    assert commit.next_number(location) == 9


def test_environment_of_another_tool_has_no_generations(three: Store) -> None:
    location = three.location("theirs")
    (location.prefix / "conda-meta").mkdir(parents=True)
    (location.prefix / "conda-meta/history").touch()
    assert recorded.read(location).known == ()
    with pytest.raises(PrefixError, match="another tool made it"):
        recorded.find(location, 1)
