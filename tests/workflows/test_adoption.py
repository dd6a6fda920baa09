"""`pip install` typed inside an environment: noticed by what comes next, taken into the lock, or undone."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.wheels import Wheel
from envmgr.lock.model import Lock
from envmgr.store import dist_info
from envmgr.workflows import adoption
from envmgr.workflows.adoption import Adoption


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """An environment `science` of python; an index with `rich` 1.0 and 2.0, which needs `helper` (1.0 and 2.0)."""
    index.add(
        Wheel(name="rich", version="1.0", requires=["helper"]),
        Wheel(name="rich", version="2.0", requires=["helper"]),
        Wheel(name="helper", version="2.0"),
        Wheel(name="other", version="1.0"),
    )
    machine.write("environment.yml", environment_file(channel, "python", "pip"))
    machine.ok("create", "-f", "environment.yml", "-q")
    time.sleep(0.02)  # clocks of file systems are coarse
    return machine


def site(envmgr: Envmgr) -> Path:
    return next(envmgr.prefix("science").glob("lib/python*/site-packages"))


def pip_install(envmgr: Envmgr, name: str, version: str = "1.0", *, requires: str = "", requested: bool = True) -> Path:
    """Do what `pip install` in the environment does, and return the dist-info directory."""
    prefix = envmgr.prefix("science")
    by_hand.install(prefix, name, version, site=str(site(envmgr).relative_to(prefix)))
    info = site(envmgr) / f"{name}-{version}.dist-info"
    if requires:
        with (info / "METADATA").open("a") as file:
            file.write(f"Requires-Dist: {requires}\n")
    if not requested:
        (info / "REQUESTED").unlink()
    return info


def listed(envmgr: Envmgr) -> dict[str, bool]:
    """Return version and whether it is foreign of every pip package."""
    entries = envmgr("list", "-n", "science", "--json").json
    return {
        f"{entry['name']} {entry['version']}": entry.get("foreign", False)
        for entry in entries
        if entry["channel"] == "pypi"
    }


def test_next_commands_notice_what_was_installed_with_pip(science: Envmgr, channel: LocalChannel) -> None:
    pip_install(science, "rich")
    assert listed(science) == {"rich 1.0": True}
    assert "! is not in the lock" in science.ok("list", "-n", "science")
    out = science.ok("verify", "-n", "science")
    assert "foreign (notice)" in out
    assert out.endswith(
        "installed with pip, and not in the lock: rich\n"
        "take them into the lock: envmgr install -n science --adopt\n"
        "or undo them: envmgr verify -n science --fix\n"
    )
    done = science("install", "-n", "science", "tool=1")
    assert "carried over into the new generation: rich 1.0 (installed with pip)\n" in done.err
    assert "envmgr install -n science --adopt" in done.err
    assert listed(science) == {"rich 1.0": True}
    document = science("remove", "-n", "science", "tool", "--json").json
    assert document["carried"]["distributions"] == [{"name": "rich", "version": "1.0"}]


def test_adopted_distributions_are_locked_as_they_are_there(science: Envmgr) -> None:
    pip_install(science, "rich", requires="helper>=1")
    pip_install(science, "helper", requested=False)
    done = science("install", "-n", "science", "--adopt")
    assert (done.code, done.err) == (0, "")
    assert listed(science) == {"helper 1.0": False, "rich 1.0": False}
    assert science.ok("verify", "-n", "science").startswith("science: whole; ")
    assert "rich==1.0" in science.ok("export", "-n", "science")
    assert "helper" not in science.ok("export", "-n", "science")
    assert (site(science) / "rich-1.0.dist-info/INSTALLER").read_text() == "uv"
    done = science("install", "-n", "science", "--adopt")
    assert (done.code, done.err) == (0, "science has nothing that was installed with pip past its lock\n")


def test_named_distributions_are_adopted_and_the_others_come_along(science: Envmgr) -> None:
    pip_install(science, "rich")
    pip_install(science, "other")
    science("install", "-n", "science", "--adopt", "RICH", "--save", "-q")
    assert listed(science) == {"helper 2.0": False, "rich 1.0": False, "other 1.0": True}
    assert (science.directory / "environment.yml").read_text().endswith("  - pip:\n      - rich==1.0\n")


def test_pip_package_of_the_lock_that_was_upgraded_by_hand_is_adopted(science: Envmgr) -> None:
    science("install", "-n", "science", "--pip", "rich==1.0", "-q")
    time.sleep(0.02)
    for path in site(science).glob("rich*"):
        if path.is_dir():
            for each in path.iterdir():
                each.unlink()
            path.rmdir()
    pip_install(science, "rich", "2.0")
    assert listed(science)["rich 2.0"] is True
    done = science("install", "-n", "science", "--adopt")
    assert "`rich==2.0` replaces `rich==1.0`" in done.err
    assert listed(science) == {"helper 2.0": False, "rich 2.0": False}


def test_fix_undoes_it(science: Envmgr) -> None:
    pip_install(science, "rich")
    done = science("verify", "-n", "science", "--fix")
    assert done.code == 0
    assert "kept in" in done.err
    assert listed(science) == {}
    assert science("rollback", "-n", "science", "1", "-q").code == 0


def pip_uninstall(science: Envmgr, name: str) -> None:
    for path in site(science).glob(f"{name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_every_command_that_looks_says_what_pip_did(science: Envmgr) -> None:
    science("install", "-n", "science", "--pip", "helper==2.0", "--pip", "rich==1.0", "-q")
    time.sleep(0.02)
    pip_install(science, "other")
    pip_uninstall(science, "rich")
    pip_uninstall(science, "helper")
    pip_install(science, "helper", "1.0")
    for command, *others in (["history"], ["export"], ["why", "helper"], ["tree"], ["install", "tool", "--dry-run"]):
        done = science(command, "-n", "science", *others)
        assert "helper 2.0 → 1.0, other 1.0 was installed, rich 1.0 was removed\n" in done.err, done
        assert "envmgr install -n science --adopt" in done.err
    listed = {(each["name"], each["version"]): each for each in science("list", "-n", "science", "--json").json}
    assert listed["rich", "1.0"]["missing"] is True
    assert listed["other", "1.0"]["foreign"] is True


def test_what_pip_removed_is_there_again_or_adopted(science: Envmgr) -> None:
    science("install", "-n", "science", "--pip", "rich==1.0", "-q")
    pip_uninstall(science, "rich")
    assert "-  rich" in science.ok("list", "-n", "science")
    done = science("install", "-n", "science", "--pip", "other")
    assert "removed with pip, and there again in the new generation, as locked: rich 1.0" in done.err
    pip_uninstall(science, "rich")
    done = science("install", "-n", "science", "--adopt")
    assert (done.code, done.err) == (0, "removed with pip, and asked for no more: rich\n")
    assert listed(science) == {"other 1.0": False}
    assert "rich" not in science.ok("export", "-n", "science")


def test_what_stands_in_for_a_conda_package_is_adopted_by_name_only(science: Envmgr) -> None:
    pip_install(science, "rich")
    pip_install(science, "pip", "26.0")
    done = science("install", "-n", "science", "--adopt")
    assert (done.code, "not adopted, since conda's packages provide it: pip" in done.err) == (0, True), done
    assert listed(science)["rich 1.0"] is False
    pip_install(science, "pip", "26.0")
    done = science("install", "-n", "science", "--adopt", "pip")
    assert (done.code, "pip==26.0" in done.err) == (1, True), done


def test_what_the_index_does_not_have_is_an_error_and_nothing_changes(science: Envmgr) -> None:
    pip_install(science, "private-thing")
    done = science("install", "-n", "science", "--adopt")
    assert done.code == 1
    assert "private-thing" in done.err
    assert listed(science) == {"private-thing 1.0": True}


@pytest.mark.parametrize(
    ("name", "said"),
    [("python", "is in its lock already"), ("rihc", "did you mean `rich`?"), ("absent", "was not installed with pip")],
)
def test_only_what_was_installed_with_pip_can_be_adopted(science: Envmgr, name: str, said: str) -> None:
    pip_install(science, "rich")
    done = science("install", "-n", "science", "--adopt", name)
    assert done.code == 1
    assert said in done.err


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        ({"url": "file:///home/a%20b", "dir_info": {"editable": True}}, "-e file:///home/a%20b"),
        ({"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}},
         f"rich @ git+https://git.example/x@{'a' * 40}"),
        ({"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "b"}, "subdirectory": "y"},
         "rich @ git+https://git.example/x@b#subdirectory=y"),
        ({"url": "https://x.example/rich.whl", "archive_info": {"hashes": {"sha256": "c" * 64}}},
         f"rich @ https://x.example/rich.whl#sha256={'c' * 64}"),
        ({"url": "https://x.example/rich.whl", "archive_info": {"hash": f"sha256={'d' * 64}"}},
         f"rich @ https://x.example/rich.whl#sha256={'d' * 64}"),
        ({"url": f"https://files.example/packages/b7/ce/{'0' * 60}/rich-1.0-py3-none-any.whl", "archive_info": {}},
         "rich==1.0"),
        ({"url": "file:///x", "dir_info": {"editable": True}}, "-e /x"),
        ({"url": "file:///x", "dir_info": {}}, "rich @ file:///x"),
        ([], "rich==1.0"),
    ],
)  # fmt: skip
def test_where_it_came_from_is_what_is_asked_for(tmp_path: Path, origin: object, requirement: str) -> None:
    by_hand.install(tmp_path, "rich")
    (tmp_path / by_hand.SITE / "rich-1.0.dist-info/direct_url.json").write_text(json.dumps(origin))
    (found,) = dist_info.installed(tmp_path)
    assert adoption.requirement_of(found) == requirement


def test_nothing_adopted_prefers_nothing() -> None:
    lock = Lock(platform="linux-64", conda=())
    assert Adoption().preferred_in(lock) is lock
