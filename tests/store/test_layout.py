"""Where environments are, and what cannot be one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.errors import EnvironmentNotFound, NotAnEnvironment, UsageError
from envmgr.settings import Settings
from envmgr.store import layout


def make_environment(prefix: Path) -> Path:
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    return prefix


@pytest.mark.parametrize(
    "name",
    [
        "",
        "base",
        "root",
        ".hidden",
        "-n",
        "a/b",
        "a b",
        "a:b",
        "a#b",
        "a@1",
        "*",
        "a\\b",
        "a\nb",
        "x" * 201,
        "\udc80\ud800",
        "\udce9",
    ],
)
def test_name_that_cannot_be_one_is_refused_with_the_reason(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of an environment"):
        layout.named(settings, name)


@pytest.mark.parametrize("name", ["science", "py3.11", "Größe", "a-b_c", "x" * 200])
def test_name_gives_paths_below_the_store(settings: Settings, name: str) -> None:
    location = layout.named(settings, name)
    assert location.prefix == settings.root / "envs" / name
    assert location.label == name
    assert all(path.is_relative_to(settings.root / "envs") for path in location[2:5])


def test_path_gives_a_hidden_sibling_on_the_same_file_system(settings: Settings, tmp_path: Path) -> None:
    location = layout.at_path(settings, tmp_path / "project/env")
    assert location.name is None
    assert location.hidden == tmp_path / "project/.env.envmgr"
    assert {path.parent for path in location[2:5]} == {location.hidden}


def test_path_of_a_named_environment_is_that_environment(settings: Settings, tmp_path: Path) -> None:
    assert layout.at_path(settings, settings.root / "envs/science") == layout.named(settings, "science")
    (tmp_path / "link").symlink_to(settings.root / "envs/science")
    assert layout.at_path(settings, tmp_path / "link") == layout.named(settings, "science")


def test_symlink_of_a_person_is_followed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "env").symlink_to(tmp_path / "scratch")
    assert layout.at_path(settings, tmp_path / "env").prefix == tmp_path / "scratch"


@pytest.mark.parametrize("place", ["/", "home", "root", "root/envs"])
def test_place_where_other_things_live_is_refused(settings: Settings, place: str) -> None:
    path = {"/": Path("/"), "home": settings.home, "root": settings.root, "root/envs": settings.root / "envs"}[place]
    with pytest.raises(UsageError, match="other things live there"):
        layout.at_path(settings, path)


def test_unknown_name_lists_what_exists_and_the_nearest(settings: Settings) -> None:
    for name in ("science", "other"):
        make_environment(settings.root / "envs" / name)
    with pytest.raises(EnvironmentNotFound) as caught:
        layout.find(settings, name="scienc")
    assert "these exist: other, science" in caught.value.message
    assert caught.value.hint == "did you mean -n science?"


def test_no_name_means_the_active_environment(settings: Settings, tmp_path: Path) -> None:
    prefix = make_environment(tmp_path / "active")
    active = settings._replace(environ={"CONDA_PREFIX": str(prefix)})
    assert layout.find(active).prefix == prefix
    with pytest.raises(EnvironmentNotFound, match="none is active"):
        layout.find(settings._replace(environ={}))


def test_name_and_path_together_are_refused(settings: Settings) -> None:
    with pytest.raises(UsageError):
        layout.find(settings, name="a", prefix="b")


def test_directory_with_other_things_is_not_an_environment(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").touch()
    with pytest.raises(NotAnEnvironment):
        layout.find(settings, prefix=tmp_path / "data")
    with pytest.raises(NotAnEnvironment):
        layout.check_place(layout.at_path(settings, tmp_path / "data"))
    with pytest.raises(NotAnEnvironment):
        layout.check_place(layout.at_path(settings, tmp_path / "data/thesis.tex"))


def test_empty_directory_and_nothing_are_places_for_an_environment(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    layout.check_place(layout.at_path(settings, tmp_path / "empty"))
    layout.check_place(layout.at_path(settings, tmp_path / "none"))


def test_names_leave_out_what_is_no_environment(settings: Settings) -> None:
    make_environment(settings.root / "envs/b")
    make_environment(settings.root / "envs/a")
    make_environment(settings.root / "envs/.generations")
    (settings.root / "envs/junk").mkdir()
    os.symlink("nowhere", settings.root / "envs/dangling")
    assert layout.names(settings) == ("a", "b")
