"""Edits in place that reached the package cache."""

from __future__ import annotations

import time

import pytest

from builders.store import Store


@pytest.mark.usefixtures("hard_links")
def test_edit_that_reached_the_cache_stays_where_the_package_cannot_be_had_again(store: Store) -> None:
    store.create("a", "tool")
    time.sleep(0.02)
    (store.location("a").prefix / "lib/tool/data").write_text("mine")
    lock = store.lock("tool")
    remote = lock.conda[0]._replace(url="https://channel.example/noarch/tool-1.0-0.conda")
    offline = Store(store.settings._replace(offline=True), store.channel)
    offline.realise(offline.request("a", lock._replace(conda=(remote,))))
    assert (store.location("a").prefix / "lib/tool/data").read_text() == "mine"
    (warning,) = offline.reporter.warnings
    assert warning.startswith("tool-1.0-0 was edited in place, and in the package cache with it, and cannot be fetched")


def test_sound_packages_are_not_fetched_again(store: Store) -> None:
    store.create("a", "tool")
    time.sleep(0.02)
    path = store.location("a").prefix / "lib/tool/data"
    path.unlink()
    path.write_text("mine")  # another file: nobody else sees it
    store.reporter.phases.clear()
    store.create("a", "tool", "extra")
    assert not any("fetched again" in notice for notice in store.reporter.notices)
    assert store.reporter.phases.count("fetch") == 1  # extra
