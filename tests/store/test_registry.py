"""~/.conda/environments.txt, which conda's tools share (CEP 32)."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from envmgr.settings import Settings
from envmgr.store import registry


def make_environment(prefix: Path) -> Path:
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    return prefix


def test_registering_twice_writes_one_line_and_keeps_those_of_other_tools(settings: Settings) -> None:
    path = registry.path_of(settings)
    path.parent.mkdir()
    path.write_bytes(b"/opt/conda\n\xff/odd")
    registry.register(settings, Path("/new env"))
    registry.register(settings, Path("/new env"))
    assert path.read_bytes() == b"/opt/conda\n\xff/odd\n/new env\n"
    registry.unregister(settings, Path("/opt/conda"))
    registry.unregister(settings, Path("/never"))
    assert path.read_bytes() == b"\xff/odd\n/new env\n"


def test_symlinked_registry_stays_a_symlink(settings: Settings, tmp_path: Path) -> None:
    path = registry.path_of(settings)
    path.parent.mkdir()
    (tmp_path / "dotfiles.txt").write_text("/opt/conda\n")
    path.symlink_to(tmp_path / "dotfiles.txt")
    registry.register(settings, Path("/new"))
    assert path.is_symlink()
    assert (tmp_path / "dotfiles.txt").read_text() == "/opt/conda\n/new\n"


def test_listing_joins_the_store_and_what_is_registered_and_exists(settings: Settings, tmp_path: Path) -> None:
    named = make_environment(settings.root / "envs/science")
    elsewhere = make_environment(tmp_path / "elsewhere")
    for prefix in (named, elsewhere, tmp_path / "gone", Path("/")):
        registry.register(settings, prefix)
    found = registry.environments(settings)
    assert [(location.name, location.prefix) for location in found] == [("science", named), (None, elsewhere)]


def test_nothing_registered_is_an_empty_list(settings: Settings) -> None:
    assert registry.environments(settings) == ()


def _register(settings: Settings, number: int) -> None:
    registry.register(settings, Path(f"/environment-{number}"))


def test_simultaneous_registrations_are_all_kept(settings: Settings) -> None:
    with multiprocessing.get_context("forkserver").Pool(8) as pool:
        pool.starmap(_register, [(settings, number) for number in range(24)])
    lines = registry.path_of(settings).read_text().splitlines()
    assert sorted(lines) == sorted(f"/environment-{number}" for number in range(24))
