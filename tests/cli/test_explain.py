"""What a user who asked for too much is told, and what happens when they paste it."""

from __future__ import annotations

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.packages import Package
from builders.servers import FileServer


def test_the_first_edit_of_a_clash_makes_the_file_solvable(envmgr: Envmgr, channel: LocalChannel) -> None:
    text = environment_file(channel, "tool=2", "greet", "old-only")
    envmgr.write("environment.yml", text)
    document = envmgr("create", "-f", "environment.yml", "--json").json
    edit = document["details"]["edits"][0]
    assert (edit["remove"], edit["add"], edit["flags"]) == (["tool=2"], ["tool=1.0"], [])
    assert "`- tool=1.0` instead of `- tool=2`" in document["hint"]
    envmgr.write("environment.yml", text.replace("- tool=2", "- tool=1.0"))
    envmgr.ok("create", "-f", "environment.yml", "--dry-run")


def test_a_flag_that_is_offered_can_be_pasted(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="fast", depends=["__cuda >=12"]))
    command = ("create", "-n", "x", "--override-channels", "-c", channel.url, "fast", "--dry-run", "--json")
    edit = envmgr(*command).json["details"]["edits"][0]
    assert edit["flags"] == ["--virtual-package", "__cuda=12"]
    assert envmgr(*command, *edit["flags"]).json["success"]


def test_with_no_time_to_explain_nothing_is_tried(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=2", "old-only"))
    command = ("create", "-f", "environment.yml", "--json")
    assert envmgr(*command, "--explain-timeout", "0").json["details"]["edits"] == []
    assert envmgr(*command, ENVMGR_EXPLAIN_TIMEOUT="0").json["details"]["edits"] == []
    assert envmgr(*command, "--explain-timeout", "30", ENVMGR_EXPLAIN_TIMEOUT="0").json["details"]["edits"] != []
    assert "--explain-timeout" in envmgr(*command, "--explain-timeout", "-1").json["message"]


def test_a_pin_of_the_configuration_holds_and_is_named(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    (config := envmgr.directory.parent / "config.yaml").write_text("pinned_packages: [tool 1.*, nothing-else 3]\n")
    done = envmgr.ok("create", "-f", "environment.yml", "--json")
    assert '"version": "1.0"' in done
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    details = envmgr("create", "-f", "environment.yml", "--yes", "--json").json["details"]
    assert {entry["where"] for entry in details["conflicts"]} == {
        "environment.yml:5", f"{config}:1: pinned_packages",
    }  # fmt: skip


def test_what_is_there_moves_when_a_new_pin_forbids_it(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    envmgr.ok("create", "-f", "environment.yml", "--yes", ENVMGR_PINNED_PACKAGES="tool=1.0")
    assert "1.0" in envmgr.ok("list", "-n", "science")


def test_a_channel_of_the_table_that_has_the_package_is_named_and_tried(envmgr: Envmgr, channel: LocalChannel) -> None:
    other = LocalChannel(envmgr.directory.parent / "other").add(Package(name="elsewhere-only", depends=["tool"]))
    envmgr.write("channels.yaml", f"channels:\n  ours: {{url: {other.url}}}\n")
    envmgr.write("environment.yml", environment_file(channel, "tool", "elsewhere-only"))
    done = envmgr("create", "-f", "environment.yml", "--json").json
    assert "the channel ours has it" in done["message"]
    assert done["details"]["edits"] == [{"remove": [], "add": [], "flags": ["-c", "ours"]}]
    envmgr.ok("create", "-f", "environment.yml", "--dry-run", "-c", "ours")


def test_known_channels_that_are_not_in_use_are_named_and_not_asked(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "zzzzqq"))
    done = envmgr("create", "-f", "environment.yml", "--offline")
    assert "not looked at, because it is not in use here: conda-forge, bioconda" in done.err


def test_a_channel_of_the_table_that_is_not_in_use_gets_no_request(envmgr: Envmgr, channel: LocalChannel) -> None:
    other = LocalChannel(envmgr.directory.parent / "other").add(Package(name="elsewhere-only"))
    with FileServer(other.directory) as server:
        envmgr.write("channels.yaml", f"channels:\n  ours: {{url: {server.url}}}\n")
        envmgr.write("environment.yml", environment_file(channel, "elsewhere-only", "tool=2", "old-only"))
        done = envmgr("create", "-f", "environment.yml", "--offline")
        assert "not looked at, because it is not in use here: ours" in done.err
        envmgr.write("environment.yml", environment_file(channel, "tool=2", "old-only"))
        assert "instead of" in envmgr("create", "-f", "environment.yml").err
        assert server.requests == []


def test_a_pin_of_the_environment_holds_is_named_by_its_line_and_stays(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", "greet"))
    envmgr.ok("create", "-f", "environment.yml")
    file = envmgr.prefix("science") / "conda-meta/pinned"
    file.write_text("# for the old driver\ntool 1.*\n")
    done = envmgr("create", "-f", "environment.yml", "--yes")  # the same file, and something to do: the pin is new
    assert done.code == 0, done
    assert "# pinned by conda-meta/pinned: tool 1.*" in (listed := envmgr("list", "-n", "science").out)
    assert "tool        1.0" in listed
    details = envmgr("install", "-n", "science", "tool=2", "--json").json["details"]
    assert {(entry["where"], entry["spec"]) for entry in details["conflicts"]} == {
        ("command line", "tool=2"), (f"{file}:2", "tool 1.*"),
    }  # fmt: skip
    assert details["edits"][0]["remove"] == ["tool=2"]  # what was just typed, before what was decided once
    assert envmgr("update", "-n", "science", "--all", "--yes").code == 0
    assert envmgr("list", "-n", "science", "tool", "--json").json[0]["version"] == "1.0"
    file.write_text("https://u:hunter2@c.example/a::tool\n\x1b[31mred 1\n")
    assert "hunter2" not in (listed := envmgr("list", "-n", "science").out)
    assert "\x1b" not in listed
    file.write_text("tool 1.*\n\nx >>1\nx y z w\n")
    done = envmgr("remove", "-n", "science", "greet")
    assert (done.code, f"{file}:3: " in done.err, f"{file}:4: " in done.err) == (1, True, True)
    assert [pin["where"] for pin in envmgr("info", "--json", CONDA_PREFIX=str(file.parents[1])).json[
        "pinned_packages"]] == [f"{file}:{line}" for line in (1, 3, 4)]  # fmt: skip


def test_an_edit_of_a_change_leaves_something_of_what_was_asked_for(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=2", "-q")
    done = envmgr("install", "-n", "x", "old-only", "--json").json
    assert [(edit["remove"], edit["add"]) for edit in done["details"]["edits"]] == [(["tool=2"], ["tool=1.0"])]
    assert "`tool=1.0` on the command line, in place of `tool=2`, asked for in x" in done["hint"]
    assert envmgr("install", "-n", "x", "old-only", "tool=1.0", "-q").code == 0
