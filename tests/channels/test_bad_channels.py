"""Channels that break, lie or stall, before the real command line: one clear error or a retry, and nothing stays."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rattler import Subdir
from rattler.index import index_fs

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package
from builders.web import Answer, Request, WebServer
from envmgr.channels.shard_index import ShardIndex

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOARCH = "/lab/noarch/repodata.json"
LINUX = "/lab/linux-64/repodata.json"
NESTED = 20_000_000

Bad = Callable[[bytes], Answer]


class Lab:
    """A channel behind a server: what `broken` has for a path is said in place of what is there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.channel = LocalChannel(directory / "lab").add(
            Package(name="tool", version="1.0", depends=["ring"], files={"share/tool.txt": "tool\n"}),
            Package(name="ring", depends=["gnir"], files={"share/ring.txt": "ring\n"}),
            Package(
                name="gnir", depends=["ring"], files={"share/gnir.txt": "gnir\n"}
            ),  # a cycle, as real channels have
        )
        self.broken: dict[str, list[Answer]] = {}

    def good(self, path: str) -> bytes:
        return (self.directory / path.lstrip("/")).read_bytes()

    def __call__(self, request: Request) -> Answer:
        answers = self.broken.get(request.path)
        if answers:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        is_there = (self.directory / request.path.lstrip("/")).is_file()
        return Answer(body=self.good(request.path)) if is_there else Answer(status=404)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "served")


@pytest.fixture
def server(lab: Lab) -> Iterator[WebServer]:
    with WebServer(lab) as server:
        yield server


def records(change: Callable[[dict[str, Any]], object]) -> Bad:
    """Return the index with every record changed."""

    def bad(good: bytes) -> Answer:
        document = json.loads(good)
        for record in document["packages.conda"].values():
            change(record)
        return Answer(body=json.dumps(document).encode())

    return bad


def says(status: int = 200, body: bytes = b"", **headers: str) -> Bad:
    return lambda _good: Answer(
        status=status, body=body, headers={key.replace("_", "-"): headers[key] for key in headers}
    )


def twice(good: bytes) -> Answer:
    document = json.loads(good)
    return Answer(body=json.dumps(document | {"packages": document["packages.conda"]}).encode())


def based(url: str) -> Bad:
    """Return the index with every package at another place (CEP 15)."""

    def bad(good: bytes) -> Answer:
        document = json.loads(good)
        document["info"] = {"subdir": "noarch", "base_url": url}
        return Answer(body=json.dumps(document | {"repodata_version": 2}).encode())

    return bad


BROKEN: dict[str, tuple[str, Bad, str, str]] = {
    "truncated": (NOARCH, lambda good: Answer(body=good[:200]), "noarch: it sends something that is not", "breaks off"),
    "truncated for the platform": (LINUX, lambda good: Answer(body=good[:30]), "linux-64: it sends", "breaks off"),
    "empty": (NOARCH, says(), "not repodata", "breaks off"),
    "not JSON": (NOARCH, says(body=b"\xff\xfehello"), "not repodata", "proxy"),
    "another JSON": (NOARCH, says(body=b"[]"), "not repodata", ""),
    "deep nesting": (NOARCH, says(body=b"[" * NESTED), "not repodata", ""),
    "deep nesting in a record": (
        NOARCH, says(body=b'{"packages": {"x-1-0.tar.bz2": {"extra": ' + b"[" * NESTED), "not repodata", ""),
    "a record without a name": (NOARCH, records(lambda r: r.pop("name")), "missing field `name`", "maintainers"),
    "a name that is none": (NOARCH, records(lambda r: r.update(name="")), "lists tool, and has no record", ""),
    "a name of another place": (NOARCH, records(lambda r: r.update(name="../../x")), "lists tool, and has no rec", ""),
    "an impossible version": (NOARCH, records(lambda r: r.update(version="!!--")), "malformed version", "maintainers"),
    "a version that is a number": (NOARCH, records(lambda r: r.update(version=3)), "integer `3`", "maintainers"),
    "the wrong subdir": (
        NOARCH, records(lambda r: r.update(subdir="osx-arm64")), "the channel says `osx-arm64`", "maintainers"),
    "noarch for another platform": (
        NOARCH, records(lambda r: r.update(subdir="win-64", noarch=None)), "the channel says `win-64`", "maintainers"),
    "a noarch that is none": (NOARCH, records(lambda r: r.update(noarch="win")), "not repodata", "maintainers"),
    "dependencies that are none": (NOARCH, records(lambda r: r.update(depends=["? ><"])), "failed to parse", ""),
    "304 without a cache": (NOARCH, says(304), "noarch: rattler crashed on its answer", "304"),
    "403": (NOARCH, says(403), f"{NOARCH} answers 403 Forbidden", "channels.yaml"),
    "403 for the platform": (LINUX, says(403), f"{LINUX} answers 403 Forbidden", "channels.yaml"),
    "404 for noarch": (NOARCH, says(404), "/lab/ answers 404 Not Found", "name"),
    "a login page": (NOARCH, says(body=b"<html>log in</html>", Content_Type="text/html"), "not repodata", "login page"),
    "a redirect in a circle": (
        NOARCH, lambda _good: Answer(status=302, location=NOARCH), "too many redirects", "proxy"),
    "a redirect to a file": (
        NOARCH, lambda _good: Answer(status=302, location="file:///etc/passwd"), "302 Found, a redirect that", "login"),
    "JSON in place of zstd": (f"{NOARCH}.zst", lambda good: Answer(body=good), "cannot be unpacked", "breaks off"),
    "a byte order mark": (NOARCH, lambda good: Answer(body=b"\xef\xbb\xbf" + good), "not repodata", "login page"),
    "a file name of another place": (
        NOARCH, lambda good: Answer(body=good.replace(b'"tool-1', b'"../../tool-1')), "valid package name", "broken"),
    "a record in two sections": (NOARCH, twice, "one lists tool-1.0-0.conda twice", "maintainers"),
    "packages on this machine": (NOARCH, based("file:///etc"), "at file:///etc/", "worse"),
    "a dependency of a million letters": (NOARCH, records(lambda r: r.update(depends=["z" * 10**6])), "zzz…", ""),
    "407": (NOARCH, says(407), "answers 407 Proxy Authentication Required", "HTTPS_PROXY"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_channel_is_one_error_and_the_mended_one_works(
    case: str, lab: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    path, bad, words, hint = BROKEN[case]
    lab.broken = {path: [bad(lab.good(path.removesuffix(".zst")))]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr(*command, ENVMGR_TRACEBACK="0")
    assert done.code == 1, done
    assert "error: " in done.err
    assert words in done.err
    assert hint in done.err.partition("hint: ")[2]
    assert "Traceback" not in done.err
    assert not envmgr.prefix("science").exists()
    lab.broken.clear()
    assert envmgr(*command).code == 0
    assert (envmgr.prefix("science") / "share" / "gnir.txt").is_file()


def test_credentials_of_a_channel_are_not_sent_where_its_packages_are_said_to_be(
    lab: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    with WebServer(lambda _request: Answer(body=b"")) as stranger:
        elsewhere = stranger.url.replace("127.0.0.1", "localhost")  # py-rattler tells hosts apart, not their ports
        lab.broken = {NOARCH: [based(f"{elsewhere}/lab/noarch")(lab.good(NOARCH))]}
        place = server.url.replace("://", "://me:${WORD}@")
        envmgr.write("channels.yaml", f"channels:\n  lab: {place}/lab\n")
        done = envmgr("create", "-n", "science", "-c", "lab", "tool", WORD="secret", ENVMGR_TRACEBACK="0")
        assert done.code == 1
        assert "secret" not in done.err
        assert {request.authorization for request in stranger.requests} == {None}
    assert None not in {request.authorization for request in server.requests}


@pytest.mark.parametrize(
    "answer", [Answer(status=403), Answer(body=b"<html>the page for everything</html>"), Answer(body=b"")], ids=str
)
def test_what_is_no_index_of_shards_is_none(answer: Answer, lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {f"/lab/{subdir}/repodata_shards.msgpack.zst": [answer] for subdir in ("noarch", "linux-64")}
    assert envmgr("create", "-n", "science", "-c", f"{server.url}/lab", "tool").code == 0


@pytest.mark.parametrize(
    "answers",
    [[Answer(status=429, headers={"Retry-After": "1"})], [Answer(status=503), Answer(status=500)]],
    ids=["429", "5xx"],
)
def test_busy_channel_is_asked_again(lab: Lab, server: WebServer, envmgr: Envmgr, answers: list[Answer]) -> None:
    lab.broken = {NOARCH: [*answers, Answer(body=lab.good(NOARCH))]}
    assert envmgr("create", "-n", "science", "-c", f"{server.url}/lab", "tool").code == 0
    assert [request.path for request in server.requests].count(NOARCH) == len(answers) + 1


def test_missing_platform_is_an_empty_one(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {LINUX: [Answer(status=404)]}
    assert envmgr("create", "-n", "science", "-c", f"{server.url}/lab", "tool").code == 0


def test_hundred_thousand_versions_of_a_package_are_no_obstacle(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    document = json.loads(lab.good(NOARCH))
    for number in range(100_000):
        document["packages.conda"][f"tool-0.{number}-0.conda"] = {
            "name": "tool", "version": f"0.{number}", "build": "0", "build_number": 0, "depends": [],
            "subdir": "noarch", "sha256": f"{number:064x}",
        }  # fmt: skip
    lab.broken = {NOARCH: [Answer(body=json.dumps(document).encode())]}
    before = os.times()
    assert envmgr("create", "-n", "science", "-c", f"{server.url}/lab", "tool").code == 0
    after = os.times()
    assert after.user + after.system - before.user - before.system < 20
    assert (envmgr.prefix("science") / "share" / "tool.txt").is_file()


def test_trickle_ends_at_the_time_out(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {NOARCH: [Answer(body=lab.good(NOARCH), pause=0.2)]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr(*command, ENVMGR_REPODATA_TIMEOUT="1", ENVMGR_TRACEBACK="0")
    assert done.code == 1
    assert "does not answer in time" in done.err
    assert f"{server.url}/lab" in done.err
    lab.broken.clear()
    assert envmgr(*command).code == 0


def test_trickle_is_given_up_long_before_the_time_out(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {NOARCH: [Answer(body=lab.good(NOARCH), pause=0.05)]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr.process(*command, ENVMGR_REPODATA_IDLE_TIMEOUT="1")
    assert done.code == 1, done
    assert f"{server.url}/lab/noarch has sent less than 1000 bytes a second for 1 s" in done.err
    assert "envmgr config set repodata_idle_timeout" in done.err
    assert len([request for request in server.requests if request.path == NOARCH]) <= 1
    lab.broken.clear()
    assert envmgr(*command).code == 0


@pytest.mark.parametrize("form", ["zst", "bz2", "gzip"])
def test_index_that_unpacks_to_more_than_it_may_is_refused_and_not_kept(
    form: str, lab: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    body = b'{"packages": {' + b" " * 40_000_000
    if form == "gzip":
        lab.broken = {NOARCH: [Answer(body=gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})]}
    else:
        packed = zstd.compress(body, 3) if form == "zst" else bz2.compress(body)
        lab.broken = {f"{NOARCH}.{form}": [Answer(body=packed)]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr.process(*command, ENVMGR_REPODATA_SIZE_LIMIT="4")
    assert done.code == 1, done
    assert "it is larger than a channel's index may be, unpacked" in done.err
    assert "repodata_size_limit" in done.err
    assert sum(path.stat().st_size for path in envmgr.cache.rglob("*") if path.is_file()) < 1_000_000
    lab.broken.clear()
    assert envmgr(*command).code == 0


def test_answer_that_rattler_crashes_on_is_one_error(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {NOARCH: [Answer(status=304)]}
    done = envmgr.process("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    assert (done.code, done.err.startswith("error: "), "panicked" in done.err) == (1, True, False), done


def test_interrupt_is_obeyed_at_once(lab: Lab, server: WebServer, envmgr: Envmgr) -> None:
    lab.broken = {NOARCH: [Answer(body=lab.good(NOARCH), pause=0.2)]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    with envmgr.start(*command) as process:
        until = time.monotonic() + 60
        while NOARCH not in [request.path for request in server.requests] and time.monotonic() < until:
            time.sleep(0.02)
        sent = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < 10  # the whole answer would take 200 s
    assert (process.returncode, "error: interrupted" in err) == (130, True)
    assert "Traceback" not in err
    lab.broken.clear()
    assert envmgr(*command).code == 0


@pytest.fixture
def sharded(lab: Lab) -> Lab:
    for subdir in ("noarch", "linux-64"):
        asyncio.run(index_fs(lab.channel.directory, Subdir(subdir), write_zst=False, write_shards=True, force=True))
    return lab


def shard_paths(lab: Lab, subdir: str = "noarch") -> list[str]:
    shards = lab.directory / "lab" / subdir / "shards"
    return sorted(f"/{path.relative_to(lab.directory)}" for path in shards.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lab, path: lab.good(next(other for other in shard_paths(lab) if other != path)), "has the sha256 "),
        (lambda lab, path: zstd.compress(zstd.decompress(lab.good(path)), 1), "has the sha256 "),
        (lambda lab, path: zstd.compress(zstd.decompress(lab.good(path)).replace(b"tool", b"tolo")), "has the sha256 "),
        (lambda lab, path: lab.good(path)[:60], "has the sha256 "),
        (lambda lab, path: b"<html>log in</html>", "has the sha256 "),
    ],
    ids=["that of another name", "the same records packed otherwise", "other records", "truncated", "HTML"],
)
def test_shard_that_is_not_what_its_index_names_is_refused_and_not_kept(
    change: Callable[[Lab, str], bytes], words: str, sharded: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    sharded.broken = {path: [Answer(body=change(sharded, path))] for path in shard_paths(sharded)}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr(*command, ENVMGR_TRACEBACK="0")
    assert done.code == 1, done
    assert f"{server.url}/lab/noarch/shards/" in done.err
    assert words in done.err
    assert "run the command again" in done.err
    sharded.broken.clear()
    assert envmgr(*command).code == 0
    assert not any(request.path == NOARCH for request in server.requests)


def test_shard_that_the_cache_has_wrongly_is_refused_and_not_kept(
    sharded: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    command = ("create", "-c", f"{server.url}/lab", "tool")
    assert envmgr(*command, "-n", "first").code == 0
    kept, other = sorted((envmgr.cache / "repodata" / "shards-v1").glob("*.msgpack"))[:2]
    kept.write_bytes(other.read_bytes())  # as rattler would have kept an answer
    done = envmgr(*command, "-n", "science", ENVMGR_TRACEBACK="0")
    assert (done.code, "was another file a moment ago" in done.err) == (1, True), done
    assert envmgr(*command, "-n", "science").code == 0


def test_shard_that_unpacks_to_more_than_any_is_refused_and_not_kept(
    sharded: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    compressor = zstd.ZstdCompressor(level=1)
    bomb = b"".join(compressor.compress(bytes(1 << 24)) for _ in range(17)) + compressor.flush()
    name = hashlib.sha256(bomb).digest()
    index = sharded.directory / "lab" / "noarch" / "repodata_shards.msgpack.zst"
    known = zstd.decompress(index.read_bytes())
    index.write_bytes(zstd.compress(known.replace(ShardIndex(known, "").hashes["tool"], name)))
    sharded.broken = {f"/lab/noarch/shards/{name.hex()}.msgpack.zst": [Answer(body=bomb)]}
    done = envmgr("create", "-n", "science", "-c", f"{server.url}/lab", "tool", ENVMGR_TRACEBACK="0")
    assert (done.code, "or is larger than 256 MiB" in done.err) == (1, True), done
    assert not list((envmgr.cache / "repodata" / "shards-v1").iterdir())


def test_shard_is_fetched_once(sharded: Lab, server: WebServer, envmgr: Envmgr) -> None:
    for name in ("science", "art"):
        assert envmgr("create", "-n", name, "-c", f"{server.url}/lab", "tool").code == 0
    asked = [request.path for request in server.requests]
    assert {asked.count(path) for path in shard_paths(sharded)} == {1}


@pytest.mark.parametrize("case", ["truncated", "a login page", "a record without a name", "an impossible version"])
def test_broken_index_is_not_kept_whatever_its_server_says(
    case: str, lab: Lab, server: WebServer, envmgr: Envmgr
) -> None:
    _, bad, words, _ = BROKEN[case]
    lab.broken = {NOARCH: [replace(bad(lab.good(NOARCH)), headers={"Cache-Control": "public, max-age=3600"})]}
    command = ("create", "-n", "science", "-c", f"{server.url}/lab", "tool")
    done = envmgr(*command, ENVMGR_TRACEBACK="0")
    assert (done.code, words in done.err) == (1, True), done
    lab.broken.clear()
    assert envmgr(*command).code == 0
