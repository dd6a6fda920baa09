"""Removing an environment as a whole, and never anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders.store import Store
from envmgr.errors import EnvironmentNotFound, FrozenEnvironment, NotAnEnvironment
from envmgr.store import removal
from envmgr.store.generations import Switch


def remove(store: Store, where: str, *, override_frozen: bool = False) -> None:
    removal.remove(
        store.location(where), settings=store.settings, reporter=store.reporter, override_frozen=override_frozen
    )


@pytest.mark.parametrize("switch", ["exchange", "symlink", "copy"])
def test_environment_goes_with_its_kept_generations(store: Store, switch: Switch) -> None:
    store.create("a", "tool", switch=switch)
    store.create("a", "extra", switch=switch)
    store.create("b", "tool")
    remove(store, "a")
    envs = store.settings.root / "envs"
    assert sorted(entry for entry in os.listdir(envs) if entry[0] != ".") == ["b"]
    assert os.listdir(envs / ".generations") == []
    assert os.listdir(envs / ".staging") == []
    assert (store.settings.home / ".conda/environments.txt").read_text() == f"{envs / 'b'}\n"


def test_path_leaves_nothing_beside_it(store: Store, tmp_path: Path) -> None:
    prefix = tmp_path / "project/env"
    store.create(str(prefix), "tool")
    store.create(str(prefix), "extra")
    remove(store, str(prefix))
    assert os.listdir(prefix.parent) == []


def test_symlinks_out_of_the_environment_are_not_followed(store: Store, tmp_path: Path) -> None:
    store.create("a", "tool")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/precious").touch()
    (store.location("a").prefix / "data").symlink_to(tmp_path / "data")
    remove(store, "a")
    assert os.listdir(tmp_path / "data") == ["precious"]


def test_frozen_environment_stays(store: Store) -> None:
    store.create("a", "tool")
    (store.location("a").prefix / "conda-meta/frozen").touch()
    with pytest.raises(FrozenEnvironment):
        remove(store, "a")
    assert store.location("a").prefix.exists()
    remove(store, "a", override_frozen=True)
    assert not store.location("a").prefix.exists()


def test_what_is_no_environment_is_not_removed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").touch()
    with pytest.raises(NotAnEnvironment):
        remove(store, str(tmp_path / "data"))
    with pytest.raises(EnvironmentNotFound):
        remove(store, "none")
    assert os.listdir(tmp_path / "data") == ["thesis.tex"]
    assert sorted(os.listdir(tmp_path)) == ["channel", "data", "home", "root"]


def test_damaged_environment_can_be_removed(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "conda-meta/envmgr/generation.json").write_text("{")
    (prefix / "lib").chmod(0o500)
    remove(store, "a")
    assert not prefix.exists()
