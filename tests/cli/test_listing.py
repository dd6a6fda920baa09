from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.prefixes import make_prefix


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "numpy", "-q")
    return envmgr


def test_list_shows_packages_and_what_was_asked_for(science: Envmgr) -> None:
    assert science.ok("list", "-n", "science").splitlines() == [
        f"# packages in science ({science.prefix('science')}); * was asked for",
        "   name        version  build  channel",
        "   base-files  1.0      0      channel",
        "*  numpy       1.26     0      channel",
        "*  tool        1.0      0      channel",
    ]


def test_what_another_conda_tool_did_since_is_marked(science: Envmgr, channel: LocalChannel) -> None:
    science.ok("create", "-n", "other", "-c", channel.url, "greet", "-q")
    meta = science.prefix("science") / "conda-meta"
    (added,) = (science.prefix("other") / "conda-meta").glob("greet-*.json")
    (meta / added.name).write_bytes(added.read_bytes())
    (meta / "broken-1-0.json").write_text("{")
    (meta / "numpy-1.26-0.json").unlink()
    head, *rows = science.ok("list", "-n", "science").splitlines()
    assert head.endswith("* was asked for, ! is not in the lock, - is gone")
    assert [row.split()[:2] for row in rows[2:]] == [["!", "greet"], ["-", "numpy"], ["*", "tool"]]
    entries = {entry["name"]: entry for entry in science("list", "-n", "science", "--json").json}
    assert (entries["greet"]["foreign"], entries["numpy"]["missing"]) == (True, True)
    assert "missing" not in entries["tool"]
    assert "greet=1.0=0\n" in science.ok("list", "-n", "science", "--export")


def test_list_json_has_condas_shape(science: Envmgr, channel: LocalChannel) -> None:
    assert science("list", "-n", "science", "--json", "num*").json == [
        {
            "name": "numpy",
            "version": "1.26",
            "build_string": "0",
            "build_number": 0,
            "channel": "channel",
            "platform": "noarch",
            "dist_name": "numpy-1.26-0",
            "base_url": channel.url,
            "requested": True,
        }
    ]


@pytest.mark.parametrize("flags", [(), ("--md5",), ("--sha256",)])
def test_list_explicit_is_the_explicit_file(science: Envmgr, flags: tuple[str, ...]) -> None:
    out = science.ok("list", "-n", "science", "--explicit", *flags)
    assert out == science.ok("export", "-n", "science", "--format", "explicit")
    science.write("explicit.txt", out)
    science.ok("create", "-n", "again", "-f", "explicit.txt", "-q")
    assert science.ok("diff", "science", "again").endswith("the same packages\n")
    urls = science("list", "-n", "science", "--explicit", "--json").json
    assert len(urls) == 3
    assert all("#sha256:" in url for url in urls)


def test_list_export_and_canonical_print_condas_lines(science: Envmgr) -> None:
    out = science.ok("list", "-n", "science", "--export")
    assert "\n# platform: linux-64\n" in out
    assert out.splitlines()[-3:] == [
        "base-files=1.0=0", "numpy=1.26=0", "tool=1.0=0"
    ]  # fmt: skip
    canonical = ["tool-1.0-0", "numpy-1.26-0", "base-files-1.0-0"]
    assert science.ok("list", "-n", "science", "--canonical", "--reverse").splitlines() == canonical
    assert science("list", "-n", "science", "-c", "--json", "-f", "numpy").json == ["numpy-1.26-0"]


def test_list_revisions_is_the_history_and_condas_shape_with_json(science: Envmgr, channel: LocalChannel) -> None:
    assert science.ok("list", "-n", "science", "--revisions") == science.ok("history", "-n", "science")
    science.ok("create", "-n", "science", "-c", channel.url, "tool=2", "--yes", "-q")
    first, second = science("list", "-n", "science", "--revisions", "--json").json
    at = f"{channel.url}/noarch::"
    assert (first["rev"], first["install"][-1], first["remove"]) == (1, f"{at}tool-1.0-0", [])
    assert second["remove"] == [f"{at}numpy-1.26-0"]
    assert (second["upgrade"], second["downgrade"]) == ([{"old": f"{at}tool-1.0-0", "new": f"{at}tool-2.0-0"}], [])
    done = science("list", "-n", "science", "--revisions", "--explicit")
    assert (done.code, "leave one of them out" in done.err) == (2, True)


def test_patterns_choose(science: Envmgr) -> None:
    assert [line.split()[1] for line in science.ok("list", "-n", "science", "*o*", "-q").splitlines()[1:]] == ["tool"]
    done = science("list", "-n", "science", "nothing")
    assert (done.code, done.err) == (0, "no package is named nothing\n")
    assert science("list", "-n", "science", "nothing", "--json").json == []


def test_the_active_environment_is_the_default(science: Envmgr) -> None:
    active = {"CONDA_PREFIX": str(science.prefix("science"))}
    assert "packages in science" in science.ok("list", **active)
    done = science("list")
    assert done.code == 1
    assert "none is active; these exist: science" in done.err


def test_environments_of_other_tools_are_listed(envmgr: Envmgr) -> None:
    prefix = make_prefix(envmgr.directory / "theirs")
    done = envmgr("list", "-p", "theirs")
    assert (done.out, done.err) == (f"# packages in {prefix}; * was asked for\n", "no packages\n")
    assert envmgr("list", "-p", "theirs", "--json").json == []


def test_names_of_strangers_do_not_steer_the_terminal(envmgr: Envmgr) -> None:
    prefix = make_prefix(envmgr.directory / "theirs")
    record = '{"name": "a\\u001b[2J", "version": "1", "build": "0", "url": "https://me:secret@h/c/noarch/a-1-0.conda"}'
    (prefix / "conda-meta/a-1-0.json").write_text(record)
    done = envmgr("list", "-p", "theirs")
    assert "a?[2J" in done.out
    assert "\x1b" not in done.out
    assert "secret" not in done.out + envmgr("list", "-p", "theirs", "--json").out


@pytest.mark.parametrize("arguments", [["-n", "sciense"], ["-p", "nowhere"], ["-n", "science", "-p", "x"]])
def test_what_is_not_there_is_one_error(science: Envmgr, arguments: list[str]) -> None:
    done = science("list", *arguments)
    assert done.code in (1, 2)
    assert done.out == ""
    assert "\nhint: " in done.err
    assert science("list", *arguments, "--json").json["success"] is False
