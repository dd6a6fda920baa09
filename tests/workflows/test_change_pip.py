"""Changes of the pip half, as a user makes them."""

from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel) -> Envmgr:
    """An environment `science` of python and, by pip, pure==1.0 (the newest is 2.0), which needs helper."""
    text = environment_file(channel, "python", "pip") + "  - pip:\n      - pure==1.0  # as published\n"
    machine.write("environment.yml", text)
    machine.ok("create", "-f", "environment.yml", "-q")
    return machine


def wheels(envmgr: Envmgr) -> dict[str, str]:
    listed = envmgr("list", "-n", "science", "--json").json
    return {entry["name"]: entry["version"] for entry in listed if entry["channel"] == "pypi"}


def test_install_adds_to_the_pip_half_and_moves_nothing_else(science: Envmgr, index: IndexServer) -> None:
    index.add(Wheel(name="helper", version="2.0"), Wheel(name="extra-things", requires=["helper"]))
    out = science.ok("install", "-n", "science", "--pip", "Extra.Things>=1  # new")
    assert out.splitlines()[0].startswith("science: 1 new (5 packages in all; pip half: 1 wheel")
    assert wheels(science) == {"extra-things": "1.0", "helper": "1.0", "pure": "1.0"}
    assert science.ok("export", "-n", "science").endswith("      - pure==1.0\n      - Extra.Things>=1\n")
    assert science.process("run", "-n", "science", "python", "-c", "import extra_things").code == 0


def test_a_requirement_takes_the_place_of_the_old(science: Envmgr) -> None:
    done = science("install", "-n", "science", "--pip", "pure>=2", "tool=1")
    assert (done.code, done.err) == (0, "`pure>=2` replaces `pure==1.0`\n")
    assert wheels(science) == {"helper": "1.0", "pure": "2.0"}
    assert science.process("run", "-n", "science", "tool").out == "tool 1.0\n"


def test_remove_takes_wheels_with_what_only_they_needed(science: Envmgr) -> None:
    done = science("remove", "-n", "science", "helper")
    assert (done.code, done.err) == (
        1,
        "error: helper was not asked for in science: pure needs it\n\nhint: envmgr remove -n science pure\n",
    )
    document = science("remove", "-n", "science", "Pure", "--json").json
    assert [entry["name"] for entry in document["pip"]["remove"]] == ["helper", "pure"]
    assert wheels(science) == {}
    assert science.process("run", "-n", "science", "python", "-c", "import pure").code == 1


@pytest.mark.parametrize("command", ["remove", "update"])
def test_names_behind_pip_are_those_of_the_pip_half(science: Envmgr, command: str) -> None:
    document = science(command, "-n", "science", "--pip", "python", "--json").json
    assert document["message"] == "`python` is a conda package of science, not one of the pip half"
    science.ok(command, "-n", "science", "--pip", "pure", "-q")
    assert ("pure" in wheels(science)) == (command == "update")


def test_pip_that_python_brings_is_needed_by_it(science: Envmgr) -> None:
    done = science("remove", "-n", "science", "pip")
    assert (done.code, done.err) == (0, "pip stays: needed by python\n")


def test_python_stays_while_there_is_a_pip_half(science: Envmgr) -> None:
    science("remove", "-n", "science", "pip", "-q")
    done = science("remove", "-n", "science", "python")
    assert done.code == 1
    assert "python" in done.err
    assert wheels(science) == {"helper": "1.0", "pure": "1.0"}


def test_update_moves_one_wheel(science: Envmgr, index: IndexServer) -> None:
    science("install", "-n", "science", "--pip", "pure", "-q")
    assert wheels(science)["pure"] == "1.0"
    index.add(Wheel(name="helper", version="2.0"))
    science.ok("update", "-n", "science", "helper", "-q")
    assert wheels(science) == {"helper": "2.0", "pure": "1.0"}
    science.ok("update", "-n", "science", "pure", "-q")
    assert wheels(science) == {"helper": "2.0", "pure": "2.0"}
    assert science.ok("update", "-n", "science", "--all").startswith("science is up to date")


def test_a_conda_package_may_take_over_what_pip_brought(science: Envmgr, channel: LocalChannel) -> None:
    """The requirement stays asked for, and is met by the conda package then."""
    site = next(science.prefix("science").glob("lib/python*/site-packages"))
    where = site.relative_to(science.prefix("science"))
    metadata = "Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n"
    channel.add(
        Package(name="helper", files={f"{where}/helper.py": "", f"{where}/helper-1.0.dist-info/METADATA": metadata})
    )
    document = science("install", "-n", "science", "helper", "--json").json
    assert [entry["name"] for entry in document["actions"]["LINK"]] == ["helper"]
    assert [entry["name"] for entry in document["pip"]["remove"]] == ["helper"]
    science.ok("remove", "-n", "science", "helper", "-q")
    assert wheels(science) == {"helper": "1.0", "pure": "1.0"}


@pytest.mark.parametrize(
    ("requirement", "code", "said"),
    [
        ("pure >>1", 1, "command line: `pure >>1` is not a PEP 508 requirement"),
        ("absent-distribution", 1, "absent-distribution"),
        ("-r requirements.txt", 1, "each after --pip"),
        ("pure==9", 1, "pure"),
    ],
)
def test_requirements_that_cannot_be_met_change_nothing(
    science: Envmgr, requirement: str, code: int, said: str
) -> None:
    done = science("install", "-n", "science", "--pip", requirement)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert wheels(science) == {"helper": "1.0", "pure": "1.0"}


def test_save_edits_the_pip_section(science: Envmgr, index: IndexServer) -> None:
    index.add(Wheel(name="other"))
    before = (science.directory / "environment.yml").read_text()
    science("install", "-n", "science", "--pip", "pure==2.0", "--pip", "other", "--save", "-q")
    text = (science.directory / "environment.yml").read_text()
    assert text == before.replace("pure==1.0  #", "pure==2.0  #") + "      - other\n"
    assert "is up to date" in science.ok("create", "-f", "environment.yml")
    science.ok("remove", "-n", "science", "pure", "other", "--save", "-q")
    assert (science.directory / "environment.yml").read_text() == before.partition("  - pip:")[0]
    assert "is up to date" in science.ok("create", "-f", "environment.yml")
    assert wheels(science) == {}
