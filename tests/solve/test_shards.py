"""A sharded channel (CEP 16) is read by shards: no engine, and no explanation, asks it for its whole repodata."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from rattler import Gateway, Subdir
from rattler.index import index_fs

from builders.channels import LocalChannel
from builders.packages import Package
from builders.servers import FileServer
from envmgr.channels.gateway import gateway
from envmgr.channels.model import Channel
from envmgr.errors import Unsatisfiable
from envmgr.settings import Settings
from envmgr.solve.base import Solver
from solve.indexes import request

Engine = Callable[[Gateway], Solver]


@pytest.fixture
def sharded(make_channel: Callable[..., LocalChannel]) -> Iterator[FileServer]:
    local = make_channel().add(
        Package(name="x", depends=["y >=1"]),
        Package(name="y", version="1.5"),
        Package(name="z", depends=["y <1"]),
        *(Package(name=f"unneeded-{n}") for n in range(5)),
    )
    for subdir in ("noarch", "linux-64"):
        asyncio.run(index_fs(local.directory, Subdir(subdir), write_zst=False, write_shards=True, force=True))
    with FileServer(local.directory) as server:
        yield server


def test_only_the_shards_that_are_reached_are_fetched(sharded: FileServer, engine: Engine, settings: Settings) -> None:
    channel = Channel(name="c", url=sharded.url)
    solver = engine(gateway([channel], settings))
    assert [package.name for package in solver.solve(request(["x"], [channel])).packages] == ["x", "y"]
    with pytest.raises(Unsatisfiable) as caught:
        solver.solve(request(["x", "z"], [channel]))
    assert {entry["spec"] for entry in caught.value.details["conflicts"]} == {"z"}
    fetched = [path for path in sharded.requests if not path.endswith("repodata_shards.msgpack.zst")]
    assert [path for path in fetched if "repodata" in path] == []
    assert len(set(fetched)) <= 4  # x, y, z, and the pip that python would bring
