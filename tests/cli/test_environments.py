from __future__ import annotations

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.prefixes import make_prefix


def test_env_list_names_those_of_the_store_and_those_at_paths(envmgr: Envmgr, channel: LocalChannel) -> None:
    assert envmgr.ok("env", "list").startswith("there are no environments yet; make one with: envmgr create")
    envmgr.ok("create", "-n", "science", "-q")
    envmgr.ok("create", "-p", "here", "-q")
    here, science = envmgr.directory / "here", envmgr.prefix("science")
    assert envmgr.ok("env", "list", CONDA_PREFIX=str(science)).splitlines() == [
        "# name      prefix",
        f"science  *  {science}",
        f"            {here}",
    ]
    document = envmgr("env", "list", "--json").json
    assert document["envs"] == [str(science), str(here)]
    described = document["environments"][str(science)]
    assert described.keys() == {"name", "active", "base", "frozen", "writable", "generation", "created"}
    assert (described["name"], described["generation"], described["active"]) == ("science", 1, False)
    assert document["environments"][str(here)]["name"] is None


def test_environments_of_other_tools_are_listed_and_vanished_ones_are_not(envmgr: Envmgr) -> None:
    theirs = make_prefix(envmgr.directory / "theirs")
    registry = envmgr.directory.parent / "home/.conda/environments.txt"
    registry.parent.mkdir()
    registry.write_text(f"{theirs}\n/nowhere/gone\nnonsense\n")
    document = envmgr("env", "list", "--json").json
    assert document["envs"] == [str(theirs)]
    assert document["environments"][str(theirs)]["generation"] is None


def test_a_damaged_record_of_one_environment_does_not_hide_the_others(envmgr: Envmgr) -> None:
    envmgr.ok("create", "-n", "broken", "-q")
    envmgr.ok("create", "-n", "whole", "-q")
    (envmgr.prefix("broken") / "conda-meta/envmgr/generation.json").write_text("{")
    assert len(envmgr("env", "list", "--json").json["envs"]) == 2
    assert "whole" in envmgr.ok("info", "--envs")


def test_condas_spellings(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("env", "create", "-n", "x", "-c", channel.url, "tool", "-q")
    assert "  - tool\n" in envmgr.ok("env", "export", "-n", "x")
    envmgr.ok("env", "remove", "-n", "x", "-y")
    done = envmgr("env", "updat")
    assert (done.code, done.err) == (
        2,
        "error: envmgr env has no command `updat`\n\nhint: did you mean `envmgr env update`?\n",
    )


def test_env_create_and_env_update_take_the_file_of_the_directory(envmgr: Envmgr, channel: LocalChannel) -> None:
    for command in ("create", "update"):
        done = envmgr("env", command, "-n", "x")
        assert (done.code, done.err) == (
            2,
            "error: no file is named, and there is no environment.yml in this directory\n\n"
            f"hint: envmgr env {command} -f FILE\n",
        )
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("env", "create", "-n", "x", "-q")
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    envmgr.ok("env", "update", "-n", "x", "--prune", "-q")
    versions = {each["name"]: each["version"] for each in envmgr("list", "-n", "x", "--json").json}
    assert versions["tool"] == "2.0"
    assert "fits environment.yml" in envmgr.ok("lock", "--check")
    # `create` itself makes what conda's does: an empty environment.
    assert "empty" in envmgr.ok("create", "-n", "y")
