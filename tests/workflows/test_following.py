"""What is built on each machine lies elsewhere on each: a lock follows it, and says what cannot be had."""

from __future__ import annotations

import hashlib
from pathlib import Path

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels.model import Channel
from envmgr.lock.model import CondaPackage, Lock
from envmgr.settings import Settings
from envmgr.workflows import following

THERE = "file:///home/ana/.cache/envmgr/channels/0123456789ab/ours"
REMOTE = "https://conda.example/lab"


def package(name: str, channel: str, sha256: str = "a" * 64) -> CondaPackage:
    filename = f"{name}-1.0-0.conda"
    return CondaPackage(
        name=name, version="1.0", build="0", build_number=0, subdir="noarch", channel=channel,
        url=f"{channel}/noarch/{filename}", filename=filename, sha256=sha256,
    )  # fmt: skip


def test_packages_of_recipe_channels_move_and_others_stay(tmp_path: Path) -> None:
    here = Channel(name="ours", url=(tmp_path / "ours").as_uri(), recipes=tmp_path)
    remote = Channel(name="lab", url=REMOTE)
    lock = Lock(platform="linux-64", conda=(package("a", THERE), package("b", REMOTE)), channels=(THERE, REMOTE))
    moved = following.relocated(lock, (here, remote))
    assert moved.channels == (here.url, REMOTE)
    assert moved.conda == (package("a", here.url), package("b", REMOTE))
    assert following.relocated(moved, (here, remote)) is moved
    assert following.relocated(lock, (here,)) is lock


def test_what_was_built_with_another_hash_cannot_be_had(tmp_path: Path, settings: Settings) -> None:
    here = Channel(name="ours", url=(tmp_path / "ours").as_uri(), recipes=tmp_path)
    (tmp_path / "ours/noarch").mkdir(parents=True)
    (tmp_path / "ours/noarch/a-1.0-0.conda").write_bytes(b"built here")
    same = package("a", here.url, hashlib.sha256(b"built here").hexdigest())
    other, absent = package("a", here.url), package("z", here.url)
    lock = Lock(platform="linux-64", conda=(same, package("b", REMOTE)), channels=(here.url,))
    cache = ArtifactCache(settings)
    assert list(following.unbuildable(lock, (here,), cache)) == []
    lock = lock._replace(conda=(other, absent))
    assert list(following.unbuildable(lock, (here,), cache)) == [(here, other), (here, absent)]
