"""Processes that need the same artifacts at the same time: each artifact comes over the line once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from builders.servers import FileServer
from builders.store import Collector, Store, realise_at_once
from envmgr import leases
from envmgr.artifacts.cache import ArtifactCache
from envmgr.artifacts.turns import Turns
from envmgr.leases import Leases
from envmgr.lock.model import CondaPackage
from envmgr.settings import Settings

PROCESSES = 16
NAMES = ("one", "two", "three")
HOLDER = """
import sys, time
from pathlib import Path
from envmgr.leases import Leases
held = Leases()
assert held.take(Path(sys.argv[1]), "fetching one") is None
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    channel = LocalChannel(tmp_path / "channel")
    channel.add(*(Package(name=name, files={f"share/{name}": name * 100}) for name in NAMES))
    with FileServer(channel.directory) as running:
        yield running


@pytest.fixture
def store(settings: Settings, tmp_path: Path) -> Store:
    channel = LocalChannel(tmp_path / "channel")
    return Store(settings, channel.add(*(Package(name=name, files={f"share/{name}": name * 100}) for name in NAMES)))


def served(package: CondaPackage, server: FileServer) -> CondaPackage:
    return package._replace(channel=server.url, url=f"{server.url}/{package.subdir}/{package.filename}")


def lease_of(package: CondaPackage, settings: Settings) -> Path:
    turns = Turns(settings, Collector())
    try:
        return turns._path(package)
    finally:
        turns.close()


@pytest.mark.parametrize("is_same", [True, False], ids=["one environment", "sixteen environments"])
def test_sixteen_creates_from_an_empty_cache_download_each_artifact_once(
    store: Store, server: FileServer, is_same: bool
) -> None:
    lock = store.lock(*NAMES)
    lock = lock._replace(conda=tuple(served(package, server) for package in lock.conda))
    requests = [store.request("same" if is_same else f"env-{number}", lock) for number in range(PROCESSES)]
    assert realise_at_once(store.settings, requests) == [0] * PROCESSES
    asked = Counter(path for path in server.requests if path.endswith(".conda"))
    assert sorted(asked.values()) == [1] * len(NAMES)
    for location in {request.location.prefix for request in requests}:
        assert (location / "share/three").read_text() == "three" * 100
    assert list((store.settings.cache / "fetching").iterdir()) == []


def test_the_turn_of_a_killed_process_is_taken_over(store: Store, server: FileServer) -> None:
    package = served(store.channel.package("one"), server)
    path = lease_of(package, store.settings)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    (artifact,) = ArtifactCache(store.settings).fetch([package], channels=(), reporter=store.reporter)
    assert (artifact.directory / "share/one").is_file()
    assert not path.exists()


def test_who_holds_it_is_said_and_a_holder_that_gives_no_sign_of_life_is_not_waited_for(
    store: Store, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SILENCE", 0.3)  # a minute is too long for a test
    package = served(store.channel.package("one"), server)
    held = Leases()
    try:
        assert held.take(lease_of(package, store.settings), "fetching one") is None
        (artifact,) = ArtifactCache(store.settings).fetch([package], channels=(), reporter=store.reporter)
    finally:
        held.close()
    assert (artifact.directory / "share/one").is_file()
    (notice,) = store.reporter.notices
    assert notice.startswith("waiting for pid ")
    assert "(fetching one) on host " in notice
