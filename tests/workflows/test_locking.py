"""Both halves from one file, as a user sees it: resolved against conda, locked, listed, changed, refused."""

from __future__ import annotations

import shutil

import pytest
import yaml

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.servers import FileServer
from builders.wheels import Wheel


def with_pip(channel: LocalChannel, *requirements: str) -> str:
    text = environment_file(channel, "python", "provided", "pip")
    return text + "  - pip:\n" + "".join(f"      - {line}\n" for line in requirements)


def test_both_halves_are_planned_listed_exported_and_used(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("environment.yml", with_pip(channel, "pure"))
    out = machine.ok("create", "-f", "environment.yml")
    assert out.startswith("science: 5 new (5 packages in all; ")
    assert "; pip half: 2 wheels, " in out.splitlines()[0]
    wheels = [line.split()[1] for line in out.splitlines() if line.split()[3:4] == ["pip"]]
    assert wheels == ["helper", "pure"]
    listed = {entry["name"]: entry for entry in machine("list", "-n", "science", "--json").json}
    assert (listed["pure"]["channel"], listed["pure"]["version"], listed["pure"]["requested"]) == ("pypi", "2.0", True)
    assert listed["helper"]["requested"] is False
    assert machine.process("run", "-n", "science", "pure").out == "ok\n"
    assert machine.ok("export", "-n", "science").endswith("  - pip:\n      - pure\n")
    assert "is up to date" in machine.ok("create", "-f", "environment.yml", "--offline")


def test_json_has_the_pip_half(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("environment.yml", with_pip(channel, "pure==1.0"))
    first = machine("create", "-f", "environment.yml", "--json").json["pip"]
    assert [(entry["name"], entry["version"]) for entry in first["install"]] == [("helper", "1.0"), ("pure", "1.0")]
    assert all(entry["url"] and len(entry["sha256"]) == 64 for entry in first["install"])
    machine.write("environment.yml", with_pip(channel, "helper"))
    second = machine("create", "-f", "environment.yml", "--json").json["pip"]
    assert (second["install"], [entry["name"] for entry in second["remove"]]) == ([], ["pure"])
    assert machine.process("run", "-n", "science", "python", "-c", "import pure").code == 1


def test_a_changed_requirements_file_is_noticed(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("requirements.txt", "pure==1.0\n")
    machine.write("environment.yml", with_pip(channel, "-r requirements.txt"))
    machine.ok("create", "-f", "environment.yml")
    assert "is up to date" in machine.ok("create", "-f", "environment.yml")
    machine.write("requirements.txt", "# comment\npure==1.0\n")
    assert "is up to date" in machine.ok("create", "-f", "environment.yml")
    machine.write("requirements.txt", "pure==2.0\n")
    assert "1.0 → 2.0" in machine.ok("create", "-f", "environment.yml")
    (machine.directory / "requirements.txt").unlink()
    gone = machine("create", "-f", "environment.yml")
    assert gone.code == 1
    assert "requirements.txt does not exist" in gone.err


def test_a_clash_with_conda_names_line_package_and_mend(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("environment.yml", with_pip(channel, "needy"))
    done = machine("create", "-f", "environment.yml")
    assert (done.code, done.out) == (1, "")
    for said in ("environment.yml:9", "needy", "provided", "1.5", "hint: "):
        assert said in done.err
    assert machine("create", "-f", "environment.yml", "--json").json["error"] == "PipError"
    assert not machine.prefix("science").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("absent-distribution", "absent-distribution"),
        ("pure==9", "pure"),
        ("-e .", "environment.yml:9"),
        ("git+https://git.invalid/x.git", "environment.yml:9"),
        ("pure >>1", "environment.yml:9"),
    ],
)
def test_requirements_that_cannot_be_met(machine: Envmgr, channel: LocalChannel, line: str, said: str) -> None:
    machine.write("environment.yml", with_pip(channel, line))
    done = machine("create", "-f", "environment.yml")
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert not machine.root.exists()


def test_a_pip_half_needs_a_python(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("environment.yml", environment_file(channel, "tool") + "  - pip:\n      - pure\n")
    done = machine("create", "-f", "environment.yml")
    assert done.code == 1
    assert "python" in done.err


def test_a_pip_half_is_for_this_platform(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("environment.yml", with_pip(channel, "pure"))
    done = machine("create", "-f", "environment.yml", "--platform", "osx-arm64", "--dry-run")
    assert done.code == 1
    assert "environment.yml:9: a pip half is installed by the python of its own platform" in done.err


def test_python_brings_pip_unless_told_otherwise(machine: Envmgr, channel: LocalChannel) -> None:
    command = ("create", "-n", "x", "-c", channel.url, "python", "--dry-run", "--json")
    names = [entry["name"] for entry in machine(*command).json["actions"]["LINK"]]
    assert names == ["pip", "python"]
    without = machine(*command, ENVMGR_ADD_PIP_AS_PYTHON_DEPENDENCY="0").json["actions"]["LINK"]
    assert [entry["name"] for entry in without] == ["python"]


def test_a_file_for_other_platforms_says_so(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", more="platforms: [osx-arm64]\n"))
    done = envmgr("create", "-f", "environment.yml")
    assert done.code == 2
    assert "environment.yml is for osx-arm64, not for linux-64" in done.err
    envmgr.ok("create", "-f", "environment.yml", "--platform", "osx-arm64")


def test_a_spec_may_name_its_channel(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("channels.yaml", f"channels:\n  lab: {channel.url}\n")
    other = LocalChannel(envmgr.directory.parent / "other").add(Package(name="else", files={}))
    document = envmgr("create", "-n", "x", "-c", other.url, "else", "lab::tool=1", "--json").json
    assert [entry["name"] for entry in document["actions"]["LINK"]] == ["base-files", "else", "tool"]


def test_offline_what_both_halves_lack_is_one_list_with_sizes(
    machine: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    with FileServer(channel.directory) as server:
        text = f"name: science\nchannels: [{server.url}]\ndependencies:\n  - python\n  - pip: [pure]\n"
        machine.write("environment.yml", text)
        machine.ok("lock", "-f", "environment.yml", "-q")
    shutil.rmtree(machine.cache / "pkgs")
    shutil.rmtree(machine.cache / "uv")
    done = machine("create", "-f", "environment.yml", "--offline", "--json")
    assert done.code == 1
    listed = done.json["message"].splitlines()
    assert listed[0] == "offline, and not in the cache:"
    assert sorted(line.split()[0].rpartition(".")[2] for line in listed[1:] if line.endswith("bytes)")) == ["whl"] * 2
    assert any(line.strip().startswith("python-") and "MiB" in line for line in listed)
    assert done.json["details"]["pip"] == ["helper-1.0-py3-none-any.whl", "pure-2.0-py3-none-any.whl"]


def test_a_lock_with_a_pip_half_is_followed_offline(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> None:
    machine.write("environment.yml", with_pip(channel, "pure"))
    machine.ok("create", "-f", "environment.yml")
    index.add(Wheel(name="pure", version="3.0"))
    shutil.rmtree(machine.root)
    index.requests.clear()
    out = machine.ok("create", "-f", "environment.yml", "--locked", "--offline")
    assert "as locked in environment.conda-lock.yml" in out
    assert index.requests == []
    assert machine.process("run", "-n", "science", "pure").out == "ok\n"
    listed = {entry["name"]: entry["version"] for entry in machine("list", "-n", "science", "--json").json}
    assert (listed["pure"], listed["helper"]) == ("2.0", "1.0")


def test_updating_a_pip_package_moves_it_and_no_other(
    machine: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    machine.write("environment.yml", with_pip(channel, "pure"))
    machine.ok("lock", "-f", "environment.yml")
    index.add(Wheel(name="pure", version="3.0", requires=["helper"]), Wheel(name="helper", version="2.0"))
    document = machine("lock", "-f", "environment.yml", "--update", "Pure", "--json").json["platforms"]["linux-64"]
    assert [(entry["name"], entry["version"]) for entry in document["pip"]["install"]] == [("pure", "3.0")]
    assert document["actions"] == {"LINK": [], "UNLINK": []}
    machine.write("environment.yml", with_pip(channel, "pure <3", "helper"))
    done = machine("lock", "-f", "environment.yml", "--check")
    assert "  pip: helper is new\n  pip: pure → pure <3\n" in done.err


@pytest.mark.parametrize("entry", ["pure", "provided"])
def test_a_lock_that_lost_what_the_other_half_needs_is_refused(
    machine: Envmgr, channel: LocalChannel, entry: str
) -> None:
    machine.write("environment.yml", with_pip(channel, "pure"))
    machine.ok("lock", "-f", "environment.yml")
    lock = machine.directory / "environment.conda-lock.yml"
    document = yaml.safe_load(lock.read_bytes())
    document["package"] = [each for each in document["package"] if each["name"] != entry]
    lock.write_text(yaml.safe_dump(document))
    done = machine("create", "-f", "environment.yml")
    assert done.code == 1
    assert f"package {entry} is lost" in done.err
    assert not machine.root.exists()


def test_both_halves_are_locked_for_another_platform(
    machine: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    index.add(
        Wheel(name="native", tag="py3-none-manylinux_2_17_x86_64"),
        Wheel(name="native", tag="py3-none-macosx_11_0_arm64"),
    )
    machine.write("environment.yml", with_pip(channel, "native", "pure"))
    machine.ok("lock", "-f", "environment.yml", "--platform", "linux-64", "--platform", "osx-arm64")
    document = yaml.safe_load((machine.directory / "environment.conda-lock.yml").read_bytes())
    wheels = {
        entry["platform"]: entry["url"].rpartition("/")[2] for entry in document["package"] if entry["name"] == "native"
    }
    assert wheels == {
        "linux-64": "native-1.0-py3-none-manylinux_2_17_x86_64.whl",
        "osx-arm64": "native-1.0-py3-none-macosx_11_0_arm64.whl",
    }
    pure = {entry["platform"] for entry in document["package"] if entry["name"] == "pure"}
    assert pure == {"linux-64", "osx-arm64"}
    machine.ok("create", "-f", "environment.yml", "--locked")
