from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

JULY = 1_593_561_600_000  # 2020-07-01


@pytest.fixture
def channel(channel: LocalChannel) -> LocalChannel:
    channel.add(Package(name="tool", version="2.0", build="other_1", build_number=1, subdir="linux-64"), timestamp=JULY)
    channel.add(Package(name="tool", version="10.0", depends=["base-files >=1", "python 3.12.*"]), timestamp=JULY)
    return channel.add(Package(name="python", version="3.12.1"), Package(name="python", version="3.13.0"))


def test_versions_are_shown_newest_first_with_channel_date_and_size(envmgr: Envmgr, channel: LocalChannel) -> None:
    lines = [
        line.split() for line in envmgr.ok("search", "tool", "-c", channel.url, "--override-channels").splitlines()
    ]
    assert lines[0] == ["#", "name", "version", "channel", "builds", "built", "size"]
    assert [line[1] for line in lines[1:]] == ["10.0", "2.0", "1.0"]
    assert lines[1][3:6] == ["1", "build", "2020-07-01"]
    assert lines[2][3:5] == ["2", "builds"]


def test_a_spec_chooses_and_verbose_shows_builds(envmgr: Envmgr, channel: LocalChannel) -> None:
    where = ("-c", channel.url, "--override-channels")
    out = envmgr.ok("search", "tool>=1.5,<3", *where, "-v").splitlines()
    assert [line.split()[1:3] for line in out[1:]] == [["2.0", "other_1"], ["2.0", "0"]]
    assert envmgr("search", "tool=*=other*", *where, "--json").json["tool"][0]["build"] == "other_1"
    assert "  depends:  python 3.12.*" in envmgr.ok("search", "tool=10", *where, "--info").splitlines()


def test_a_glob_finds_names(envmgr: Envmgr, channel: LocalChannel) -> None:
    found = envmgr("search", "*o*l*", "-c", channel.url, "--override-channels", "--json").json
    assert list(found) == ["old-only", "tool"]
    assert [each["version"] for each in found["tool"]] == ["1.0", "2.0", "2.0", "10.0"]  # conda's order
    assert {"name", "version", "build", "build_number", "channel", "subdir", "fn", "url", "sha256", "md5", "size",
            "timestamp", "depends", "constrains"} <= found["tool"][0].keys()  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("tol", "has no package `tol` for linux-64", "did you mean `tool`?"),
        ("tool>=11", "no tool matches `tool>=11`", "envmgr search tool"),
        ("zzz*", "has no package `zzz*`", "name other channels with -c"),
        ("tool >>1", "is not a match spec", ""),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest(
    envmgr: Envmgr, channel: LocalChannel, spec: str, message: str, hint: str
) -> None:
    done = envmgr("search", spec, "-c", channel.url, "--override-channels")
    assert (done.code, message in done.err, hint in done.err) == (1, True, True)


def test_why_not_says_what_keeps_the_newest_out_and_changes_nothing(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "python=3.13", "-q")
    said = envmgr("search", "tool", "-n", "science", "--why-not")
    assert said.code == 0
    assert said.out.startswith("tool 10.0 (channel) does not fit into the environment:")
    assert "python" in said.out
    document = envmgr("search", "tool", "-n", "science", "--why-not", "--json").json
    assert (document["version"], document["fits"]) == ("10.0", False)
    assert any("python" in conflict["spec"] for conflict in document["details"]["conflicts"])
    assert "nothing keeps tool 2.0 (channel) out" in envmgr.ok("search", "tool=2", "-n", "science", "--why-not")
    assert (
        envmgr.ok("search", "tool=1", "-n", "science", "--why-not")
        == "tool 1.0 (channel) is what the environment has\n"
    )
    assert len(envmgr("history", "-n", "science", "--json").json["generations"]) == 1


def test_a_channel_that_cannot_be_read_hides_nothing_that_others_have(envmgr: Envmgr, channel: LocalChannel) -> None:
    gone = LocalChannel(envmgr.directory.parent / "gone").add(Package(name="gone-too"))
    (gone.directory / "noarch/repodata.json").write_text("{")
    where = ("-c", gone.url, "-c", channel.url, "--override-channels")
    done = envmgr("search", "tool=10", *where)
    assert (done.code, "10.0" in done.out, done.err.count("warning: not everything was searched: ")) == (0, True, 1)
    assert "tool" in envmgr("search", "*ool", *where, "--json").json
    for spec in ("gone-too", "tool=99"):  # the one that cannot be read may have it
        done = envmgr("search", spec, *where)
        assert (done.code, gone.url in done.err) == (1, True), done
