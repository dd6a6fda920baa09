from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr

VARS = ("env", "config", "vars")


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    envmgr.write(
        "environment.yml", f"name: science\nchannels: [{channel.url}]\ndependencies: [tool=1]\nvariables: {{A: a}}\n"
    )
    envmgr.ok("create", "-f", "environment.yml", "-q")
    return envmgr


def printed(envmgr: Envmgr, name: str) -> str:
    return envmgr.process("run", "-n", "science", "sh", "-c", f'echo "${{{name}-unset}}"').out.rstrip("\n")


def test_variables_are_set_and_unset_as_generations_of_the_same_packages(science: Envmgr) -> None:
    science.ok(*VARS, "set", "-n", "science", "B=two words = '\"$x", "A=other", "-q")
    assert (printed(science, "A"), printed(science, "B")) == ("other", "two words = '\"$x")
    assert science(*VARS, "list", "-n", "science", "--json").json == {"A": "other", "B": "two words = '\"$x"}
    science.ok(*VARS, "unset", "-n", "science", "A", "-q")
    assert printed(science, "A") == "unset"
    assert "A:" not in science.ok("export", "-n", "science")
    assert science("verify", "-n", "science").code == 0
    assert [each["number"] for each in science("history", "-n", "science", "--json").json["generations"]] == [3, 2, 1]
    science.ok("rollback", "-n", "science", "1", "-q", "--yes")
    assert (printed(science, "A"), printed(science, "B")) == ("a", "unset")


def test_they_survive_a_change_of_packages_and_yield_to_the_file(science: Envmgr, channel: LocalChannel) -> None:
    science.ok(*VARS, "set", "-n", "science", "B=b", "-q")
    science.ok("install", "-n", "science", "numpy", "-q")
    assert printed(science, "B") == "b"
    science.ok("create", "-f", "environment.yml", "-q", "--yes")
    assert (printed(science, "A"), printed(science, "B")) == ("a", "unset")


def test_what_conda_has_set_meanwhile_is_taken_over(science: Envmgr) -> None:
    state = science.prefix("science") / "conda-meta/state"
    document = json.loads(state.read_text())
    document["env_vars"] |= {"BY_CONDA": "1", "A": "***unset***"}
    state.write_text(json.dumps(document))
    science.ok(*VARS, "set", "-n", "science", "B=b", "-q")
    assert science(*VARS, "list", "-n", "science", "--json").json == {"B": "b", "BY_CONDA": "1"}


def test_what_was_set_by_hand_can_be_unset(science: Envmgr) -> None:
    state = science.prefix("science") / "conda-meta/state"
    document = json.loads(state.read_text())
    document["env_vars"] |= {"BY_HAND": "1"}
    state.write_text(json.dumps(document))
    science.ok(*VARS, "unset", "-n", "science", "BY_HAND", "-q")
    assert science(*VARS, "list", "-n", "science", "--json").json == {"A": "a"}
    science.ok("install", "-n", "science", "numpy", "-q")
    assert science(*VARS, "list", "-n", "science", "--json").json == {"A": "a"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "A"), "`A` sets nothing: expected NAME=VALUE"),
        (("set", "1A=x"), "is not a variable name"),
        (("set", "PATH=x"), "belongs to the shell or to activation itself"),
        (("unset", "ABSENT"), "science does not set ABSENT; it sets A"),
    ],
)
def test_what_cannot_be_set_is_said_and_nothing_changes(science: Envmgr, words: tuple[str, ...], message: str) -> None:
    done = science(*VARS, words[0], "-n", "science", *words[1:])
    assert (done.code, message in done.err) == (2, True)
    assert len(science("history", "-n", "science", "--json").json["generations"]) == 1


def test_nothing_to_change_makes_no_generation(science: Envmgr) -> None:
    assert "is up to date" in science.ok(*VARS, "set", "-n", "science", "A=a")
    assert science(*VARS, "set", "-n", "science", "A=b", "--dry-run", "--json").json["dry_run"] is True
    assert printed(science, "A") == "a"


def test_an_active_shell_has_what_was_set(science: Envmgr) -> None:
    """The hook enters the environment again; where there is none, the way is said."""
    own = " ".join(shlex.quote(word) for word in PROGRAM)
    script = (
        f'eval "$({own} shell-hook bash)"; '
        "envmgr activate science; envmgr env config vars set B=b A=other -q; "
        'echo "$A $B"; envmgr env config vars unset B -q; echo "$A ${B-unset}"; envmgr deactivate; echo "${A-unset}"'
    )
    done = subprocess.run(
        ["bash", "-euc", script], env=science.environ, cwd=science.directory, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("other b\nother unset\nunset\n", "")
    said = science(*VARS, "set", "-n", "science", "C=c", CONDA_PREFIX=str(science.prefix("science")), CONDA_SHLVL="1")
    assert "this shell has the variables of before; afterwards: envmgr activate science" in said.err
