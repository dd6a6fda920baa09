"""How often a channel is asked for its index, before the real command line."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

from rattler import Subdir
from rattler.index import index_fs

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package
from builders.web import Answer, Request, WebServer

DATE = "Wed, 25 Nov 2026 10:00:00 GMT"


class Dated:
    """A channel that says when its files changed, and that they have to be asked for each time."""

    def __init__(self, directory: Path, *, repeats: bool) -> None:
        self.directory = directory
        self.repeats = repeats  # whether a 304 says the date again, as it should
        self.answered: Counter[tuple[str, int]] = Counter()
        self.channel = LocalChannel(directory / "lab").add(Package(name="tool", files={"share/tool.txt": "tool\n"}))

    def __call__(self, request: Request) -> Answer:
        path = self.directory / request.path.lstrip("/")
        headers = {"Last-Modified": DATE, "Cache-Control": "no-cache"}
        if not path.is_file():
            return Answer(status=404)
        if "if-modified-since" in request.headers:
            answer = Answer(status=304, headers=headers if self.repeats else {})
        else:
            answer = Answer(body=path.read_bytes(), headers=headers)
        self.answered[path.name, answer.status] += 1
        return answer


def test_index_is_downloaded_by_one_of_the_processes_that_start_at_once(tmp_path: Path, envmgr: Envmgr) -> None:
    lab = Dated(tmp_path / "served", repeats=True)
    with WebServer(lab) as server:
        command = ("create", "-c", f"{server.url}/lab", "tool", "--dry-run")
        processes = [envmgr.start(*command, "-n", f"n{number}") for number in range(4)]
        assert [(process.communicate(timeout=120)[1], process.returncode) for process in processes] == [("", 0)] * 4
    assert lab.answered["repodata.json", 200] == 2  # one for the platform, one for noarch
    assert lab.answered["repodata.json", 304] == 6


def test_index_of_shards_is_asked_for_anew_where_a_304_says_nothing_more(tmp_path: Path, envmgr: Envmgr) -> None:
    lab = Dated(tmp_path / "served", repeats=False)
    for subdir in ("noarch", "linux-64"):
        asyncio.run(index_fs(lab.channel.directory, Subdir(subdir), write_zst=False, write_shards=True, force=True))
    with WebServer(lab) as server:
        for name in ("first", "second"):
            assert envmgr("create", "-n", name, "-c", f"{server.url}/lab", "tool").code == 0
    assert lab.answered["repodata_shards.msgpack.zst", 304] >= 1
    assert lab.answered["repodata.json", 200] == 0


def test_what_killed_downloads_left_goes_after_an_hour(tmp_path: Path, envmgr: Envmgr) -> None:
    directory = envmgr.cache / "repodata"
    directory.mkdir(parents=True)
    old, new = directory / ".tmpOld123", directory / ".tmpNew123"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    with WebServer(Dated(tmp_path / "served", repeats=True)) as server:
        assert envmgr("create", "-n", "x", "-c", f"{server.url}/lab", "tool", "--dry-run").code == 0
    assert (old.exists(), new.exists()) == (False, True)
