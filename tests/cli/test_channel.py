from __future__ import annotations

import pytest

from builders.commands import Envmgr

RECIPE = """\
package: {name: %s, version: "1.0"}
build: {noarch: generic}
about: {license: MIT}
extra: {payload: {files: prefix}}
"""


@pytest.fixture
def ours(envmgr: Envmgr) -> Envmgr:
    """A directory with a channels.yaml whose channel `ours` has two recipes."""
    envmgr.write("channels.yaml", "channels:\n  ours:\n    recipes: recipes\n")
    for name in ("one", "two"):
        payload = envmgr.directory / "recipes" / name / "prefix/share"
        payload.mkdir(parents=True)
        (payload / f"{name}.txt").write_text(name)
        envmgr.write(f"recipes/{name}/recipe.yaml", RECIPE % name)
    return envmgr


def test_build_says_what_it_built_and_builds_only_what_changed(ours: Envmgr) -> None:
    assert ours.ok("channel", "build").startswith("ours: 2 packages built in ")
    assert "ours: 0 packages built in 0." in ours.ok("channel", "build", "ours")
    ours.write("recipes/two/prefix/share/two.txt", "changed")
    document = ours("channel", "build", "--json").json
    (channel,) = document["channels"]
    assert document["success"] is True
    assert (channel["name"], len(channel["built"]), len(channel["kept"])) == ("ours", 1, 1)
    assert channel["built"][0].startswith("noarch/two-1.0-") or channel["built"][0].startswith("two-1.0-")
    assert ours.ok("channel", "build", "-q") == ""


def test_the_first_command_that_needs_it_builds_it(ours: Envmgr) -> None:
    ours.write("environment.yml", "name: x\nchannels: [ours]\ndependencies: [one]\n")
    done = ours("create", "-f", "environment.yml")
    assert (done.code, done.err) == (0, "")
    (entry,) = ours("list", "-n", "x", "--json").json
    assert (entry["name"], entry["channel"]) == ("one", "ours")
    assert (ours.prefix("x") / "share/one.txt").read_text() == "one"
    assert "x is up to date" in ours.ok("create", "-f", "environment.yml")
    assert ours.ok("export", "-n", "x") == "name: x\nchannels:\n  - ours\ndependencies:\n  - one\n"


def test_what_was_made_from_recipes_is_changed_cleaned_and_exported_from_anywhere(ours: Envmgr) -> None:
    ours.write("environment.yml", "name: x\nchannels: [ours]\ndependencies: [one]\n")
    ours.ok("create", "-f", "environment.yml", "-q")
    project = ours.directory
    ours.directory = project.parent / "elsewhere"
    ours.directory.mkdir()
    assert "built channel" not in ours("clean", "--all", "--yes").out
    ours.ok("install", "-n", "x", "two", "-q")
    assert ours.ok("export", "-n", "x") == "name: x\nchannels:\n  - ours\ndependencies:\n  - one\n  - two\n"
    assert ours("export", "-n", "x", "--format", "pinned", "--json").json["channels"] == ["ours"]
    ours.ok("remove", "-n", "x", "--all", "--yes")
    assert "built channel" in ours("clean", "--all", "--yes").out


def test_list_shows_names_and_where_they_come_from(ours: Envmgr) -> None:
    rows = [line.split(maxsplit=1) for line in ours.ok("channel", "list").splitlines()]
    assert rows[0] == ["# name", "from"] or rows[0][0] == "#"
    assert ["conda-forge", "https://conda.anaconda.org/conda-forge"] in rows
    document = ours("channel", "list", "--json").json
    assert document["ours"] == [f"recipes in {ours.directory / 'recipes'}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "conda-forge"], "has no recipes: it comes from https://conda.anaconda.org/conda-forge"),
        (["build", "oours"], "`oours`"),
    ],
)
def test_channels_that_cannot_be_built(ours: Envmgr, arguments: list[str], said: str) -> None:
    done = ours("channel", *arguments)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert ours("channel", *arguments, "--json").json["error"] == "ChannelError"


def test_nothing_to_build_says_what_to_write(envmgr: Envmgr) -> None:
    done = envmgr("channel", "build")
    assert done.code == 1
    assert "hint: name one in channels.yaml" in done.err
