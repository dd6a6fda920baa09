"""Plans beside the artifacts: made when they are fetched or first linked, found by all, gone with their artifact."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from envmgr.artifacts import plans
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.artifacts.plan import Placed
from envmgr.errors import CorruptPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings

TOOL = Package(name="tool", subdir="linux-64", files={"bin/tool": "1", "etc/conf": "2"})
PURE = Package(name="pure", noarch="python", files={"site-packages/pure.py": ""}, entry_points=["pure = pure:main"])
PLACED = Placed("lib/python3.12/site-packages", "bin")
OTHER = Placed("lib/python3.13/site-packages", "bin")


@pytest.fixture
def cache(settings: Settings) -> ArtifactCache:
    return ArtifactCache(settings)


@pytest.fixture
def artifacts(cache: ArtifactCache, make_channel: Callable[..., LocalChannel]) -> tuple[Artifact, ...]:
    """`pure` and `tool`, fetched."""
    channel = make_channel().add(TOOL, PURE)
    packages = [channel.package(name) for name in ("pure", "tool")]
    return cache.fetch(packages, channels=(), reporter=SilentReporter())


def _kept(cache: ArtifactCache) -> list[str]:
    return sorted(path.name for path in cache.directory.glob("*.plan"))


def test_fetched_artifact_has_its_plan_and_noarch_python_one_for_each_place(
    cache: ArtifactCache, artifacts: tuple[Artifact, ...]
) -> None:
    pure, tool = artifacts
    assert _kept(cache) == [f"{tool.directory.name}.plan"]
    for placed in (PLACED, OTHER, PLACED):
        found = plans.find(pure, cache.directory, placed)
        assert found is not None
        assert found.directories[-1] == placed.site_packages
    assert len(_kept(cache)) == 3
    assert {plans.key_of_file(name) for name in _kept(cache)} == {pure.directory.name, tool.directory.name}
    assert plans.find(tool, cache.directory, PLACED) == plans.find(tool, cache.directory, None)


@pytest.mark.parametrize("content", [None, b"", b"{}\n", b"\0" * 400])
def test_plan_that_is_lost_or_spoiled_is_made_again(
    cache: ArtifactCache, artifacts: tuple[Artifact, ...], content: bytes | None
) -> None:
    tool = artifacts[1]
    kept = plans.beside(tool.directory)
    before = kept.read_bytes()
    kept.unlink()
    if content is not None:
        kept.write_bytes(content)
    assert plans.find(tool, cache.directory, None) is not None
    assert kept.read_bytes() == before
    assert not list(cache.directory.glob(".tmp-*"))


def test_where_none_can_be_kept_it_is_made_all_the_same(tmp_path: Path, artifacts: tuple[Artifact, ...]) -> None:
    tool = artifacts[1]
    plans.beside(tool.directory).unlink()
    assert plans.find(tool, tmp_path / "absent", None) is not None
    assert not (tmp_path / "absent").exists()


def test_plan_of_a_shared_cache_is_kept_in_the_own_one_or_used_where_it_is(
    tmp_path: Path, artifacts: tuple[Artifact, ...]
) -> None:
    tool = artifacts[1]
    own = tmp_path / "own"
    own.mkdir()
    assert plans.find(tool, own, None) is not None
    assert os.listdir(own) == []
    plans.beside(tool.directory).unlink()
    assert plans.find(tool, own, None) is not None
    assert os.listdir(own) == [f"{tool.directory.name}.plan"]


@pytest.mark.parametrize("spoil", ["missing", "other paths", "no JSON"])
def test_listing_that_is_not_the_one_that_was_checked_makes_no_plan(
    cache: ArtifactCache, artifacts: tuple[Artifact, ...], spoil: str
) -> None:
    tool = artifacts[1]
    plans.beside(tool.directory).unlink()
    listing = tool.directory / "info/paths.json"
    text = listing.read_text()
    listing.unlink()
    if spoil == "missing":
        (tool.directory / "info/files").unlink()
    else:
        listing.write_text(text.replace("etc/conf", "etc/../../conf") if spoil == "other paths" else text[:-5])
    with pytest.raises(CorruptPackage) as caught:
        plans.find(tool, cache.directory, None)
    assert caught.value.details["packages"] == ["tool-1.0-0"]
    assert not plans.beside(tool.directory).exists()


def test_plans_go_with_their_artifact_and_those_of_nobody_when_they_are_old(
    cache: ArtifactCache, artifacts: tuple[Artifact, ...]
) -> None:
    pure, tool = artifacts
    plans.find(pure, cache.directory, PLACED)
    cache.remove(pure.directory.name)
    assert _kept(cache) == [f"{tool.directory.name}.plan"]
    for name, age in (("gone-1-0-" + "0" * 64 + ".plan", 1), ("coming-1-0-" + "0" * 64 + f".{'a' * 16}.plan", None)):
        (cache.directory / name).write_text("{}")
        if age is not None:
            os.utime(cache.directory / name, (age, age))
    assert cache.sweep() == 1
    assert _kept(cache) == ["coming-1-0-" + "0" * 64 + f".{'a' * 16}.plan", f"{tool.directory.name}.plan"]


@pytest.mark.parametrize("name", ["tool.plan", "x-" + "0" * 63 + ".plan", "x-" + "0" * 64 + ".json", ".plan"])
def test_other_files_are_no_plans(name: str) -> None:
    assert plans.key_of_file(name) is None
