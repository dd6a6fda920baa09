from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.packages import Package


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet", more="variables:\n  A: 'no'\n"))
    envmgr.ok("create", "-f", "environment.yml", "-q")
    return envmgr


def test_export_is_what_was_asked_for(science: Envmgr, channel: LocalChannel) -> None:
    assert science.ok("export", "-n", "science") == (
        f'name: science\nchannels:\n  - {channel.url}\ndependencies:\n  - tool=1\n  - greet\nvariables:\n  A: "no"\n'
    )
    assert science("export", "-n", "science", "--json").json == {
        "name": "science",
        "channels": [channel.url],
        "dependencies": ["tool=1", "greet"],
        "variables": {"A": "no"},
    }


def test_condas_flags_are_understood(science: Envmgr) -> None:
    plain = science.ok("export", "-n", "science")
    assert science.ok("export", "-n", "science", "--from-history", "--no-builds", "--format", "environment") == plain
    assert "channels" not in science.ok("export", "-n", "science", "--ignore-channels")


def test_export_to_a_file(science: Envmgr) -> None:
    assert science.ok("export", "-n", "science", "-f", "out.yml") == ""
    assert (science.directory / "out.yml").read_text() == science.ok("export", "-n", "science")
    done = science("export", "-n", "science", "-f", "nowhere/out.yml", "--json")
    assert (done.code, done.json["success"]) == (1, False)
    assert "nowhere/out.yml" in done.json["message"]


@pytest.mark.parametrize(("path", "name"), [("project", "name: project\n"), ("my project", ""), (".hidden", "")])
def test_an_environment_at_a_path_gets_a_name_that_can_be_one(
    envmgr: Envmgr, channel: LocalChannel, path: str, name: str
) -> None:
    envmgr.ok("create", "-p", path, "-c", channel.url, "tool", "-q")
    assert envmgr.ok("export", "-p", path) == f"{name}channels:\n  - {channel.url}\ndependencies:\n  - tool\n"


def test_credentials_are_not_exported(envmgr: Envmgr) -> None:
    envmgr.ok("create", "-n", "x", "-c", "https://me:secret@conda.invalid/t/TOKEN/lab", "-q")
    exported = envmgr.ok("export", "-n", "x") + envmgr("export", "-n", "x", "--json").out
    assert "conda.invalid/lab" in exported
    for written in [exported, *(path.read_text() for path in envmgr.prefix("x").rglob("*") if path.is_file())]:
        assert "secret" not in written
        assert "TOKEN" not in written


def test_pinned_has_every_package_by_version_and_build_and_reads_back(science: Envmgr, channel: LocalChannel) -> None:
    pinned = science.ok("export", "-n", "science", "--format", "pinned")
    assert yaml.safe_load(pinned)["dependencies"] == ["base-files=1.0=0", "greet=1.0=0", "tool=1.0=0"]
    assert science.ok("export", "-n", "science", "--format", "environment-yaml") == pinned
    assert yaml.safe_load(science.ok("export", "-n", "science", "--no-builds"))["dependencies"] == [
        "base-files=1.0", "greet=1.0", "tool=1.0",
    ]  # fmt: skip
    science.write("pinned.yml", pinned)
    science.ok("create", "-n", "again", "-f", "pinned.yml", "-q")
    assert science.ok("diff", "science", "again") == "science → again: the same packages\n"


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("conda-lock.yml", "conda-lock"),
        ("x.conda-lock.yaml", "conda-lock"),
        ("pixi.lock", "pixi-lock"),
        ("explicit.txt", "explicit"),
        ("lab-explicit.lock", "explicit"),
    ],
)
def test_lock_formats_are_told_by_the_files_name_and_give_an_equal_environment(
    science: Envmgr, file: str, form: str
) -> None:
    assert science.ok("export", "-n", "science", "-f", file) == ""
    assert (science.directory / file).read_text() == science.ok("export", "-n", "science", "--format", form)
    science.ok("create", "-n", "again", "-f", file, "-q")
    assert science.ok("diff", "science", "again") == "science → again: the same packages\n"
    assert science("diff", "science", file, "--json").json == {"added": [], "removed": [], "changed": []}


def test_lock_files_are_converted_without_an_environment(science: Envmgr) -> None:
    science.ok("export", "-n", "science", "-f", "pixi.lock")
    explicit = science.ok("export", "pixi.lock", "--format", "explicit")
    assert explicit == science.ok("export", "-n", "science", "--format", "explicit")
    assert [line.partition("#")[0].rpartition("/")[2] for line in explicit.splitlines()[4:]] == [
        "base-files-1.0-0.conda", "greet-1.0-0.conda", "tool-1.0-0.conda",
    ]  # fmt: skip
    assert yaml.safe_load(science.ok("export", "pixi.lock"))["dependencies"] == ["greet", "tool"]


def test_json_is_condas_shape_with_every_package_in_full(science: Envmgr, channel: LocalChannel) -> None:
    document = science("export", "-n", "science", "--format", "json").json
    assert (document["name"], document["channels"]) == ("science", [channel.url])
    assert document["dependencies"] == ["base-files=1.0=0", "greet=1.0=0", "tool=1.0=0"]
    assert document["packages"][2]["sha256"] == channel.records["noarch"]["tool-1.0-0.conda"]["sha256"]
    done = science("export", "-n", "science", "-f", "out.json", "--json")
    assert done.json == {"success": True, "file": "out.json", "format": "json"}
    assert json.loads((science.directory / "out.json").read_text()) == document


def test_other_platforms_are_locked_for_and_several_in_one_file(science: Envmgr, channel: LocalChannel) -> None:
    done = science("export", "-n", "science", "-f", "pixi.lock", "--platform", "osx-arm64", "--platform", "win-64")
    assert done.code == 0, done.err
    document = yaml.safe_load((science.directory / "pixi.lock").read_text())
    assert list(document["environments"]["default"]["packages"]) == ["osx-arm64", "win-64"]
    assert "# platform: osx-64" in science.ok("export", "-n", "science", "--format", "explicit", "--platform", "osx-64")
    done = science("export", "-n", "science", "--format", "explicit", "--platform", "osx-64", "--platform", "win-64")
    assert (done.code, "the format explicit holds one platform" in done.err) == (2, True)


def test_channel_of_a_package_is_written_where_it_is_not_the_first(
    envmgr: Envmgr, channel: LocalChannel, make_channel: Callable[[str], LocalChannel]
) -> None:
    second = make_channel("second").add(Package(name="rare", depends=["common"]), Package(name="common"))
    envmgr.ok("create", "-n", "two", "-c", channel.url, "-c", second.url, "rare", "tool", "-q")
    exported = yaml.safe_load(envmgr.ok("export", "-n", "two"))
    assert exported["dependencies"] == [f"{second.url}::rare", "tool"]
    pinned = yaml.safe_load(envmgr.ok("export", "-n", "two", "--format", "pinned"))
    assert f"{second.url}::common=1.0=0" in pinned["dependencies"]
    bare = yaml.safe_load(envmgr.ok("export", "-n", "two", "--ignore-channels"))
    assert bare == {"name": "two", "dependencies": ["rare", "tool"]}
    forced = yaml.safe_load(envmgr.ok("export", "-n", "two", "-c", second.url, "--override-channels"))
    assert forced == {"name": "two", "channels": [second.url], "dependencies": ["rare", f"{channel.url}::tool"]}
    envmgr.write("two.yml", envmgr.ok("export", "-n", "two"))
    envmgr.ok("create", "-n", "again", "-f", "two.yml", "-q")
    assert envmgr.ok("diff", "two", "again") == "two → again: the same packages\n"


def test_what_is_exported_is_named_once_and_exists(science: Envmgr) -> None:
    done = science("export", "-n", "science", "pixi.lock")
    assert (done.code, "both name what to export" in done.err) == (2, True)
    assert science("export", "gone.lock").code == 1
    done = science("export", "-n", "science", "--override-channels")
    assert (done.code, "leaves no channel" in done.err) == (2, True)


def test_a_format_that_is_text_is_one_json_object_where_that_is_asked_for(science: Envmgr) -> None:
    document = science("export", "-n", "science", "--format", "explicit", "--json").json
    assert (document["success"], document["format"]) == (True, "explicit")
    assert document["text"] == science.ok("export", "-n", "science", "--format", "explicit")
