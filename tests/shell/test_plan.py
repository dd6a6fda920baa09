from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builders.prefixes import make_prefix
from envmgr.errors import NotAnEnvironment, PrefixError
from envmgr.shell import plan


def test_variables_come_in_the_order_of_cep_32(tmp_path: Path) -> None:
    """CEP 32: JSON documents alphabetically, later ones overriding; conda-meta/state is loaded last."""
    prefix = make_prefix(
        tmp_path / "e",
        package_variables={"b.json": {"A": "b", "C": "b"}, "a.json": {"A": "a", "B": "a"}, "Z.json": {"A": "Z"}},
        variables={"C": "state", "D": ""},
    )
    assert dict(plan.read(prefix).variables) == {"A": "b", "B": "a", "C": "state", "D": ""}


def test_documents_are_ordered_by_code_point(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", package_variables={"ä.json": {"A": "ä"}, "z.json": {"A": "z"}})
    assert plan.read(prefix).variables == (("A", "ä"),)


def test_scripts_are_sorted_and_deactivated_in_reverse(tmp_path: Path) -> None:
    scripts = {"b.sh": "", "a.sh": "", "B.sh": "", "x.fish": "", "README": ""}
    prefix = make_prefix(tmp_path / "e", activate=scripts, deactivate=scripts)
    read = plan.read(prefix)
    assert [os.path.basename(script) for script in read.activate_scripts(".sh")] == ["B.sh", "a.sh", "b.sh"]
    assert [os.path.basename(script) for script in read.deactivate_scripts(".sh")] == ["b.sh", "a.sh", "B.sh"]
    assert [os.path.basename(script) for script in read.activate_scripts(".fish")] == ["x.fish"]


def test_a_directory_named_as_a_script_is_none(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e")
    (prefix / "etc/conda/activate.d/a.sh").mkdir(parents=True)
    assert plan.read(prefix).activate == ()


def test_staged_environment_has_the_plan_of_its_final_place(tmp_path: Path) -> None:
    staging = make_prefix(tmp_path / "staging", activate={"a.sh": ""}, static=False)
    planned = plan.at(staging, "/final/envs/science", "science")
    assert planned.prefix == "/final/envs/science"
    assert planned.path == ("/final/envs/science/bin",)
    assert planned.activate_scripts(".sh") == ("/final/envs/science/etc/conda/activate.d/a.sh",)


def test_name_is_condas(tmp_path: Path) -> None:
    assert plan.read(make_prefix(tmp_path / "envs" / "science")).name == "science"
    assert plan.read(make_prefix(tmp_path / "project")).name == str(tmp_path / "project")


def test_a_variable_that_conda_unset_is_absent(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", variables={"A": "***unset***", "B": "1"})
    assert plan.read(prefix).variables == (("B", "1"),)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"a b": "1"}, "'a b' is not a variable name"),
        ({"A;rm -rf /": "1"}, "is not a variable name"),
        ({"1A": "1"}, "is not a variable name"),
        ({"": "1"}, "is not a variable name"),
        ({"É": "1"}, "is not a variable name"),
        ({"A\n": "1"}, "is not a variable name"),
        ({"PATH": "/bin"}, "`PATH` belongs to the shell or to activation"),
        ({"CONDA_PREFIX_3": "/bin"}, "`CONDA_PREFIX_3` belongs"),
        ({"UID": "0"}, "`UID` belongs"),
        ({"A": 1}, "`A`: expected a string, found int"),
        ({"A": None}, "`A`: expected a string, found NoneType"),
        ({"A": "x\0y"}, "`A` contains a NUL character"),
        ({"A": "\ud800"}, "`A` contains half of a surrogate pair"),
    ],
)
def test_variables_that_no_process_can_have_are_refused(
    tmp_path: Path, variables: dict[str, object], message: str
) -> None:
    prefix = make_prefix(tmp_path / "e", variables=variables, static=False)
    with pytest.raises(PrefixError) as caught:
        plan.read(prefix)
    assert message in caught.value.message
    assert str(prefix / "conda-meta/state") in caught.value.message


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", variables={"a-b": "1", "PATH": "x", "OK": "1"}, static=False)
    with pytest.raises(PrefixError, match=r"(?s)a-b.*PATH"):
        plan.read(prefix)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '"x"', '{"env_vars": []}', "\ufeff{}"])
def test_a_damaged_state_file_is_an_error_with_its_place(tmp_path: Path, text: str) -> None:
    prefix = make_prefix(tmp_path / "e", static=False)
    (prefix / "conda-meta/state").write_text(text)
    with pytest.raises(PrefixError, match="conda-meta/state"):
        plan.read(prefix)


def test_a_state_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", static=False)
    (prefix / "conda-meta/state").write_bytes(b'{"env_vars": {"A": "\xff"}}')
    with pytest.raises(PrefixError, match="is not JSON"):
        plan.read(prefix)


def test_other_keys_of_the_state_are_left_alone(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", static=False)
    (prefix / "conda-meta/state").write_text(json.dumps({"version": 2}))
    assert plan.read(prefix).variables == ()


def test_what_is_no_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAnEnvironment, match="has no conda-meta"):
        plan.read(tmp_path)
    with pytest.raises(NotAnEnvironment, match="does not exist"):
        plan.read(tmp_path / "absent")


def test_a_prefix_that_path_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrefixError, match="PATH is divided at `:`"):
        plan.at(tmp_path, "/a:b")


def test_windows_path_entries_are_those_of_cep_32(tmp_path: Path) -> None:
    (tmp_path / "Library/mingw64/bin").mkdir(parents=True)
    (tmp_path / "Library/ucrt64/bin").mkdir(parents=True)
    assert plan.path_entries("C:\\e", str(tmp_path), "win32") == (
        "C:\\e",
        "C:\\e\\Library\\ucrt64\\bin",
        "C:\\e\\Library\\mingw-w64\\bin",
        "C:\\e\\Library\\usr\\bin",
        "C:\\e\\Library\\bin",
        "C:\\e\\Scripts",
        "C:\\e\\bin",
    )


def test_prompt_shows_nothing_that_a_shell_expands() -> None:
    assert plan.prompt_name("a$(x)`y`\\w%n!{\x1b[1m'é 終") == "a_(x)_y__w_n___[1m_é 終"


def test_prompt_has_condas_form_and_can_be_switched_off() -> None:
    at = plan.ActivationPlan(prefix="/s/envs/science", name="science", path=("/s/envs/science/bin",))
    assert plan.prompt_modifier(at, {}) == "(science) "
    assert plan.prompt_modifier(at, {"ENVMGR_ENV_PROMPT": "{prefix}:{name}> "}) == "/s/envs/science:science> "
    assert plan.prompt_modifier(at, {"ENVMGR_CHANGEPS1": "off"}) == ""
