"""`update` as a user types it: what moves, what stays, and what is saved of it."""

from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.environments import asked, ended, generation, packages
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel


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
        (["-f", "environment.yml", "--save"], 2, "hint: envmgr update -f environment.yml --save --all"),
        (["-n", "science", "--all", "--save", "-c", "lab"], 2, "writes versions into the file, and no channels"),
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


def test_save_raises_lower_bounds_and_nothing_else(science: Envmgr, channel: LocalChannel) -> None:
    text = environment_file(channel, "greet  # first", "tool >=1,<3  # as published", "numpy", "base-files=1")
    path = science.write("environment.yml", text)
    science.ok("create", "-f", "environment.yml", "-q")
    channel.add(Package(name="tool", version="2.5", files={}), Package(name="numpy", version="2.1", files={}))
    out = science.ok("update", "-n", "science", "tool", "--save", "--dry-run")
    assert out.endswith("dry run: would be edited: environment.yml\n")
    assert path.read_text() == text
    out = science.ok("update", "-n", "science", "tool", "--save")
    assert out.endswith("edited: environment.yml\n")
    raised = text.replace(">=1,<3", ">=2.5,<3")
    assert path.read_text() == raised
    assert packages(science)["tool"] == "2.5"
    assert packages(science)["numpy"] == "1.26"
    assert asked(science) == ["greet", "tool >=2.5,<3", "numpy", "base-files=1"]
    assert "science is up to date" in science.ok("create", "-f", "environment.yml", "--locked")
    done = science("update", "--save", "--all", "-f", "environment.yml")
    assert ended(done) == (0, "environment.yml stays as it is: it allows what is there now, and has no bound to raise")
    assert packages(science)["numpy"] == "2.1"
    assert path.read_text() == raised
    assert "science is up to date" in science.ok("create", "-f", "environment.yml", "--locked")


def test_save_leaves_alone_what_the_file_and_the_environment_differ_in(science: Envmgr, channel: LocalChannel) -> None:
    science("install", "-n", "science", "numpy", "tool >=1", "-q")
    science.write("environment.yml", environment_file(channel, "tool >=1", "greet"))
    done = science("update", "-n", "science", "tool", "--save")
    assert "environment.yml and science differ in `numpy`" in done.err
    assert (science.directory / "environment.yml").read_text() == environment_file(channel, "tool >=2.0", "greet")
    assert packages(science) == {"base-files": "1.0", "greet": "1.0", "numpy": "1.26", "tool": "2.0"}


def test_save_raises_bounds_of_the_pip_half(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> None:
    more = "  - pip:\n      - helper >=0.5 ; python_version > '3'  # ours\n"
    path = machine.write("environment.yml", environment_file(channel, "python", more=more))
    machine.ok("create", "-f", "environment.yml", "-q")
    index.add(Wheel(name="helper", version="1.5"))
    machine.ok("update", "-n", "science", "--pip", "helper", "--save", "-q")
    assert path.read_text() == environment_file(channel, "python", more=more.replace("0.5", "1.5"))
    assert packages(machine)["helper"] == "1.5"
    assert "science is up to date" in machine.ok("create", "-f", "environment.yml", "--locked")
