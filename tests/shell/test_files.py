from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builders.prefixes import make_prefix
from envmgr.errors import NotAnEnvironment, PrefixError, UsageError
from envmgr.shell import files, plan, scripts

OWN = "conda-meta/envmgr"


def _make(tmp_path: Path) -> Path:
    return make_prefix(
        tmp_path / "envs" / "e",
        variables={"B": "it's $HOME\n", "A": "é"},
        activate={"a.sh": "A=1"},
        deactivate={"a.sh": ""},
    )


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    prefix = _make(tmp_path)
    before = {path.name: path.read_bytes() for path in (prefix / OWN).iterdir()}
    scripts.write(prefix, prefix, "e")
    assert {path.name: path.read_bytes() for path in (prefix / OWN).iterdir()} == before
    assert sorted(before) == ["activate.csh", "activate.fish", "activate.sh", "deactivate.sh", "run.json"]


def test_a_hardlink_of_a_kept_generation_is_not_written_through(tmp_path: Path) -> None:
    prefix = _make(tmp_path)
    kept = tmp_path / "kept.sh"
    os.link(prefix / OWN / "activate.sh", kept)
    before = kept.read_bytes()
    scripts.write(prefix, "/elsewhere", "other")
    assert kept.read_bytes() == before


def test_what_was_written_is_what_would_be_computed(tmp_path: Path) -> None:
    prefix = _make(tmp_path)
    assert files.load(str(prefix)) == plan.read(prefix)
    steps: tuple[files.Step, ...] = ("activate", "deactivate")
    for step in steps:
        static = (prefix / OWN / f"{step}.sh").read_text()
        (prefix / OWN / "run.json").rename(prefix / OWN / "aside.json")
        assert scripts.script_for(str(prefix), "bash", step) == static
        (prefix / OWN / "aside.json").rename(prefix / OWN / "run.json")


def test_staged_files_name_the_final_prefix_only(tmp_path: Path) -> None:
    staging = make_prefix(tmp_path / "staging", activate={"a.sh": ""}, deactivate={"a.sh": ""}, static=False)
    scripts.write(staging, "/final/e", None)
    for path in (staging / OWN).iterdir():
        assert str(staging) not in path.read_text()


def test_a_prefix_that_is_no_text_survives(tmp_path: Path) -> None:
    prefix = tmp_path / os.fsdecode(b"\xff\xe9")
    make_prefix(prefix)
    assert files.load(str(prefix)).prefix == str(prefix)
    assert os.fsencode(str(prefix)) in (prefix / OWN / "activate.sh").read_bytes()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "prefix": 3}', "\xff", "[" * 100_000],
)
def test_a_damaged_or_newer_run_json_is_computed_again(tmp_path: Path, text: str) -> None:
    prefix = _make(tmp_path)
    expected = plan.read(prefix)
    (prefix / OWN / "run.json").write_bytes(text.encode("latin-1"))
    assert files.load(str(prefix)) == expected


def test_wrong_values_in_run_json_are_computed_again(tmp_path: Path) -> None:
    prefix = _make(tmp_path)
    document = json.loads((prefix / OWN / "run.json").read_text())
    for key, value in (("variables", [["A", 1]]), ("variables", [["a b", "1"]]), ("path", [1]), ("name", "\0")):
        (prefix / OWN / "run.json").write_text(json.dumps({**document, key: value}))
        assert files.load(str(prefix)) == plan.read(prefix)


def test_a_copied_environment_does_not_lead_back_to_the_original(tmp_path: Path) -> None:
    prefix = _make(tmp_path)
    copy = prefix.with_name("copy")
    prefix.rename(copy)
    assert files.load(str(copy)).prefix == str(copy)


@pytest.mark.parametrize("source", ["conda-meta/state", "etc/conda/activate.d/z.sh", "etc/conda/env_vars.d/z.json"])
def test_what_another_tool_changed_since_is_read(tmp_path: Path, source: str) -> None:
    prefix = _make(tmp_path)
    assert files.static_script(str(prefix), "activate")
    path = prefix / source
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"env_vars": {"NEW": "1"}}' if source.endswith("state") else '{"NEW": "1"}')
    later = (prefix / OWN / "run.json").stat().st_mtime_ns + 10_000_000
    os.utime(path if source.endswith("state") else path.parent, ns=(later, later))
    assert files.static_script(str(prefix), "activate") is None
    loaded = files.load(str(prefix))
    assert ("NEW", "1") in loaded.variables or loaded.activate_scripts(".sh")[-1].endswith("z.sh")


def test_a_bad_variable_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "e", variables={"a;b": "1"}, static=False)
    with pytest.raises(PrefixError):
        scripts.write(prefix, prefix, None)
    assert not (prefix / OWN).exists()


def test_an_unknown_shell_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no activation for the shell `tclsh`; expected one of bash"):
        scripts.script_for(str(_make(tmp_path)), "tclsh")


def test_a_vanished_environment_can_be_left_but_not_entered(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert gone in scripts.script_for(gone, "posix", "deactivate")
    with pytest.raises(NotAnEnvironment):
        scripts.script_for(gone, "posix", "activate")
