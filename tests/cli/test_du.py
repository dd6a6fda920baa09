from __future__ import annotations

from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

LARGE = 1_000_000


@pytest.fixture
def used(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """`x` at generation 2, `y` with the same large package, and a package in the cache that nothing needs."""
    channel.add(Package(name="large", files={"share/large": "0" * LARGE}))
    channel.add(Package(name="unused", files={"share/unused": "1" * LARGE}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "large", "-q")
    envmgr.ok("install", "-n", "x", "tool", "-q")
    envmgr.ok("create", "-n", "y", "-c", channel.url, "large", "-q")
    envmgr.ok("create", "-n", "z", "-c", channel.url, "unused", "-q")
    envmgr.ok("remove", "-n", "z", "--all", "--yes", "-q")
    return envmgr


def test_unique_and_shared_bytes_add_up_to_the_total(used: Envmgr) -> None:
    document = used("env", "du", "--json").json
    rows = document["environments"] + document["caches"]
    total = document["total"]
    assert sum(row["unique_bytes"] for row in rows) + total["shared_bytes_once"] == total["bytes"]
    for row in (*rows, *document["environments"][0]["generations"]):
        assert row["unique_bytes"] + row["shared_bytes"] == row["bytes"]
    x = document["environments"][0]
    assert x["prefix"] == str(used.prefix("x"))
    assert [(tree["number"], tree["current"]) for tree in x["generations"]] == [(2, True), (1, False)]
    assert x["shared_bytes"] >= LARGE > x["unique_bytes"]
    assert LARGE > x["unique_bytes_with_cache"] > 0
    (packages,) = (row for row in document["caches"] if row["name"] == "pkgs")
    assert 2 * LARGE > packages["unique_bytes"] >= LARGE


def test_what_goes_with_an_environment_and_its_packages(used: Envmgr) -> None:
    used.ok("remove", "-n", "y", "--all", "--yes", "-q")
    (x,) = used("env", "du", "-n", "x", "--json").json["environments"]
    assert x["unique_bytes_with_cache"] >= LARGE


def test_an_environment_is_named_by_its_name_alone_too(used: Envmgr) -> None:
    assert used.ok("env", "du", "x") == used.ok("env", "du", "-n", "x")
    assert used.ok("env", "du", str(used.prefix("y"))) == used.ok("env", "du", "-n", "y")
    assert used("env", "du", "x", "-n", "y").code == 2
    assert "did you mean -n x?" in used("env", "du", "xx").err


def test_people_get_a_table(used: Envmgr) -> None:
    lines = used.ok("env", "du").splitlines()
    assert lines[0].split("  ")[-1] == "inodes"
    assert [line.split()[0] for line in lines[1:4]] == ["x", "@2", "@1"]
    assert lines[-1].startswith("together ")
    assert used("env", "du", "-n", "nope").code == 1


def test_an_empty_store_is_no_failure(envmgr: Envmgr, tmp_path: Path) -> None:
    assert envmgr.ok("env", "du") != ""
    assert envmgr("env", "du", "--json").json["total"]["bytes"] == 0
