from __future__ import annotations

import re

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """`science` at generation 3, with 2 as a tree and 1 as a lock."""
    for specs in (["tool=1"], ["tool=1", "numpy"], ["tool=2"]):
        envmgr.ok("create", "-n", "science", "-c", channel.url, *specs, "-q", ENVMGR_KEEP_GENERATIONS="1")
    return envmgr


def test_generations_are_listed_newest_first_with_what_each_changed(science: Envmgr) -> None:
    out = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "WHEN", science.ok("history", "-n", "science"))
    lines = out.splitlines()
    assert lines[0] == "* 3  WHEN  current  2 packages: 1 changed, 1 gone"
    assert lines[1].startswith("    envmgr create -n science -c file://")
    assert [line.split() for line in lines[2:4]] == [
        ["~", "tool", "1.0", "→", "2.0", "0", "channel"],
        ["-", "numpy", "1.26", "0", "channel"],
    ]
    assert lines[4] == "  2  WHEN  kept on disk  3 packages: 1 new"
    assert lines[6].split()[:3] == ["+", "numpy", "1.26"]
    assert lines[7] == "  1  WHEN  kept as lock  2 packages"
    assert len(lines) == 9
    assert "+  tool" in science.ok("history", "-n", "science", "-v")


def test_json_has_changes_in_the_shape_of_diff(science: Envmgr) -> None:
    document = science("history", "-n", "science", "--json").json
    assert (document["name"], document["current"]) == ("science", 3)
    assert [each["number"] for each in document["generations"]] == [3, 2, 1]
    assert [each["state"] for each in document["generations"]] == ["current", "kept", "lock"]
    assert [each["previous"] for each in document["generations"]] == [2, 1, None]
    newest = document["generations"][0]
    assert newest["command"][:2] == ["envmgr", "create"]
    assert newest["changes"]["changed"] == [{"name": "tool", "manager": "conda", "from": "1.0", "to": "2.0"}]
    assert [each["name"] for each in newest["changes"]["removed"]] == ["numpy"]
    assert [each["name"] for each in document["generations"][2]["changes"]["added"]] == ["base-files", "tool"]
    assert document["record"] == {"path": str(science.prefix("science") / "conda-meta/history"), "entries": 3}


def test_what_cannot_be_read_is_told_and_the_rest_is_shown(science: Envmgr) -> None:
    kept = science.root / "envs/.generations/science"
    (kept / "1.conda-lock.yml").write_text("{")
    done = science("history", "-n", "science")
    assert done.code == 0
    assert "1.conda-lock.yml" in done.err
    assert "generation 1 is not known any more" in done.out
    assert "its lock cannot be read" in done.out
    document = science("history", "-n", "science", "--json").json
    assert [each["changes"] is None for each in document["generations"]] == [False, True, True]


def test_environment_of_another_tool_has_only_its_own_record(envmgr: Envmgr) -> None:
    record = envmgr.directory / "theirs/conda-meta/history"
    record.parent.mkdir(parents=True)
    record.write_text("==> 2026-01-01 00:00:00 <==\n# cmd: conda create\n==> 2026-01-02 00:00:00 <==\n")
    out = envmgr.ok("history", "-p", "theirs")
    assert "another tool made" in out
    assert f"2 entries: {record}" in out
    document = envmgr("history", "-p", "theirs", "--json").json
    assert (document["generations"], document["current"]) == ([], None)
    assert document["record"] == {"path": str(record), "entries": 2}
    done = envmgr("rollback", "-p", "theirs")
    assert (done.code, "has no generations" in done.err) == (1, True)


def test_absent_environment_is_an_error_that_names_those_there_are(science: Envmgr) -> None:
    done = science("history", "-n", "scince")
    assert (done.code, done.out) == (1, "")
    assert "did you mean -n science?" in done.err
