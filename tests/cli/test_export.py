from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file


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
