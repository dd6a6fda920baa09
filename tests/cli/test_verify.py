from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Path:
    """The environment `science` with a command and activation."""
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "greet", "-q")
    return envmgr.prefix("science")


def replaced(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def test_whole_environment_is_one_line(envmgr: Envmgr, science: Path) -> None:
    assert envmgr.ok("verify", "-n", "science").startswith("science: whole; 4 files of 3 packages (")
    assert envmgr.ok("verify", "-p", str(science), "--strict").startswith("science: whole; ")
    assert envmgr.ok("verify", "-n", "science", "-q") == ""
    assert envmgr.ok("verify", "-n", "science", "--fix").endswith("compared with its lock\nnothing to repair\n")


def test_faults_are_named_by_package_with_the_way_back(envmgr: Envmgr, science: Path) -> None:
    replaced(science / "share/base.txt", "other")
    (science / "bin/tool").unlink()
    done = envmgr("verify", "-n", "science")
    assert (done.code, done.err) == (1, "")
    *lines, verdict, hint = done.out.splitlines()
    assert lines == [
        "base-files",
        "  changed: share/base.txt: expected " + lines[1].partition("expected ")[2],
        "tool",
        "  missing: bin/tool",
    ]
    assert verdict.startswith("science: 2 faults; ")
    assert hint == "repair it: envmgr verify -n science --fix"
    assert envmgr("verify", "-n", "science", "-q") == (1, "", "")


def test_json_has_the_promised_shape(envmgr: Envmgr, science: Path) -> None:
    document = envmgr("verify", "-n", "science", "--json").json
    assert (document["success"], document["problems"], document["locked"]) == (True, [], True)
    (science / "bin/tool").unlink()
    (science / "mine").touch()
    done = envmgr("verify", "-n", "science", "--json")
    assert done.code == 1
    assert done.json["success"] is False
    missing, foreign = done.json["problems"]
    assert set(missing) == {"severity", "kind", "path", "package", "expected", "found"}
    assert (missing["severity"], missing["kind"], missing["package"]) == ("fault", "missing", "tool")
    assert (foreign["severity"], foreign["kind"], foreign["path"]) == ("notice", "foreign", "mine")


def test_notices_fail_only_when_strict(envmgr: Envmgr, science: Path) -> None:
    for number in range(8):
        (science / f"mine{number}").touch()
    out = envmgr.ok("verify", "-n", "science")
    assert out.startswith("8 files of no package: mine0, mine1, mine2, mine3, mine4 and 3 more (-v shows all)\n")
    assert "science: whole, 8 notices; " in out
    assert "mine7" in envmgr.ok("verify", "-n", "science", "-v")
    assert envmgr("verify", "-n", "science", "--strict").code == 1
    document = envmgr("verify", "-n", "science", "--strict", "--json").json
    assert (document["success"], {each["severity"] for each in document["problems"]}) == (False, {"fault"})


def test_fix_says_what_it_did_and_the_environment_runs_again(envmgr: Envmgr, science: Path) -> None:
    (science / "bin/tool").unlink()
    replaced(science / "share/base.txt", "mine")
    done = envmgr("verify", "-n", "science", "--fix")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "repaired: generation 2 of science, from the same lock"
    assert "saved beside what the packages bring: share/base.txt.envmgr-saved" in done.err
    assert (science / "share/base.txt.envmgr-saved").read_text() == "mine"
    assert envmgr.process("run", "-n", "science", "tool").out == "tool 1.0\n"
    out = envmgr.ok("verify", "-n", "science")
    assert out.startswith("1 file of no package, carried from the generation before: share/base.txt.envmgr-saved\n")
    assert "science: whole, 1 notice; " in out


def test_edit_in_place_names_everyone_concerned(envmgr: Envmgr, science: Path, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "other", "-c", channel.url, "tool=1", "-q")
    (science / "share/base.txt").write_text("edited in place")
    out = envmgr("verify", "-n", "science").out
    assert "edited in place, and so changed as well in the package cache and other: share/base.txt\n" in out
    document = envmgr("verify", "-n", "science", "--json").json
    assert document["shared"] == [
        {"path": "share/base.txt", "package": "base-files", "environments": ["other"], "elsewhere": True}
    ]
    assert envmgr("verify", "--cache").code == 1
    out = envmgr("verify", "-n", "science", "--fix").out
    assert "rotten in the cache, and fetched again: base-files-1.0-0\n" in out
    assert "the same edit is in other, to be repaired in the same way\n" in out
    repair = envmgr("verify", "-n", "other", "--fix", "--json").json
    assert (repair["success"], repair["repair"]["generation"]) == (True, 2)
    assert [(each["kind"], each["path"]) for each in repair["problems"]] == [("carried", "share/base.txt.envmgr-saved")]
    assert [each["path"] for each in repair["repair"]["problems"]] == ["share/base.txt"]
    assert envmgr("verify", "--cache").code == 0


def test_fix_keeps_the_repaired_environment_up_to_date(envmgr: Envmgr, channel: LocalChannel) -> None:
    arguments = ("create", "-n", "x", "-c", channel.url, "greet")
    envmgr.ok(*arguments)
    (envmgr.prefix("x") / "etc/conda/activate.d/greet.sh").unlink()
    assert envmgr("verify", "-n", "x", "--fix").code == 0
    assert "is up to date" in envmgr.ok(*arguments)


def test_fix_that_cannot_be_is_an_error_and_changes_nothing(envmgr: Envmgr, science: Path) -> None:
    (science / "conda-meta/envmgr/environment.conda-lock.yml").unlink()
    done = envmgr("verify", "-n", "science", "--fix")
    assert done.code == 1
    assert done.err.startswith("error: science cannot be repaired")
    assert "hint: " in done.err
    document = envmgr("verify", "-n", "science", "--fix", "--json").json
    assert (document["success"], document["error"]) == (False, "PrefixError")


def test_environment_of_another_tool_is_said_to_have_no_lock(envmgr: Envmgr, science: Path) -> None:
    shutil.rmtree(science / "conda-meta/envmgr")
    assert envmgr.ok("verify", "-n", "science").endswith(
        "compared with its records (another tool made it; there is no lock)\n"
    )
    (science / "bin/tool").unlink()
    done = envmgr("verify", "-n", "science")
    assert done.code == 1
    assert "repair it" not in done.out
    assert envmgr("verify", "-n", "science", "--json").json["locked"] is False


def test_cache_is_verified_and_mended(envmgr: Envmgr, science: Path) -> None:
    assert envmgr.ok("verify", "--cache").endswith("compared: none rotten\n")
    (directory,) = [path for path in envmgr.cache.glob("pkgs/greet-*") if path.is_dir()]
    replaced(directory / "etc/conda/activate.d/greet.sh", "echo rot\n")
    done = envmgr("verify", "--cache")
    assert done.code == 1
    assert done.out.startswith("greet-1.0-0\n  rotten: `etc/conda/activate.d/greet.sh` has ")
    assert done.out.endswith("so that they are fetched again: envmgr verify --cache --fix\n")
    (problem,) = envmgr("verify", "--cache", "--json").json["problems"]
    assert (problem["severity"], problem["kind"], problem["path"]) == ("fault", "rotten", str(directory))
    assert "removed greet-1.0-0: fetched again when needed\n" in envmgr.ok("verify", "--cache", "--fix")
    assert not directory.exists()
    assert envmgr.ok("verify", "--cache").startswith("2 cached packages (")
    assert envmgr.ok("verify", "-n", "science").startswith("science: whole; ")


def test_empty_cache_is_sound(envmgr: Envmgr) -> None:
    assert envmgr.ok("verify", "--cache") == "0 cached packages (0 B) compared: none rotten\n"
    assert envmgr("verify", "--cache", "--json").json["success"] is True


def test_cache_and_environment_are_not_verified_at_once(envmgr: Envmgr) -> None:
    done = envmgr("verify", "--cache", "-n", "science")
    assert done.code == 2
    assert done.err.endswith("hint: envmgr verify --cache\n")


def test_environment_that_is_not_there_is_an_error(envmgr: Envmgr) -> None:
    assert envmgr("verify", "-n", "absent").code == 1
    assert envmgr("verify", "-n", "absent", "--json").json["error"] == "EnvironmentNotFound"


def test_names_of_strangers_cannot_steer_a_terminal(envmgr: Envmgr, make_channel: Callable[..., LocalChannel]) -> None:
    channel = make_channel("strange").add(Package(name="plain", files={"share/x": "x"}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "plain", "-q")
    (envmgr.prefix("x") / "share/\x1b[31mred").touch()
    out = envmgr.ok("verify", "-n", "x")
    assert "\x1b" not in out
    assert json.loads(envmgr("verify", "-n", "x", "--json").out)["problems"][0]["path"] == "share/\x1b[31mred"


def test_file_names_that_are_not_text_are_printed(envmgr: Envmgr, science: Path) -> None:
    with open(bytes(science) + b"/\xff\xfe", "wb"):
        pass
    assert "1 file of no package" in envmgr.ok("verify", "-n", "science")
    assert len(envmgr("verify", "-n", "science", "--json").json["problems"]) == 1
