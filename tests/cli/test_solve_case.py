from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file


@pytest.fixture
def case(envmgr: Envmgr, channel: LocalChannel) -> Path:
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool", "numpy", "-q", "--solver-debug", "case")
    assert done.code == 0, done
    return envmgr.directory / "case"


def test_a_recorded_solve_is_run_again_anywhere(
    envmgr: Envmgr, case: Path, channel: LocalChannel, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(case, moved)
    shutil.rmtree(channel.directory)
    out = envmgr.ok("solve-case", str(moved))
    assert "3 packages" in out
    assert out.endswith("the same answer\n")
    texts = [path.read_text() for path in moved.rglob("*.json")]
    assert not any(str(tmp_path) in text.replace(str(moved), "") for text in texts)


def test_another_answer_is_shown(envmgr: Envmgr, case: Path) -> None:
    index = case / "channels/0/noarch/repodata.json"
    document = json.loads(index.read_text())
    document["packages.conda"] = {
        name: each for name, each in document["packages.conda"].items() if not name.startswith("tool-2")
    }
    index.write_text(json.dumps(document))
    done = envmgr("solve-case", "case")
    assert done.code == 1
    assert done.out.splitlines()[-3:] == ["  - 0::tool-2.0-0", "  + 0::tool-1.0-0", "another answer"]
    assert envmgr("solve-case", "case", "--json").json["now"]["packages"][-1] == "0::tool-1.0-0"


def test_a_solve_without_a_solution_is_recorded_too(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "old-only", "tool=2"))
    file = str(envmgr.directory / "environment.yml")
    done = envmgr("create", "-f", file, "--solver-debug", "case", "-q")
    assert (done.code, "environment.yml:5" in done.err) == (1, True)
    assert "environment.yml:5" in (text := (envmgr.directory / "case/case.json").read_text())
    assert str(envmgr.directory.parent) not in text
    again = envmgr("solve-case", "case", "--json").json
    assert (again["success"], again["recorded"]["error"], again["now"]["error"]) == (
        True,
        "Unsatisfiable",
        "Unsatisfiable",
    )


def test_locked_packages_and_options_are_part_of_a_case(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "-q")
    (envmgr.prefix("x") / "conda-meta/pinned").write_text("tool 1.*\n")
    envmgr("install", "-n", "x", "greet", "--solver-debug", "case", "--virtual-package", "__cuda=12", "-q")
    request = json.loads(text := (envmgr.directory / "case/case.json").read_text())["request"]
    assert request["constraints"] == [["tool 1.*", "conda-meta/pinned:1"]]
    assert str(envmgr.directory.parent) not in text
    assert {each["name"] for each in request["locked"]} == {"tool", "base-files"}
    assert ["__cuda", "12", "0"] in request["virtual_packages"]
    assert "the same answer" in envmgr.ok("solve-case", "case")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', "[" * 100_000, '{"schema": 1, "request": {}}'])
def test_what_is_no_case_is_one_error(envmgr: Envmgr, text: str) -> None:
    envmgr.write("case.json", text)
    done = envmgr("solve-case", ".")
    assert (done.code, "--solver-debug wrote" in done.err or "update envmgr" in done.err) == (1, True)
    assert "Traceback" not in done.err


def test_a_directory_that_holds_something_else_is_left_alone(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("mine.txt", "mine")
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool", "-q", "--solver-debug", ".")
    assert (done.code, "holds something else" in done.err) == (2, True)
    assert [path.name for path in envmgr.directory.iterdir()] == ["mine.txt"]
