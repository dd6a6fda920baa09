"""`-e git+URL@REVISION`: a checkout to edit for each commit, which no command changes and no generation takes away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.projects import Project, git
from workflows.conftest import SITE


@pytest.fixture
def repository(machine: Envmgr) -> Path:
    """A repository with `main` and `v1`, whose project needs `helper` of the index."""
    Project(name="edited", requires=["helper"]).repository(machine.directory / "edited")
    return machine.directory / "edited"


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel, index: IndexServer, repository: Path) -> Envmgr:
    ask(machine, channel, "v1")
    done = machine("create", "-f", "environment.yml")
    assert (done.code, f"to be edited: {checkout(machine)}\n" in done.err) == (0, True), done
    return machine


def ask(machine: Envmgr, channel: LocalChannel, revision: str) -> None:
    line = f"-e git+file://{machine.directory}/edited@{revision}#egg=edited"
    machine.write("environment.yml", environment_file(channel, "python") + f"  - pip: ['{line}']\n")


def checkout(machine: Envmgr, name: str = "science") -> Path:
    """Return the checkout that an environment uses, as direct_url.json names it (PEP 610)."""
    (file,) = (machine.prefix(name) / SITE).glob("edited-*.dist-info/direct_url.json")
    found = json.loads(file.read_text())
    assert found["dir_info"] == {"editable": True}
    return Path(found["url"].removeprefix("file://"))


def shown(machine: Envmgr, name: str = "science") -> str:
    return machine.process("run", "-n", name, "python", "-c", "import edited; print(edited.VALUE, edited.__file__)").out


def test_it_is_a_clone_at_the_locked_commit_that_is_imported_and_exported(science: Envmgr, repository: Path) -> None:
    commit, place = git(repository, "rev-parse", "v1").strip(), checkout(science)
    assert place == science.root / "checkouts/science" / f"edited-{commit[:12]}"
    assert git(place, "rev-parse", "HEAD").strip() == commit
    assert git(place, "remote", "get-url", "origin").strip() == f"file://{repository}"
    assert shown(science) == f"1 {place}/src/edited.py\n"
    lock = (science.directory / "environment.conda-lock.yml").read_text()
    assert f"git+file://{repository}@{commit}" in lock
    line = f"-e git+file://{repository}@v1#egg=edited"
    assert line in science.ok("export", "-n", "science")
    exported = science.ok("export", "-n", "science", "--format", "requirements")
    assert f"-e git+file://{repository}@{commit}#egg=edited" in exported
    assert science.ok("verify", "-n", "science").startswith("science: whole")
    assert "up to date" in science.ok("create", "-f", "environment.yml")


def test_work_in_it_outlives_generations_updates_and_rollbacks(
    science: Envmgr, channel: LocalChannel, repository: Path
) -> None:
    first = checkout(science)
    (first / "src/edited.py").write_text("VALUE = 'mine'\n")
    science("install", "-n", "science", "tool", "-q")
    assert (checkout(science), shown(science).split()[0]) == (first, "mine")
    Project(name="edited", requires=["helper"], source="VALUE = 2").repository(repository, tag="v2")
    ask(science, channel, "main")
    assert science("create", "-f", "environment.yml", "-y", "-q").code == 0
    second = checkout(science)
    assert (second != first, shown(science).split()[0]) == (True, "2")
    assert git(second, "rev-parse", "--abbrev-ref", "HEAD").strip() == "main"
    assert science("rollback", "-n", "science", "2", "-y", "-q").code == 0
    assert (checkout(science), shown(science).split()[0]) == (first, "mine")
    science("clone", "science", "other", "-q")
    assert (checkout(science, "other").parent.name, shown(science, "other").split()[0]) == ("other", "mine")


def test_another_commit_is_a_notice_and_a_lost_one_is_mended_offline(science: Envmgr, repository: Path) -> None:
    place = checkout(science)
    git(place, "-c", "user.email=a@x", "-c", "user.name=a", "commit", "-q", "--allow-empty", "-m", "mine")
    (notice,) = science("verify", "-n", "science", "--json").json["problems"]
    assert (notice["severity"], notice["path"], notice["package"]) == ("notice", str(place), "edited")
    shutil.rmtree(place)
    shutil.rmtree(repository)
    done = science("verify", "-n", "science")
    assert (done.code, f"missing: {place}" in done.out) == (1, True)
    assert science("verify", "-n", "science", "--fix").code == 0
    assert shown(science) == f"1 {place}/src/edited.py\n"


def test_clean_removes_what_nobody_needs_and_nobody_worked_in(science: Envmgr) -> None:
    place = checkout(science)
    assert "nothing to remove" in science.ok("clean", "--dry-run")
    done = science("remove", "-n", "science", "--all", "-y", "-q")
    assert (place.is_dir(), str(place.parent) in done.err) == (True, False)  # --quiet
    (place / "notes.txt").write_text("mine")
    done = science("clean", "--yes", "--json")
    assert str(place) in done.json["protected"]
    (place / "notes.txt").unlink()
    science("clean", "--yes", "-q")
    assert not place.exists()
