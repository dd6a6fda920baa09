"""`clone` and `rename` with both halves, variables and editable installs, as a user does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer

SITE_GLOB = "lib/python*/site-packages"


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel) -> Envmgr:
    """`science`: python, a tool, pure 2.0 with its command from pip, and a variable."""
    more = "  - pip:\n      - pure==2.0\nvariables:\n  PLACE: lab\n"
    machine.write("environment.yml", environment_file(channel, "python", "pip", "tool=1", "greet", more=more))
    machine.ok("create", "-f", "environment.yml", "-q")
    return machine


def requested(envmgr: Envmgr, name: str) -> list[str]:
    return [each["name"] for each in envmgr("list", "-n", name, "--json").json if each["requested"]]


def editable(prefix: Path, directory: Path) -> None:
    """Install by hand what `pip install -e` leaves: a .pth, and a .dist-info that says so (PEP 660, PEP 610)."""
    (site,) = prefix.glob(SITE_GLOB)
    info = site / "mine-0.1.dist-info"
    info.mkdir()
    (site / "__editable__.mine.pth").write_text(f"{directory}\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    (info / "direct_url.json").write_text(json.dumps({"url": directory.as_uri(), "dir_info": {"editable": True}}))
    (info / "RECORD").write_text("__editable__.mine.pth,,\nmine-0.1.dist-info/METADATA,,\n")


@pytest.mark.parametrize("command", ["clone", "rename"])
def test_both_halves_variables_activation_and_what_was_asked_for_come_along(science: Envmgr, command: str) -> None:
    asked = requested(science, "science")
    out = science.ok(command, "science", "lab")
    assert out.startswith("science → lab: 7 packages, 2 of them from pip, as locked; nothing to download\n")
    prefix = science.prefix("lab")
    assert requested(science, "lab") == asked
    assert (prefix / "bin/pure").read_text().startswith(f"#!{prefix}/bin/python")
    assert str(science.prefix("science")) not in (prefix / "bin/pure").read_text()
    done = science.process(
        "run", "-n", "lab", "python", "-c", "import os, pure; print(*map(os.environ.get, ['PLACE', 'GREETING']))"
    )
    assert done.out == "lab hello\n"
    assert science.ok("verify", "-n", "lab").startswith("lab: whole")
    assert science.prefix("science").exists() == (command == "clone")
    assert "lab is up to date" in science.ok("create", "-n", "lab", "-f", "environment.yml")


@pytest.mark.parametrize("command", ["clone", "rename"])
def test_what_was_installed_with_pip_and_put_there_by_hand_comes_along(
    science: Envmgr, index: IndexServer, command: str
) -> None:
    old, new = science.prefix("science"), science.prefix("lab")
    (site,) = old.glob(SITE_GLOB)
    info = site / "foreign-1.0.dist-info"
    info.mkdir()
    (old / "bin/foreign").write_text(f"#!{old}/bin/python\nprint('foreign')\n")
    (old / "bin/foreign").chmod(0o755)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (info / "RECORD").write_text("../../../bin/foreign,,\nforeign-1.0.dist-info/METADATA,,\n")
    (old / "notes.txt").write_text("mine")
    (old / "where.txt").write_text(f"in {old}/notes.txt")
    done = science(command, "science", "lab")
    assert done.code == 0
    assert "carried over into the new generation: foreign 1.0 (installed with pip); 2 files of no package" in done.err
    assert f"these name {old} still: where.txt" in done.err
    assert (new / "notes.txt").read_text() == "mine"
    assert science.process("run", "-n", "lab", "foreign").out == "foreign\n"
    assert str(old) not in (new / "bin/foreign").read_text()


def test_editable_installs_are_named_and_point_where_they_pointed(science: Envmgr) -> None:
    directory = science.directory / "mine"
    directory.mkdir()
    editable(science.prefix("science"), directory)
    done = science("clone", "science", "lab")
    assert done.code == 0
    assert f"mine is an editable install of {directory}, which is not copied" in done.err


def test_a_generation_and_a_path_can_be_cloned(envmgr: Envmgr, channel: LocalChannel) -> None:
    for version in ("1", "2"):
        envmgr.ok("create", "-n", "x", "-c", channel.url, f"tool={version}", "-q")
    envmgr.ok("clone", "x@1", "old")
    envmgr.ok("create", "--clone", str(envmgr.prefix("x")), "-p", "with space/é", "-q")
    assert envmgr.process("run", "-n", "old", "tool").out == "tool 1.0\n"
    assert envmgr.process("run", "-p", "with space/é", "tool").out == "tool 2.0\n"
    document = envmgr("clone", "x", "dry", "--dry-run", "--json").json
    assert [each["name"] for each in document["actions"]["LINK"]] == ["base-files", "tool"]
    assert not envmgr.prefix("dry").exists()


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("clone", "x", "x"), 2, "x cannot be cloned to itself"),
        (("clone", "x", "y"), 1, "y exists already"),
        (("clone", "xx", "z"), 1, "did you mean -n x?"),
        (("clone", "x@9", "z"), 1, "x has no generation 9"),
        (("clone", "x", "a b"), 2, "`a b` cannot be the name of an environment"),
        (("clone", "x"), 2, "`clone` expects one target, found none"),
        (("create", "--clone", "x", "-n", "z", "numpy"), 2, "no file or spec beside it"),
        (("create", "--clone", "x"), 2, "add -n NAME or -p PATH"),
        (("rename", "x", "y"), 1, "y exists already"),
        (("rename", "-n", "x"), 2, "`rename` expects the new name, found 0 names"),
        (("rename", "-n", "x", "./file"), 1, "file is a file, but no environment"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused(
    envmgr: Envmgr, channel: LocalChannel, command: tuple[str, ...], code: int, message: str
) -> None:
    for name in "xy":
        envmgr.ok("create", "-n", name, "-c", channel.url, "base-files", "-q")
    envmgr.write("file", "")
    done = envmgr(*command)
    assert done.code == code
    assert message in done.err
    assert sorted(envmgr("env", "list", "--json").json["envs"]) == [str(envmgr.prefix("x")), str(envmgr.prefix("y"))]


def test_condas_way_to_rename_and_who_uses_it_is_named(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")
    done = envmgr("rename", "-n", "x", "y", CONDA_PREFIX=str(envmgr.prefix("x")))
    assert (done.code, done.err) == (0, "x is active in this shell; afterwards: envmgr activate y\n")
    assert envmgr("env", "list", "--json").json["envs"] == [str(envmgr.prefix("y"))]
    registered = Path(envmgr.environ["HOME"], ".conda/environments.txt").read_text()
    assert registered == f"{envmgr.prefix('y')}\n"
