"""What was installed past the lock, found without a walk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.by_hand import SITE
from builders.packages import Package
from builders.store import Store
from envmgr.lock.model import PipPackage
from envmgr.store.carried import Distribution
from envmgr.store.installed import past_the_lock


@pytest.fixture
def prefix(store: Store) -> Path:
    info = f"{SITE}/numpy-1.0.dist-info"
    store.channel.add(Package(name="numpy", files={f"{SITE}/numpy.py": "", f"{info}/METADATA": ""}))
    store.create("a", "numpy")
    time.sleep(0.02)
    return store.location("a").prefix


def test_only_what_came_later_is_past_the_lock(store: Store, prefix: Path) -> None:
    lock = store.lock("numpy")
    assert past_the_lock(prefix, lock) == ()
    by_hand.install(prefix, "Rich", "1.0")
    rich = Distribution("Rich", "1.0", f"{SITE}/Rich-1.0.dist-info")
    assert past_the_lock(prefix, lock) == (rich,)
    pip = PipPackage("rich", "1.0.0", "", "", "")
    assert past_the_lock(prefix, lock._replace(pip=(pip,))) == ()
    store.create("a", "numpy", "tool")
    assert past_the_lock(prefix, store.lock("numpy", "tool")) == (rich,)


def test_what_another_conda_tool_put_there_is_not_looked_for(store: Store, prefix: Path) -> None:
    by_hand.install(prefix, "rich")
    (prefix / SITE / "rich-1.0.dist-info/INSTALLER").write_text("conda\n")
    assert past_the_lock(prefix, store.lock("numpy")) == ()


def test_an_environment_of_another_tool_says_nothing(store: Store, tmp_path: Path) -> None:
    by_hand.install(tmp_path, "rich")
    assert past_the_lock(tmp_path, store.lock("tool")) == ()
    assert past_the_lock(tmp_path / "absent", store.lock("tool")) == ()


def test_files_and_links_that_look_like_one_are_none(store: Store, prefix: Path) -> None:
    (prefix / SITE / "file-1.0.dist-info").touch()
    os.symlink("numpy-1.0.dist-info", prefix / SITE / "link-1.0.dist-info")
    (prefix / SITE / "nothing.dist-info").mkdir()
    assert past_the_lock(prefix, store.lock("numpy")) == ()
