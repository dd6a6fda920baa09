"""Changes of an environment that exists, as a user makes them: what is asked for, what moves, and what stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries, environment_file
from builders.environments import asked, ended, generation, packages
from builders.packages import Package
from envmgr.leases import lease
from envmgr.settings import Settings
from envmgr.store import layout

MakeChannel = Callable[..., LocalChannel]


def test_install_adds_and_everything_else_stays(science: Envmgr) -> None:
    out = science.ok("install", "-n", "science", "numpy")
    assert out.splitlines()[0].startswith("science: 1 new (4 packages in all; ")
    assert packages(science) == {"base-files": "1.0", "greet": "1.0", "numpy": "1.26", "tool": "1.0"}
    assert asked(science) == ["tool=1", "greet", "numpy"]
    assert generation(science) == 2


def test_two_changes_at_once_are_both_made(science: Envmgr) -> None:
    location = layout.named(Settings.load(science.environ), "science")
    with lease(location.lease, purpose="changing science"):
        processes = [science.start("install", "-n", "science", spec) for spec in ("base-files", "numpy")]
        for process in processes:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("waiting for ")
    for process in processes:
        with process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (out, err)
    assert sorted(asked(science)) == ["base-files", "greet", "numpy", "tool=1"]


def test_what_is_there_already_makes_no_generation(science: Envmgr) -> None:
    before = entries(science.root)
    assert science.ok("install", "-n", "science", "greet", "tool=1").startswith("science is up to date")
    assert entries(science.root) == before


def test_a_new_spec_takes_the_place_of_the_old_and_says_so(science: Envmgr) -> None:
    done = science("install", "-n", "science", "tool>=2")
    assert ended(done) == (0, "`tool>=2` replaces `tool=1`")
    assert "tool  1.0 → 2.0" in done.out
    assert asked(science) == ["tool>=2", "greet"]
    assert science.process("run", "-n", "science", "tool").out == "tool 2.0\n"


def test_a_wider_spec_moves_nothing(science: Envmgr) -> None:
    assert ended(science("install", "-n", "science", "tool")) == (0, "`tool` replaces `tool=1`")
    assert packages(science)["tool"] == "1.0"
    assert asked(science) == ["tool", "greet"]


def test_what_was_pulled_in_and_is_asked_for_outlives_what_pulled_it_in(science: Envmgr) -> None:
    assert "the same packages" in science.ok("install", "-n", "science", "base-files")
    science.ok("remove", "-n", "science", "tool")
    assert packages(science) == {"base-files": "1.0", "greet": "1.0"}


def test_remove_takes_with_it_what_only_it_needed(science: Envmgr) -> None:
    out = science.ok("remove", "-n", "science", "tool")
    assert out.splitlines()[0] == "science: 2 removed (1 package in all)"
    assert packages(science) == {"greet": "1.0"}
    assert asked(science) == ["greet"]
    science.ok("remove", "-n", "science", "greet")
    assert packages(science) == {}


def test_what_something_else_needs_stays_and_is_named(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "base-files", "-q")
    assert ended(science("remove", "-n", "science", "base-files")) == (0, "base-files stays: needed by tool")
    assert packages(science)["base-files"] == "1.0"
    assert asked(science) == ["tool=1", "greet"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["base-files"], "base-files was not asked for in science: tool needs it\n\n"
                         "hint: envmgr remove -n science tool"),
        (["gret"], "`gret` is not in science; did you mean `greet`?"),
        (["greet", "xyzzy"], "`xyzzy` is not in science\n\n"
                             "hint: what was asked for, and can be removed: greet, tool"),
    ],
)  # fmt: skip
def test_only_what_was_asked_for_can_be_removed(science: Envmgr, names: list[str], said: str) -> None:
    assert ended(science("remove", "-n", "science", *names)) == (1, f"error: {said}")
    assert science("remove", "-n", "science", *names, "--json").json["error"] == "PackagesNotFound"
    assert generation(science) == 1


def test_json_is_that_of_create(science: Envmgr) -> None:
    installed = science("install", "-n", "science", "tool=2", "numpy", "--json").json
    assert (installed["success"], installed["up_to_date"], installed["dry_run"]) == (True, False, False)
    assert [entry["dist_name"] for entry in installed["actions"]["LINK"]] == ["numpy-1.26-0", "tool-2.0-0"]
    assert [entry["dist_name"] for entry in installed["actions"]["UNLINK"]] == ["tool-1.0-0"]
    removed = science("remove", "-n", "science", "tool", "--json", "--dry-run").json
    assert [entry["name"] for entry in removed["actions"]["UNLINK"]] == ["base-files", "tool"]
    assert removed["dry_run"]
    assert packages(science)["tool"] == "2.0"


def test_dry_run_changes_neither_environment_nor_file(science: Envmgr) -> None:
    before = entries(science.root), (science.directory / "environment.yml").read_bytes()
    out = science.ok("install", "numpy", "--save", "-f", "environment.yml", "--dry-run")
    assert out.endswith("dry run: would be edited: environment.yml\n")
    science.ok("update", "-n", "science", "--all", "--dry-run")
    assert (entries(science.root), (science.directory / "environment.yml").read_bytes()) == before


def test_a_channel_is_added_behind_the_others_and_remembered(
    science: Envmgr, channel: LocalChannel, make_channel: MakeChannel
) -> None:
    lab = make_channel("lab").add(
        Package(name="probe", files={}), Package(name="tool", version="9", files={}), Package(name="late", files={})
    )
    science.ok("install", "-n", "science", "-c", lab.url, "probe", "tool>=1", "-q")
    assert packages(science)["tool"] == "1.0"
    science.ok("install", "-n", "science", "late")
    science.ok("install", "-n", "science", f"{lab.url}::tool", "-q")
    assert packages(science)["tool"] == "9"
    assert channel.url in science.ok("export", "-n", "science")


def test_override_channels_is_remembered(science: Envmgr, channel: LocalChannel, make_channel: MakeChannel) -> None:
    lab = make_channel("lab").add(Package(name="probe", files={}))
    done = science("install", "-n", "science", "-c", lab.url, "--override-channels", "probe")
    assert done.code == 1
    assert "`tool=1` (asked for in science)" in done.err or "asked for in science: `tool=1`" in done.err
    for name in ("tool", "greet"):
        science.ok("remove", "-n", "science", name, "-q")
    science.ok("install", "-n", "science", "-c", lab.url, "--override-channels", "probe", "-q")
    assert channel.url not in science.ok("export", "-n", "science")
    assert science("install", "-n", "science", "--override-channels", "probe").code == 2


def test_channels_mean_the_same_from_another_directory(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    envmgr.write("channels.yaml", f"channels:\n  lab: {channel.url}\n")
    (envmgr.directory / "beside").symlink_to(channel.directory)
    envmgr.ok("create", "-n", "named", "-c", "lab", "tool=1", "-q")
    envmgr.ok("create", "-n", "relative", "-c", "./beside", "tool=1", "-q")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    envmgr.directory = elsewhere
    for name in ("named", "relative"):
        for spec in ("greet", "numpy"):
            envmgr.ok("install", "-n", name, spec, "--offline", "-q")
        assert packages(envmgr, name) == {"base-files": "1.0", "greet": "1.0", "numpy": "1.26", "tool": "1.0"}
    envmgr.directory = tmp_path / "work"
    envmgr.ok("install", "-n", "relative", "-c", "./beside", "old-only", "-q")


def test_names_of_channels_stay_names(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("channels.yaml", f"channels:\n  lab: {channel.url}\n")
    (envmgr.directory / "beside").symlink_to(channel.directory)
    envmgr.ok("create", "-n", "x", "-c", "lab", "-c", "./beside", "tool", "-q")
    envmgr.ok("install", "-n", "x", "greet", "-q")
    assert "channels:\n  - lab\n  - ./beside\n" in envmgr.ok("export", "-n", "x")


def test_an_environment_for_another_platform_stays_one(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="native", subdir="osx-arm64", files={}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "--platform", "osx-arm64", "tool", "-q")
    document = envmgr("install", "-n", "x", "native", "--json").json
    assert [entry["platform"] for entry in document["actions"]["LINK"]] == ["osx-arm64"]


def test_a_machine_that_lacks_the_driver_solves_for_the_one_before(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="net", build="cuda", build_number=1, depends=["__cuda >=12"], files={}))
    channel.add(Package(name="net", build="cpu", files={}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "--virtual-package", "__cuda=12.8", "net", "-q")
    done = envmgr("install", "-n", "x", "greet")
    assert ended(done) == (0, "solved as before for a machine with __cuda=12.8, which this one lacks")
    assert "net" not in done.out
    done = envmgr("install", "-n", "x", "numpy", CONDA_OVERRIDE_CUDA="")
    assert ended(done) == (0, "")
    assert "cuda → cpu" in done.out


def test_variables_stay(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", more="variables:\n  COLOUR: red\n"))
    envmgr.ok("create", "-f", "environment.yml", "-q")
    envmgr.ok("install", "-n", "science", "greet", "-q")
    assert envmgr.process("run", "-n", "science", "sh", "-c", "echo $COLOUR").out == "red\n"


def test_the_active_environment_is_meant_where_none_is_named(science: Envmgr) -> None:
    assert science("install", "numpy").code == 1
    science.ok("install", "numpy", "-q", CONDA_PREFIX=str(science.prefix("science")))
    assert "numpy" in packages(science)


def test_an_environment_of_another_tool_is_left_alone(envmgr: Envmgr, channel: LocalChannel) -> None:
    theirs = envmgr.directory / "theirs"
    (theirs / "conda-meta").mkdir(parents=True)
    (theirs / "conda-meta/history").touch()
    for line in (("install", "tool"), ("remove", "tool"), ("update", "--all")):
        done = envmgr(line[0], "-p", "theirs", line[1])
        assert done.code == 1
        assert "is an environment that another tool made" in done.err
        assert f"envmgr adopt -p {theirs}" in done.err
    assert entries(theirs).keys() == {"conda-meta/history"}


def test_a_lost_or_damaged_lock_is_one_error(science: Envmgr) -> None:
    lock = science.prefix("science") / "conda-meta/envmgr/environment.conda-lock.yml"
    lock.write_text("{")
    assert science("install", "-n", "science", "numpy", "--json").json["error"] == "LockError"
    lock.unlink()
    done = science("install", "-n", "science", "numpy")
    assert done.code == 1
    assert "hint: envmgr create -n science -f environment.yml" in done.err


def test_frozen_environments_are_changed_only_when_told(science: Envmgr) -> None:
    (science.prefix("science") / "conda-meta/frozen").write_text('{"message": "ask Ada"}')
    for line in (("install", "numpy"), ("remove", "greet"), ("update", "--all")):
        done = science(line[0], "-n", "science", line[1])
        assert done.code == 1
        assert "ask Ada" in done.err
    science.ok("install", "-n", "science", "numpy", "--override-frozen", "-q")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "expects at least one package"),
        ([""], 1, "a match spec is empty"),
        (["--pip", ""], 2, "nothing to install is named"),
        (["environment.yml"], 1, "is a file, not a package"),
        (["numpy", "-n", "science", "-p", "x"], 2, "give one of them"),
        (["numpy", "--override-channels", "--save", "-c", "lab", "-f", "environment.yml"], 2, "cannot be saved"),
    ],
)
def test_wrong_uses_of_install(science: Envmgr, arguments: list[str], code: int, said: str) -> None:
    done = science("install", *([] if "-n" in arguments else ["-n", "science"]), *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert generation(science) == 1


def test_foreign_files_are_named(science: Envmgr) -> None:
    (science.prefix("science") / "share/mine.txt").write_text("mine")
    done = science("install", "-n", "science", "numpy")
    assert done.code == 0
    assert "share/mine.txt" in done.err


def test_a_clash_says_what_was_asked_for_before(science: Envmgr) -> None:
    document = science("install", "-n", "science", "old-only", "tool=2", "--json").json
    assert (document["error"], document["success"]) == ("Unsatisfiable", False)
    science.ok("install", "-n", "science", "tool=1.0", "-q", "--dry-run")
    channel_less = science("install", "-n", "science", "too-new")
    assert channel_less.code == 1
    assert generation(science) == 1


def test_a_terminal_is_asked(science: Envmgr) -> None:
    pty = pytest.importorskip("pty")
    for answer, code, number in (("n\n", 1, 1), ("y\n", 0, 2)):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        done = subprocess.run(
            [*PROGRAM, "install", "numpy", "--save", "-f", "environment.yml"],
            cwd=science.directory, env=science.environ, stdin=theirs, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        assert done.returncode == code, done
        assert "change science?" in done.stderr
        assert generation(science) == number
        assert ("numpy" in (science.directory / "environment.yml").read_text()) == (code == 0)


def test_a_file_adds_what_it_asks_for(science: Envmgr, make_channel: MakeChannel) -> None:
    lab = make_channel("lab").add(Package(name="probe", files={}))
    science.write("more.txt", "# platform: linux-64\nnumpy=1.26\n")
    science.write("more.yml", environment_file(lab, "probe", name="other"))
    science.ok("install", "-n", "science", "--file", "more.txt", "--file", "more.yml", "-q")
    assert set(packages(science)) == {"base-files", "greet", "numpy", "probe", "tool"}
    assert asked(science) == [lab.url, "tool=1", "greet", "numpy=1.26", f"{lab.url}::probe"]
    assert "science is up to date" in science.ok("install", "-n", "science", "-f", "more.txt")
    science.write("lock.txt", "@EXPLICIT\n")
    science.write("options.txt", "--no-index\nrich\n")
    for name, said in (
        ("lock.txt", "envmgr create -n NAME -f lock.txt"),
        ("options.txt", "is for a pip half as a whole"),
    ):
        done = science("install", "-n", "science", "-f", name)
        assert (done.code != 0, said in done.err) == (True, True), done
    assert science("install", "-n", "science", "-f", "absent.txt").code == 1
    assert science("install", "numpy", "--save", "-f", "a.yml", "-f", "b.yml").code == 2


def test_what_is_named_twice_is_asked_for_once(science: Envmgr) -> None:
    done = science("install", "-n", "science", "greet", "greet", "numpy", "numpy", "-q")
    assert (done.code, done.err) == (0, "")
    assert asked(science) == ["tool=1", "greet", "numpy"]
