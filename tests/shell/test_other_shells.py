"""Activation in the shells that are no POSIX shells: every claim is looked at from inside the shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builders.other_shells import ENDINGS, OtherShell, find
from builders.prefixes import make_changing_command, make_prefix
from envmgr.shell import scripts

HOSTILE = 'it\'s "x" $HOME `id` $(id) \\ \n!! * é\t%s ~ {a,b} ; # 終\n'


@pytest.fixture(params=sorted(ENDINGS))
def shell(request: pytest.FixtureRequest, tmp_path: Path, environ: dict[str, str]) -> OtherShell:
    """Each shell that this machine has, one after the other."""
    name: str = request.param
    program = find(name)
    if program is None:
        pytest.skip(f"the shell {name} is not installed")
    directory = tmp_path / "a b"
    directory.mkdir()
    return OtherShell(name, program, directory, environ)


def test_deactivation_restores_exactly_what_was_there(shell: OtherShell) -> None:
    scripts = {f"x.{shell.ending}": shell.setting("SEEN", "1") + "\n"}
    gone = {f"x.{shell.ending}": shell.setting("SEEN", "0") + "\n"}
    prefix = make_prefix(
        shell.prefix("science"), activate=scripts, deactivate=gone,
        variables={"MINE": HOSTILE, "EMPTY": "x", "NEW": "1", "NOTHING": ""},
    )  # fmt: skip
    result = shell.run(
        "snapshot before", "envmgr activate science", "snapshot active", "envmgr deactivate", "snapshot after",
        MINE="mine: " + HOSTILE, EMPTY="", PATH="/a:/b c:/a:" + shell.environ["PATH"], SEEN="before",
    )  # fmt: skip
    assert result.stderr == ""
    before, active, after = (result.variables[name] for name in ("before", "active", "after"))
    assert active["PATH"] == f"{prefix}/bin:{before['PATH']}"
    assert active["CONDA_PREFIX"] == str(prefix)
    assert (active["CONDA_DEFAULT_ENV"], active["CONDA_SHLVL"]) == ("science", "1")
    assert active["CONDA_PROMPT_MODIFIER"] == "(science) "
    assert active["MINE"] == HOSTILE
    assert (active["EMPTY"], active["NEW"], active["NOTHING"]) == ("x", "1", "")
    assert active["SEEN"] == "1"
    assert after == {**before, "SEEN": "0"}


def test_activation_nests_stacks_and_repeats(shell: OtherShell) -> None:
    one = make_prefix(shell.prefix("one"), variables={"A": "one", "ONLY": "one"})
    two = make_prefix(shell.prefix("two"), variables={"A": "two"})
    result = shell.run(
        "snapshot zero", "envmgr activate one", "snapshot one", "envmgr activate one", "snapshot again",
        "envmgr activate two", "snapshot two", "envmgr deactivate", "snapshot back",
        "envmgr activate --stack two", "snapshot stacked", "envmgr deactivate", "snapshot unstacked",
        "envmgr deactivate", "snapshot end",
        A="mine",
    )  # fmt: skip
    assert result.stderr == ""
    seen = result.variables
    rest = seen["zero"]["PATH"]
    assert seen["again"] == seen["one"]
    assert seen["two"]["PATH"] == f"{two}/bin:{rest}"
    assert (seen["two"]["A"], seen["two"].get("ONLY"), seen["two"]["CONDA_SHLVL"]) == ("two", None, "2")
    assert seen["two"]["CONDA_PREFIX_1"] == str(one)
    assert seen["back"] == seen["one"]
    assert seen["stacked"]["PATH"] == f"{two}/bin:{one}/bin:{rest}"
    assert (seen["stacked"]["A"], seen["stacked"]["ONLY"]) == ("two", "one")
    assert seen["unstacked"] == seen["one"]
    assert seen["end"] == seen["zero"]


def test_what_another_shell_entered_can_be_left(shell: OtherShell) -> None:
    """The variables are the same in all shells, so that one inside another goes on where that is."""
    one = make_prefix(shell.prefix("one"), variables={"A": "one", "B": "1"})
    result = shell.run(
        "envmgr deactivate", "snapshot end",
        CONDA_PREFIX=str(one), CONDA_SHLVL="1", CONDA_DEFAULT_ENV="one", _ENVMGR_NAMES_1=" A B", _ENVMGR_FRESH="1",
        _ENVMGR_PREFIX_1=str(one),
        A="one", B="1", __CONDA_SHLVL_0_A="mine", PATH=f"{one}/bin:" + shell.environ["PATH"],
    )  # fmt: skip
    end = result.variables["end"]
    assert end["PATH"] == shell.environ["PATH"]
    assert end["A"] == "mine"
    assert (
        not {"B", "CONDA_PREFIX", "CONDA_SHLVL", "_ENVMGR_NAMES_1", "_ENVMGR_PREFIX_1", "__CONDA_SHLVL_0_A"}
        & end.keys()
    )


def test_what_conda_entered_since_is_left_by_its_own_names(shell: OtherShell) -> None:
    one = make_prefix(shell.prefix("one"), variables={"B": "1"})
    result = shell.run(
        "envmgr deactivate", "snapshot end",
        CONDA_PREFIX=str(one), CONDA_SHLVL="1", CONDA_DEFAULT_ENV="one", B="1", MINE="kept",
        _ENVMGR_NAMES_1=" MINE", _ENVMGR_PREFIX_1=str(shell.prefix("before")),
        PATH=f"{one}/bin:" + shell.environ["PATH"],
    )  # fmt: skip
    end = result.variables["end"]
    assert (end["MINE"], end.get("B"), end.get("_ENVMGR_PREFIX_1")) == ("kept", None, None)


def test_environment_of_another_tool_is_activated(shell: OtherShell) -> None:
    make_prefix(shell.prefix("foreign"), variables={"A": HOSTILE}, static=False)
    result = shell.run(
        "snapshot zero", "envmgr activate foreign", "snapshot foreign", "envmgr deactivate", "snapshot end"
    )
    assert result.variables["foreign"]["A"] == HOSTILE
    assert result.variables["end"] == result.variables["zero"]


def test_no_process_starts_on_activation(shell: OtherShell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    nowhere, back = shell.setting("PATH", "/nowhere"), shell.setting("PATH", "/usr/bin:/bin")
    result = shell.run(nowhere, "envmgr activate one", back, "snapshot one")
    assert result.stderr == ""
    assert result.variables["one"]["A"] == "1"


def test_a_removed_environment_can_be_left(shell: OtherShell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    remove = (
        "rm -r "
        + {
            "nu": "$env.CONDA_PREFIX",
            "tcsh": "$CONDA_PREFIX:q",
            "fish": '"$CONDA_PREFIX"',
            "xonsh": "@($CONDA_PREFIX)",
            "elvish": "$E:CONDA_PREFIX",
        }[shell.name]
    )
    result = shell.run("snapshot zero", "envmgr activate one", remove, "envmgr deactivate", "snapshot end", A="mine")
    assert result.variables["end"] == result.variables["zero"]


def test_environment_is_found_by_name_and_by_path(shell: OtherShell) -> None:
    prefix = make_prefix(shell.prefix("one"))
    own = {"nu": "$env.ENVMGR_ROOT", "xonsh": "@($ENVMGR_ROOT)", "elvish": "$E:ENVMGR_ROOT"}
    enter = "cd " + own.get(shell.name, '"$ENVMGR_ROOT"')
    arguments = ("./envs/one", "-p envs/one", "-n one", "--no-stack one")
    lines = [
        (f"envmgr activate {argument}", f"snapshot {i}", "envmgr deactivate") for i, argument in enumerate(arguments)
    ]
    result = shell.run(enter, *(line for group in lines for line in group))
    assert [result.variables[str(i)]["CONDA_PREFIX"] for i in range(len(arguments))] == [str(prefix)] * len(arguments)


def test_a_path_of_two_lines_is_entered_and_left(shell: OtherShell) -> None:
    if shell.name == "tcsh":
        pytest.skip("tcsh has no words with line ends in double quotes")
    place = make_prefix(shell.root / "two\nlines `id`", variables={"A": "1"})
    word = {"nu": "$env.PLACE", "xonsh": "@($PLACE)", "elvish": "$E:PLACE"}.get(shell.name, '"$PLACE"')
    result = shell.run(
        "snapshot zero", f"envmgr activate {word}", "snapshot active", "envmgr deactivate", "snapshot end",
        PLACE=str(place),
    )  # fmt: skip
    assert result.variables["active"]["PATH"] == f"{place}/bin:{result.variables['zero']['PATH']}"
    assert result.variables["end"] == result.variables["zero"]


def test_a_change_of_the_active_environment_is_entered(shell: OtherShell, tmp_path: Path) -> None:
    shell.command = make_changing_command(shell.root, tmp_path)
    result = shell.run(
        "snapshot zero", "envmgr activate one", "snapshot old", "envmgr env config vars set A=new", "snapshot new",
        "envmgr rename -n one two --yes", "snapshot moved", "envmgr deactivate", "snapshot end",
        A="mine",
    )  # fmt: skip
    assert result.stderr == ""
    seen = result.variables
    assert (seen["old"]["A"], seen["old"]["ONLY"]) == ("old", "1")
    assert seen["new"] == {**{name: text for name, text in seen["old"].items() if name != "ONLY"},
                           "A": "new", "_ENVMGR_NAMES_1": " A"}  # fmt: skip
    # csh has no functions, and leaves the line to say where it is now.
    moved = {name: re.sub(r"\bone\b", "two", text) for name, text in seen["new"].items()}
    assert seen["moved"] == (seen["zero"] if shell.name == "tcsh" else moved)
    assert seen["end"] == seen["zero"]
    assert (shell.root / "hook").read_text() == scripts.mark(shell.name)


def test_an_unknown_environment_is_answered_with_the_nearest(shell: OtherShell) -> None:
    make_prefix(shell.prefix("science"))
    result = shell.run("envmgr activate sciense")
    assert "did you mean -n science?" in result.stderr
    assert result.code != 0 or shell.name == "xonsh"


def test_the_prompt_is_switched_off_and_shaped(shell: OtherShell) -> None:
    make_prefix(shell.prefix("one"))
    plain = shell.run("envmgr activate one", "snapshot one", ENVMGR_CHANGEPS1="0").variables["one"]
    shaped = shell.run("envmgr activate one", "snapshot one", ENVMGR_ENV_PROMPT="[{name}] ").variables["one"]
    assert plain["CONDA_PROMPT_MODIFIER"] == ""
    assert shaped["CONDA_PROMPT_MODIFIER"] == "[one] "
