"""Changes of an environment that exists, as a user makes them: what is asked for, what moves, and what stays."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Done, Envmgr, entries, environment_file
from builders.packages import Package
from envmgr.leases import lease
from envmgr.settings import Settings
from envmgr.store import layout

MakeChannel = Callable[..., LocalChannel]


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """A user with an environment `science` of tool=1 (the newest is 2) and greet, made from a file."""
    envmgr.write("environment.yml", environment_file(channel, "tool=1  # as published", "greet"))
    envmgr.ok("create", "-f", "environment.yml", "-q")
    return envmgr


def packages(envmgr: Envmgr, name: str = "science") -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in envmgr("list", "-n", name, "--json").json}


def asked(envmgr: Envmgr, name: str = "science") -> list[str]:
    """Return the lines of what was asked for, as `export` gives them."""
    return [line[4:] for line in envmgr.ok("export", "-n", name).splitlines() if line.startswith("  - ")][1:]


def generation(envmgr: Envmgr, name: str = "science") -> int:
    return int(json.loads((envmgr.prefix(name) / "conda-meta/envmgr/generation.json").read_text())["number"])


def ended(done: Done) -> tuple[int, str]:
    """Return the exit code and what was said on stderr."""
    return done.code, done.err.rstrip("\n")


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
        (["greet", "xyzzy"], "`xyzzy` is not in science"),
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


def test_update_moves_what_is_named_and_what_that_forces(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(*(Package(name=name, version="1", files={}) for name in ("part", "other", "app-base")))
    channel.add(Package(name="app", version="1", depends=["app-base <2", "part"], files={}))
    # `app-base` is asked for too, and locked: it must not hold `app` back.
    envmgr.ok("create", "-n", "x", "-c", channel.url, "app-base", "app", "other", "-q")
    channel.add(*(Package(name=name, version="2", files={}) for name in ("part", "other", "app-base")))
    channel.add(Package(name="app", version="2", depends=["app-base >=2", "part"], files={}))
    for solver in ("rattler", "auto"):
        document = envmgr("update", "-n", "x", "app", "--json", "--dry-run", "--solver", solver).json
        assert [entry["dist_name"] for entry in document["actions"]["LINK"]] == ["app-2-0", "app-base-2-0"]
    envmgr.ok("update", "-n", "x", "part", "-q")
    assert packages(envmgr, "x") == {"app": "1", "app-base": "1", "other": "1", "part": "2"}
    envmgr.ok("upgrade", "-n", "x", "--all", "-q")
    assert packages(envmgr, "x") == {"app": "2", "app-base": "2", "other": "2", "part": "2"}
    assert envmgr.ok("update", "-n", "x", "--all").startswith("x is up to date")


def test_update_stays_within_what_was_asked_for(science: Envmgr) -> None:
    assert science.ok("update", "-n", "science", "tool").startswith("science is up to date")
    assert science.ok("update", "-n", "science", "--all").startswith("science is up to date")
    assert generation(science) == 1


def test_update_keeps_the_minor_version_of_python(envmgr: Envmgr, channel: LocalChannel) -> None:
    for minor in ("3.11", "3.12"):
        channel.add(Package(name="python", version=f"{minor}.1", files={}))
        channel.add(Package(name="array", version="1", build=f"py{minor}", depends=[f"python {minor}.*"], files={}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "python=3.11", "array", "-q")
    envmgr("install", "-n", "x", "python", "-q")
    channel.add(Package(name="python", version="3.11.2", files={}))
    for minor, version in (("3.11", "2"), ("3.12", "2"), ("3.12", "3")):
        channel.add(Package(name="array", version=version, build=f"py{minor}", depends=[f"python {minor}.*"], files={}))
    envmgr.ok("update", "-n", "x", "array", "-q")
    assert packages(envmgr, "x") == {"array": "2", "python": "3.11.1"}
    envmgr.ok("update", "-n", "x", "python", "-q")
    assert packages(envmgr, "x")["python"] == "3.12.1"


def test_update_moves_python_where_its_minor_version_is_no_longer_to_be_had(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    channel.add(Package(name="python", version="3.11.1", files={}))
    channel.add(Package(name="array", version="1", depends=["python"], files={}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "python", "array", "-q")
    channel.records["noarch"].clear()
    channel.add(Package(name="python", version="3.12.1", files={}))
    channel.add(Package(name="array", version="2", depends=["python"], files={}))
    envmgr.ok("update", "-n", "x", "array", "-q")
    assert packages(envmgr, "x")["array"] == "2"


def test_update_never_moves_back(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "greet", "-q")
    del channel.records["noarch"]["tool-2.0-0.conda"]
    channel.index()
    assert envmgr.ok("update", "-n", "x", "tool", "greet").startswith("x is up to date")
    assert packages(envmgr, "x")["tool"] == "2.0"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-n", "science"], 2, "`update` expects packages, --all, or a file"),
        (["-n", "science", "tool", "--all"], 2, "expects packages or --all, found both"),
        (["-n", "science", "tool=2"], 2, "hint: envmgr install -n science 'tool=2'"),
        (["-n", "science", "numpy"], 1, "hint: to add it: envmgr install -n science numpy"),
        (["-n", "sciense", "--all"], 1, "hint: did you mean -n science?"),
    ],
)
def test_wrong_uses_of_update(science: Envmgr, arguments: list[str], code: int, said: str) -> None:
    done = science("update", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert generation(science) == 1


def test_update_from_a_file_is_create_for_what_exists(science: Envmgr, channel: LocalChannel) -> None:
    assert "is up to date" in science.ok("update", "-f", "environment.yml")
    science.write("environment.yml", environment_file(channel, "tool"))
    assert "1 removed" in science.ok("update", "-f", "environment.yml")
    assert packages(science)["tool"] == "1.0"
    assert "tool  1.0 → 2.0" in science.ok("env", "update", "-f", "environment.yml", "--prune", "--all")
    science.write("other.yml", environment_file(channel, "tool", name="other"))
    done = science("update", "-f", "other.yml")
    assert done.code == 1
    assert "no environment is named `other`" in done.err
    assert not science.prefix("other").exists()


def test_the_lock_beside_the_file_follows_an_update_and_a_save(science: Envmgr, channel: LocalChannel) -> None:
    lock = science.directory / "environment.conda-lock.yml"
    science.write("environment.yml", environment_file(channel, "tool", "greet"))
    science.ok("create", "-f", "environment.yml", "-q")
    assert "tool-1.0" in lock.read_text()
    assert "lock written to " in science.ok("update", "-f", "environment.yml", "tool")
    assert "tool-2.0" in lock.read_text()
    assert "is up to date" in science.ok("create", "-f", "environment.yml")
    assert "numpy" in science.ok("install", "-n", "science", "numpy", "--save")
    assert "numpy" in lock.read_text()
    assert "is up to date" in science.ok("create", "-f", "environment.yml", "--locked")
    before = lock.read_bytes()
    science.ok("remove", "-n", "science", "greet", "-q")
    assert lock.read_bytes() == before


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
        (["numpy", "-f", "environment.yml"], 2, "hint: add --save"),
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


def test_save_edits_the_file_and_both_agree(science: Envmgr) -> None:
    before = (science.directory / "environment.yml").read_text()
    out = science.ok("install", "-n", "science", "numpy", "--save")
    assert out.endswith("edited: environment.yml\n")
    assert (science.directory / "environment.yml").read_text() == before + "  - numpy\n"
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")
    science("install", "tool=2", "--save", "-f", "./environment.yml")
    text = (science.directory / "environment.yml").read_text()
    assert text == before.replace("tool=1 ", "tool=2 ") + "  - numpy\n"
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")
    science.ok("remove", "-n", "science", "greet", "numpy", "--save")
    assert (science.directory / "environment.yml").read_text() == before.replace("tool=1 ", "tool=2 ").replace(
        "  - greet\n", ""
    )
    document = science("create", "-f", "environment.yml", "--json").json
    assert document["up_to_date"]


def test_what_was_not_saved_before_is_named(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    done = science("install", "-n", "science", "tool=2", "--save", "--json")
    assert done.json["saved"] == "environment.yml"
    done = science("remove", "-n", "science", "greet", "--save")
    assert ended(done) == (
        0,
        "environment.yml and science differ in `numpy`; `envmgr create -f environment.yml` moves to the file",
    )
    assert set(packages(science)) == {"base-files", "numpy", "tool"}
    assert "numpy" in science.ok("create", "-f", "environment.yml")
    assert set(packages(science)) == {"base-files", "tool"}


def test_without_save_create_moves_back_to_the_file(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    assert "1 removed" in science.ok("create", "-f", "environment.yml")
    assert packages(science) == {"base-files": "1.0", "greet": "1.0", "tool": "1.0"}


def test_save_of_what_is_installed_already(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    out = science.ok("install", "-n", "science", "numpy", "--save")
    assert out.startswith("science is up to date")
    assert out.endswith("edited: environment.yml\n")
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")


def test_a_channel_is_saved_too(science: Envmgr, make_channel: MakeChannel) -> None:
    lab = make_channel("lab").add(Package(name="probe", files={}))
    science.ok("install", "-n", "science", "-c", lab.url, "probe", "--save", "-q")
    assert f"  - {lab.url}\ndependencies:" in (science.directory / "environment.yml").read_text()
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")


def test_a_file_is_written_whole_with_its_mode_through_its_link(science: Envmgr) -> None:
    real = science.directory / "real"
    real.mkdir()
    (science.directory / "environment.yml").rename(real / "env.yml")
    (real / "env.yml").chmod(0o640)
    (science.directory / "environment.yml").symlink_to("real/env.yml")
    science.ok("install", "-n", "science", "numpy", "--save", "-q")
    assert (science.directory / "environment.yml").is_symlink()
    assert "numpy" in (real / "env.yml").read_text()
    assert (real / "env.yml").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real.iterdir()] == ["env.yml"]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda directory: (directory / "environment.yml").unlink(), "is not in this directory"),
        (lambda directory: (directory / "environment.yml").write_text("name: other\ndependencies: []\n"),
         "does not name the environment science"),
        (lambda directory: (directory / "environment.yml").write_text("dependencies: []\n"),
         "does not name the environment science"),
    ],
)  # fmt: skip
def test_save_does_not_guess_a_file(science: Envmgr, prepare: Callable[[Path], object], said: str) -> None:
    prepare(science.directory)
    done = science("install", "-n", "science", "numpy", "--save")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "-f " in done.err.splitlines()[-1]
    assert generation(science) == 1


def test_a_file_that_cannot_be_edited_changes_nothing(science: Envmgr, channel: LocalChannel) -> None:
    text = environment_file(channel, "|\n    tool=1", "greet")
    science.write("environment.yml", text)
    done = science("install", "tool=2", "--save", "-f", "environment.yml")
    assert done.code == 1
    assert "environment.yml: line 6" in done.err or "environment.yml: line 5" in done.err
    assert (generation(science), (science.directory / "environment.yml").read_text()) == (1, text)
    for name in ("-", "https://example.invalid/environment.yml"):
        assert science("install", "-n", "science", "tool=2", "--save", "-f", name).code == 2
    assert science("install", "-n", "science", "tool=2", "--save", "-f", "absent.yml").code == 1
