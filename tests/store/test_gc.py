"""Collecting what no lock names, and nothing that anyone may be using."""

from __future__ import annotations

import os
import signal

from builders.store import Store, realise_until
from envmgr.store import gc, layout
from envmgr.store.usage import using_cache


def collectable(store: Store) -> list[str]:
    """Return the names of what would be collected."""
    collection = gc.plan(store.settings, store.cache)
    return [garbage.key.split("-")[0] for garbage in collection.artifacts]


def test_artifacts_of_environments_and_kept_generations_stay(store: Store) -> None:
    store.create("a", "tool")
    store.create("a", "extra")
    store.cache.fetch(store.lock("patched").conda, channels=(), reporter=store.reporter)
    assert collectable(store) == ["patched"]


def test_artifacts_of_an_environment_at_a_path_stay(store: Store) -> None:
    store.create(str(store.settings.home / "project/env"), "tool")
    assert collectable(store) == []


def test_artifacts_of_a_removed_environment_go(store: Store) -> None:
    store.create("a", "tool")
    location = store.location("a")
    os.rename(location.prefix, store.settings.home / "moved")
    collection = gc.plan(store.settings, store.cache)
    assert [garbage.key.split("-")[0] for garbage in collection.artifacts] == ["tool"]
    assert collection.size > 0
    assert gc.collect(collection, store.settings, store.cache) == collection.size
    assert list(store.cache.entries()) == []


def test_nothing_is_garbage_while_someone_takes_from_the_cache(store: Store) -> None:
    store.cache.fetch(store.lock("patched").conda, channels=(), reporter=store.reporter)
    collection = gc.plan(store.settings, store.cache)
    with using_cache(store.settings):
        assert gc.plan(store.settings, store.cache).is_busy
        assert gc.collect(collection, store.settings, store.cache) == 0
    assert gc.collect(collection, store.settings, store.cache) > 0


def test_killed_process_does_not_keep_the_cache_in_use(store: Store) -> None:
    assert realise_until(store.settings, store.request("a", store.lock("tool")), "linked") == -signal.SIGKILL
    assert not gc.plan(store.settings, store.cache).is_busy
    assert os.listdir(store.settings.cache / "users") == []


def test_lock_that_cannot_be_read_is_a_doubt_and_no_crash(store: Store) -> None:
    store.create("a", "tool")
    path = store.location("a").prefix / layout.LOCK_FILE
    path.write_text("{")
    assert gc.plan(store.settings, store.cache).doubts == (path,)
