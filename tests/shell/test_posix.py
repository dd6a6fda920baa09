"""Activation in real shells: every claim is looked at from inside the shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.prefixes import make_changing_command, make_prefix
from builders.shells import Shell
from envmgr.shell import posix, scripts

HOSTILE = 'it\'s "x" $HOME `id` $(id) \\ \n!! * é\t%s ~ {a,b} ; # 終\n'
GREETING = {"x.sh": 'echo "enter $CONDA_DEFAULT_ENV"\n'}
PARTING = {"x.sh": 'echo "leave $CONDA_DEFAULT_ENV"\n'}


def test_activation_sets_condas_variables(shell: Shell) -> None:
    prefix = make_prefix(shell.prefix("science"), variables={"A": HOSTILE, "EMPTY": ""})
    result = shell.run("snapshot before; envmgr activate science; snapshot active")
    assert result.stderr == ""
    before, active = result.variables["before"], result.variables["active"]
    assert active["PATH"] == f"{prefix}/bin:{before['PATH']}"
    assert active["CONDA_PREFIX"] == str(prefix)
    assert active["CONDA_DEFAULT_ENV"] == "science"
    assert active["CONDA_SHLVL"] == "1"
    assert active["CONDA_PROMPT_MODIFIER"] == "(science) "
    assert active["A"] == HOSTILE
    assert active["EMPTY"] == ""


def test_deactivation_restores_exactly_what_was_there(shell: Shell) -> None:
    make_prefix(shell.prefix("science"), variables={"MINE": HOSTILE, "EMPTY": "x", "NEW": "1"}, activate=GREETING)
    result = shell.run(
        "PS1='> '; snapshot before; envmgr activate science; envmgr deactivate; snapshot after",
        MINE="mine: " + HOSTILE,
        EMPTY="",
    )
    assert result.variables["after"] == result.variables["before"]
    assert result.prompts["after"] == result.prompts["before"] == "> "
    assert result.stderr == ""


def test_nothing_of_ours_stays_in_the_shell(shell: Shell) -> None:
    make_prefix(shell.prefix("science"), variables={"A": "1"}, activate=GREETING, deactivate=PARTING)
    result = shell.run("envmgr activate science; envmgr deactivate; set")
    left = {
        line.partition("=")[0] for line in result.stdout.splitlines() if line.startswith("__envmgr") and "=" in line
    }
    functions = [line for line in result.stdout.splitlines() if line.startswith("__envmgr1")]
    assert left == set()
    assert functions == []


def test_second_activation_replaces_the_first_and_deactivation_returns_to_it(shell: Shell) -> None:
    one = make_prefix(shell.prefix("one"), variables={"A": "one", "ONLY": "one"}, activate=GREETING, deactivate=PARTING)
    two = make_prefix(shell.prefix("two"), variables={"A": "two"}, activate=GREETING, deactivate=PARTING)
    result = shell.run(
        "PS1='> '; snapshot zero; envmgr activate one; snapshot one; envmgr activate two; snapshot two;"
        "envmgr deactivate; snapshot back; envmgr deactivate; snapshot end",
        A="mine",
    )
    assert result.stdout.split("\n")[:-1] == [
        "enter one", "leave one", "enter two", "leave two", "enter one", "leave one"
    ]  # fmt: skip
    active = result.variables["two"]
    assert active["PATH"] == f"{two}/bin:{result.variables['zero']['PATH']}"
    assert active["CONDA_PREFIX_1"] == str(one)
    assert active["CONDA_SHLVL"] == "2"
    assert active["A"] == "two"
    assert "ONLY" not in active
    assert result.prompts["two"] == "(two) > "
    assert result.variables["back"] == result.variables["one"]
    assert result.prompts["back"] == "(one) > "
    assert result.variables["end"] == result.variables["zero"]


def test_stacked_activation_keeps_the_first(shell: Shell) -> None:
    one = make_prefix(shell.prefix("one"), variables={"A": "one", "ONLY": "one"}, activate=GREETING, deactivate=PARTING)
    two = make_prefix(shell.prefix("two"), variables={"A": "two"}, activate=GREETING, deactivate=PARTING)
    result = shell.run(
        "snapshot zero; envmgr activate one; snapshot one; envmgr activate --stack two; snapshot two;"
        "envmgr deactivate; snapshot back; envmgr deactivate; snapshot end"
    )
    stacked = result.variables["two"]
    assert stacked["PATH"] == f"{two}/bin:{one}/bin:{result.variables['zero']['PATH']}"
    assert stacked["CONDA_STACKED_2"] == "true"
    assert (stacked["A"], stacked["ONLY"]) == ("two", "one")
    assert result.stdout.split() == ["enter", "one", "enter", "two", "leave", "two", "leave", "one"]
    assert result.variables["back"] == result.variables["one"]
    assert result.variables["end"] == result.variables["zero"]


def test_what_the_user_changes_meanwhile_is_respected(shell: Shell) -> None:
    one, two = make_prefix(shell.prefix("one")), make_prefix(shell.prefix("two"))
    result = shell.run(
        "PS1='> '; envmgr activate one; PATH=/mine:$PATH; PS1='[me] '$PS1; envmgr activate two; snapshot two;"
        "envmgr deactivate; snapshot one; envmgr deactivate; snapshot end",
        PATH="/a::/b:/a:" + os.environ["PATH"],
    )
    rest = "/a::/b:/a:" + os.environ["PATH"]
    assert result.variables["two"]["PATH"] == f"/mine:{two}/bin:{rest}"
    assert result.variables["one"]["PATH"] == f"/mine:{one}/bin:{rest}"
    assert result.variables["end"]["PATH"] == f"/mine:{rest}"
    assert [result.prompts[name] for name in ("two", "one", "end")] == ["[me] (two) > ", "[me] (one) > ", "[me] > "]


@pytest.mark.parametrize("path", ["", ":/usr/bin", "/usr/bin:", "/bin:/usr/bin", "/usr/b*:/[a]:/usr/bin:/bin"])
def test_path_is_restored_whatever_it_was(shell: Shell, path: str) -> None:
    prefix = make_prefix(shell.prefix("one"))
    result = shell.run(
        f"P=$PATH; PATH={posix.quote(path)}; envmgr activate one; ACTIVE=$PATH; envmgr deactivate; AFTER=$PATH;"
        ' PATH=$P; printf "%s\\n" "$ACTIVE" "$AFTER"'
    )
    assert result.stdout.splitlines() == [f"{prefix}/bin:{path}" if path else f"{prefix}/bin", path]


def test_a_change_of_the_active_environment_is_entered(shell: Shell, tmp_path: Path) -> None:
    shell.command = make_changing_command(shell.root, tmp_path)
    result = shell.run(
        "snapshot zero; envmgr activate one; snapshot old; envmgr env config vars set A=new; snapshot new\n"
        "envmgr rename -n one two --yes; snapshot moved; envmgr deactivate; snapshot end",
        A="mine",
    )
    assert (result.stderr, result.code) == ("", 0)
    seen = result.variables
    assert (seen["old"]["A"], seen["old"]["ONLY"]) == ("old", "1")
    assert seen["new"]["A"] == "new"
    assert "ONLY" not in seen["new"]
    assert seen["moved"] == {name: re.sub(r"\bone\b", "two", text) for name, text in seen["new"].items()}
    assert seen["end"] == seen["zero"]
    assert (shell.root / "hook").read_text() == scripts.mark("posix")


def test_reactivation_brings_what_a_new_generation_has(shell: Shell) -> None:
    prefix = make_prefix(shell.prefix("one"), variables={"OLD": "1", "SAME": "1"})
    new = make_prefix(shell.prefix("new"), variables={"SAME": "2", "NEW": "2"}, static=False)
    shutil.copy(new / "conda-meta/state", prefix / "state.new")
    rewrite = (
        f"import shutil; from envmgr.shell import scripts; p={str(prefix)!r};"
        "shutil.copy(p + '/state.new', p + '/conda-meta/state'); scripts.write(p, p, 'one')"
    )
    result = shell.run(
        "snapshot zero; envmgr activate one;"
        f"{posix.quote(sys.executable)} -c {posix.quote(rewrite)};"
        "envmgr reactivate; snapshot again; envmgr deactivate; snapshot end",
        OLD="mine",
    )
    again = result.variables["again"]
    assert (again["OLD"], again["SAME"], again["NEW"], again["CONDA_SHLVL"]) == ("mine", "2", "2", "1")
    assert again["PATH"].count(str(prefix)) == 1
    assert result.variables["end"] == result.variables["zero"]


def test_activating_the_active_environment_changes_nothing(shell: Shell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    result = shell.run("PS1='> '; envmgr activate one; snapshot first; envmgr activate one; snapshot second")
    assert result.variables["second"] == result.variables["first"]
    assert result.prompts["second"] == "(one) > "


@pytest.mark.parametrize("argument", ["./envs/one", "envs/one/", "{prefix}", "-p envs/one", "-n one", "--no-stack one"])
def test_environment_is_found_by_name_and_by_path(shell: Shell, argument: str) -> None:
    prefix = make_prefix(shell.prefix("one"))
    argument = posix.quote(str(prefix)) if argument == "{prefix}" else argument
    result = shell.run(f'cd "$ENVMGR_ROOT"; envmgr activate {argument}; snapshot active')
    assert result.variables["active"]["CONDA_PREFIX"] == str(prefix)


def test_environment_outside_the_store_is_named_by_its_path(shell: Shell) -> None:
    prefix = make_prefix(shell.root.parent / "$(touch pwned)`touch pwned` 100%")
    result = shell.run(f"PS1='> '; envmgr activate {posix.quote(str(prefix))}; snapshot active")
    assert result.variables["active"]["CONDA_DEFAULT_ENV"] == str(prefix)
    assert not set("$`%'\\") & set(result.prompts["active"])


def test_scripts_of_packages_need_not_know_strict_mode(shell: Shell) -> None:
    scripts = {"x.sh": "echo $UNDEFINED_VARIABLE; false; export SEEN=1\n"}
    make_prefix(shell.prefix("one"), activate=scripts)
    result = shell.run("envmgr activate one; snapshot active; case $- in *e*u* | *u*e*) echo strict ;; esac")
    assert result.code == 0
    assert result.variables["active"]["SEEN"] == "1"
    assert result.stdout.endswith("strict\n")


def test_scripts_run_in_order_with_the_environment_in_place(shell: Shell) -> None:
    tool = {"tool": "#!/bin/sh\necho tool\n"}
    scripts = {"2 b.sh": 'tool; echo "$VARIABLE $# $CONDA_PREFIX"\n', "1a.sh": "echo first\n", "3.fish": "exit 3\n"}
    prefix = make_prefix(shell.prefix("one"), activate=scripts, variables={"VARIABLE": "set"}, commands=tool)
    result = shell.run("envmgr activate one")
    assert result.stdout.splitlines() == ["first", "tool", f"set 0 {prefix}"]


def test_environment_of_another_tool_is_activated(shell: Shell) -> None:
    make_prefix(shell.prefix("own"), activate=GREETING, deactivate=PARTING)
    make_prefix(shell.prefix("foreign"), variables={"A": HOSTILE}, activate=GREETING, deactivate=PARTING, static=False)
    result = shell.run(
        "snapshot zero; envmgr activate foreign; snapshot foreign; envmgr activate own;"
        "envmgr deactivate; snapshot back; envmgr deactivate; snapshot end"
    )
    assert result.variables["foreign"]["A"] == HOSTILE
    assert result.stdout.splitlines() == [
        "enter foreign", "leave foreign", "enter own", "leave own", "enter foreign", "leave foreign"
    ]  # fmt: skip
    assert result.variables["back"] == result.variables["foreign"]
    assert result.variables["end"] == result.variables["zero"]


def test_environment_that_conda_activated_can_be_left(shell: Shell) -> None:
    """Conda's own activation knows nothing of the list of names that ours keeps."""
    prefix = make_prefix(shell.prefix("one"), variables={"A": "1", "B": "1"})
    result = shell.run(
        f"CONDA_PREFIX={posix.quote(str(prefix))} CONDA_SHLVL=1 CONDA_DEFAULT_ENV=one A=1 B=1 __CONDA_SHLVL_0_A=mine;"
        "export CONDA_PREFIX CONDA_SHLVL CONDA_DEFAULT_ENV A B __CONDA_SHLVL_0_A; PATH=$CONDA_PREFIX/bin:$PATH;"
        "envmgr deactivate; snapshot end"
    )
    end = result.variables["end"]
    assert (end["A"], end.get("B"), end["CONDA_SHLVL"]) == ("mine", None, "0")
    assert end["PATH"] == shell.environ["PATH"]


def test_a_removed_environment_can_be_left(shell: Shell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    result = shell.run(
        'snapshot zero; envmgr activate one; rm -r "$CONDA_PREFIX"; envmgr deactivate; snapshot end', A="mine"
    )
    assert result.variables["end"] == result.variables["zero"]


def test_returning_to_a_removed_environment_does_not_fail(shell: Shell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    make_prefix(shell.prefix("two"))
    result = shell.run(
        'snapshot zero; envmgr activate one; envmgr activate two; rm -r "$CONDA_PREFIX_1"; envmgr deactivate;'
        "snapshot one; envmgr deactivate; snapshot end"
    )
    assert result.code == 0
    assert result.variables["one"]["CONDA_PREFIX"] == str(shell.prefix("one"))
    assert result.variables["end"] == result.variables["zero"]


def test_an_unknown_environment_is_answered_with_those_that_exist(shell: Shell) -> None:
    make_prefix(shell.prefix("science"))
    result = shell.run("envmgr activate sciense || echo status $?; snapshot after")
    assert result.stdout == "status 1\n"
    assert "error: no environment is named `sciense`; these exist: science" in result.stderr
    assert "hint: did you mean -n science?" in result.stderr
    assert "CONDA_PREFIX" not in result.variables["after"]


def test_an_unknown_environment_ends_a_strict_script(shell: Shell) -> None:
    assert shell.run("envmgr activate absent; echo survived").stdout == ""


@pytest.mark.parametrize("arguments", ["", "one two", "--stack"])
def test_activate_takes_one_environment(shell: Shell, arguments: str) -> None:
    result = shell.run(f"envmgr activate {arguments} || echo status $?")
    assert result.stdout == "status 2\n"
    assert "error: activate takes one environment" in result.stderr


def test_deactivate_without_anything_active_does_nothing(shell: Shell) -> None:
    result = shell.run("snapshot zero; envmgr deactivate; snapshot end")
    assert (result.code, result.stderr) == (0, "")
    assert result.variables["end"] == result.variables["zero"]


@pytest.mark.parametrize("level", ["x", "-1", "08", "1; touch pwned", "a[$(touch pwned)]", "99999"])
def test_a_level_that_is_none_counts_as_nothing_active(shell: Shell, level: str) -> None:
    make_prefix(shell.prefix("one"))
    result = shell.run("envmgr activate one; snapshot one", CONDA_SHLVL=level, CONDA_PREFIX="/somewhere")
    assert result.variables["one"]["CONDA_SHLVL"] == "1"
    assert not (shell.root.parent / "pwned").exists()


def test_a_hostile_list_of_names_is_not_executed(shell: Shell) -> None:
    prefix = make_prefix(shell.prefix("one"))
    result = shell.run(
        "envmgr deactivate; snapshot end",
        CONDA_SHLVL="1",
        CONDA_PREFIX=str(prefix),
        _ENVMGR_NAMES_1="x;touch${IFS}pwned $(touch pwned) 1  * A",
        _ENVMGR_PREFIX_1=str(prefix),
        A="gone",
    )
    assert result.code == 0
    assert "A" not in result.variables["end"]
    assert not (shell.root.parent / "pwned").exists()


def test_what_conda_entered_since_is_left_by_its_own_names(shell: Shell) -> None:
    prefix = make_prefix(shell.prefix("one"), variables={"B": "1"})
    result = shell.run(
        "envmgr deactivate; snapshot end",
        CONDA_SHLVL="1", CONDA_PREFIX=str(prefix), _ENVMGR_NAMES_1=" MINE", _ENVMGR_PREFIX_1="/before",
        MINE="kept", B="1",
    )  # fmt: skip
    end = result.variables["end"]
    assert (end["MINE"], end.get("B"), end.get("_ENVMGR_PREFIX_1")) == ("kept", None, None)


def test_no_process_starts_on_activation(shell: Shell) -> None:
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    result = shell.run("P=$PATH; PATH=/nowhere; envmgr activate one; envmgr deactivate; echo done; PATH=$P")
    assert (result.stdout, result.stderr) == ("done\n", "")


def test_the_static_file_works_without_the_hook(shell: Shell) -> None:
    prefix = make_prefix(shell.prefix("one"), variables={"A": "1"})
    own = posix.quote(f"{prefix}/conda-meta/envmgr")
    result = shell.run(
        "unset -f envmgr __envmgr_exe __envmgr_hook_source __envmgr_hook_activate; snapshot zero;"
        f". {own}/activate.sh; snapshot one; . {own}/deactivate.sh; snapshot end"
    )
    assert result.variables["one"]["A"] == "1"
    assert result.variables["end"] == result.variables["zero"]


def test_static_deactivation_of_another_environment_is_refused(shell: Shell) -> None:
    one, two = make_prefix(shell.prefix("one")), make_prefix(shell.prefix("two"))
    own = posix.quote(f"{two}/conda-meta/envmgr/deactivate.sh")
    # Without -e: dash ends at a failing `.` even before `||`.
    result = shell.run(f"envmgr activate one; . {own} || echo status $?; snapshot one", options="u")
    assert result.stdout == "status 1\n"
    assert f"{two} is not the active environment, {one} is" in result.stderr
    assert result.variables["one"]["CONDA_PREFIX"] == str(one)


def test_prompt_can_be_left_alone(shell: Shell) -> None:
    make_prefix(shell.prefix("one"))
    result = shell.run("PS1='> '; envmgr activate one; snapshot one", ENVMGR_CHANGEPS1="false")
    assert result.prompts["one"] == "> "
    assert result.variables["one"]["CONDA_PROMPT_MODIFIER"] == ""


def test_other_commands_reach_the_executable(shell: Shell) -> None:
    result = shell.run("envmgr run -n absent -- true || echo status $?")
    assert "no environment is named `absent`" in result.stderr
    assert result.stdout == "status 1\n"


def test_subshell_can_deactivate(shell: Shell) -> None:
    """A shell inside the shell has the variables but not the prompt."""
    make_prefix(shell.prefix("one"), variables={"A": "1"})
    result = shell.run("envmgr activate one; (envmgr deactivate; snapshot inner); snapshot outer", A="mine")
    assert result.variables["inner"]["A"] == "mine"
    assert result.variables["outer"]["A"] == "1"


def test_bash_is_given_the_prompt_in_an_interactive_shell(tmp_path: Path, environ: dict[str, str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("the shell bash is not installed")
    make_prefix(tmp_path / "envs" / "one")
    rc = tmp_path / "rc"
    rc.write_text("PS1='$ '\n" + posix.hook(command=("/absent",), root=str(tmp_path)))
    del environ["ENVMGR_ROOT"]
    done = subprocess.run(
        ["bash", "--noprofile", "--rcfile", rc, "-i"],
        input="envmgr activate one\nenvmgr deactivate\n",
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "(one) $ envmgr deactivate" in done.stderr


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_quoting_is_exact(text: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"printf %s {posix.quote(text)}"], capture_output=True, check=True, env={"PATH": os.defpath}
    )
    assert done.stdout == text.encode()


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize("way", ["eval", "source"])
def test_an_alias_of_the_same_name_gives_way(tmp_path: Path, environ: dict[str, str], name: str, way: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"the shell {name} is not installed")
    prefix = make_prefix(tmp_path / "root/envs/one")
    hook = tmp_path / "hook.sh"
    hook.write_text(posix.hook(command=("/nowhere/envmgr",), root=str(tmp_path / "root")))
    load = f'eval "$(cat {hook})"' if way == "eval" else f". {hook}"
    (tmp_path / "rc").write_text(f"alias envmgr=/nowhere/envmgr\n{load}\n")
    script = f'. {tmp_path}/rc; envmgr activate one; echo "$CONDA_PREFIX"'
    argv = [name, "--norc", "-O", "expand_aliases"] if name == "bash" else [name, "-f"]
    done = subprocess.run([*argv, "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"{prefix}\n", "")
