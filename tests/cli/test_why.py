from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "old-only", "numpy", "-q")
    return envmgr


def test_why_names_what_was_asked_for_and_what_needs_it(science: Envmgr) -> None:
    assert science.ok("why", "-n", "science", "base-files", "tool").splitlines() == [
        "base-files 1.0 0",
        "  what was asked for needs it:",
        "    old-only 1.0 → tool 1.0 → base-files 1.0",
        "    tool 1.0 → base-files 1.0",
        "  directly needed by:",
        "    tool 1.0  base-files",
        "",
        "tool 1.0 0",
        "  was asked for: tool=1",
        "  what was asked for needs it too:",
        "    old-only 1.0 → tool 1.0",
        "  directly needed by:",
        "    old-only 1.0  tool <2",
    ]


def test_why_json_has_the_chains_with_the_specs(science: Envmgr) -> None:
    (found,) = science("why", "-n", "science", "base-files", "--json").json
    assert found["chains"][0] == [
        {"name": "old-only", "version": "1.0", "manager": "conda"},
        {"name": "tool", "version": "1.0", "manager": "conda", "spec": "tool <2"},
        {"name": "base-files", "version": "1.0", "manager": "conda", "spec": "base-files"},
    ]
    assert (found["requested"], found["constrained_by"]) == ([], [])


def test_a_package_that_is_not_there_is_said_with_the_nearest(science: Envmgr) -> None:
    done = science("why", "-n", "science", "numpi")
    assert (done.code, done.err) == (1, "error: science has no package `numpi`\n\nhint: did you mean `numpy`?\n")
    done = science("tree", "-n", "science", "zzz")
    assert "hint: see what it has: envmgr list -n science" in done.err


def test_tree_shows_each_package_in_full_once(science: Envmgr) -> None:
    assert science.ok("tree", "-n", "science").splitlines() == [
        "numpy 1.26  asked for: numpy",
        "old-only 1.0  asked for: old-only",
        "└── tool 1.0  tool <2",
        "    └── base-files 1.0  base-files",
        "tool 1.0  asked for: tool=1",
        "└── base-files 1.0  base-files",
    ]
    assert science.ok("tree", "-n", "science", "old-only", "--depth", "1").splitlines()[1:] == ["└── tool 1.0  tool <2"]
    assert science.ok("tree", "-n", "science", "--reverse", "base-files").splitlines() == [
        "base-files 1.0",
        "└── tool 1.0  base-files",
        "    └── old-only 1.0  tool <2",
    ]


def test_tree_json_has_each_package_once(science: Envmgr) -> None:
    document = science("tree", "-n", "science", "--json").json
    assert [root["name"] for root in document["roots"]] == ["numpy", "old-only", "tool"]
    assert {each["name"]: [need["name"] for need in each["needs"]] for each in document["packages"]} == {
        "numpy": [],
        "old-only": ["tool"],
        "tool": ["base-files"],
        "base-files": [],
    }


def test_looking_imports_nothing_heavy(science: Envmgr) -> None:
    for command in (["why", "tool"], ["tree"]):
        done = science.process(*command, "-n", "science", PYTHONPROFILEIMPORTTIME="1")
        assert done.code == 0
        heavy = {line.rpartition("|")[2].strip() for line in done.err.splitlines()} & {"rattler", "yaml", "requests"}
        assert not heavy
