"""Wheels that several processes need at once come over the line once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.index_server import IndexServer
from builders.pip_half import SITE, environ_of, locked, python_package
from builders.store import Collector, Store, realise_at_once
from builders.wheels import Wheel
from envmgr.leases import Leases
from envmgr.settings import Settings
from envmgr.store import wheel_turns

PROCESSES = 6


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


@pytest.fixture
def store(environ: dict[str, str], index: IndexServer, tmp_path: Path) -> Store:
    channel = LocalChannel(tmp_path / "channel").add(python_package())
    return Store(Settings.load(environ_of(environ, index)), channel)


def test_processes_at_once_download_each_wheel_once(store: Store, index: IndexServer) -> None:
    lock = store.lock("python", pip=[locked(index, Wheel(name="one")), locked(index, Wheel(name="two"))])
    requests = [store.request(f"env-{number}", lock) for number in range(PROCESSES)]
    assert realise_at_once(store.settings, requests) == [0] * PROCESSES
    asked = [path for path in index.requests if path.endswith(".whl")]
    assert len(asked) == len(set(asked)) == 2
    for request in requests:
        assert (request.location.prefix / SITE / "two/__init__.py").is_file()


def test_what_is_known_to_be_there_is_not_waited_for(store: Store, index: IndexServer) -> None:
    packages = [locked(index, Wheel(name="one"))]
    reporter = Collector()
    with wheel_turns.turn(packages, store.settings, reporter):
        pass
    held = Leases()
    try:
        assert held.take(store.settings.cache / "fetching/wheels.lease", "fetching wheels") is None
        with wheel_turns.turn(packages, store.settings, reporter):
            pass
    finally:
        held.close()
    assert reporter.notices == []
