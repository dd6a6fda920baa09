"""What was built for the pip half is built once: its wheel is kept in the cache, checked, and cleaned like the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.projects import Project
from workflows.conftest import SITE


@pytest.fixture
def built(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A machine on which `science` was made from an sdist, an archive and a repository, whose builds are logged."""
    work = machine.directory
    index.add_sdist(Project(name="sdist-only"))
    Project(name="packed").write_sdist(work)
    Project(name="gitted").repository(work / "gitted")
    machine.environ["BUILD_LOG"] = str(work / "builds.log")
    lines = ("sdist-only", "./packed-1.0.tar.gz", f"git+file://{work}/gitted@v1")
    file = environment_file(channel, "python") + "  - pip:\n" + "".join(f"      - {line}\n" for line in lines)
    machine.write("environment.yml", file)
    machine("create", "-f", "environment.yml", "-q")
    assert names_built(machine) == ["gitted", "packed", "sdist-only"]
    return machine


def names_built(machine: Envmgr) -> list[str]:
    """Return what was built since the last call, each once."""
    log = Path(machine.environ["BUILD_LOG"])
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted({line.split()[0] for line in lines})


def direct_urls(machine: Envmgr) -> dict[str, str]:
    site = machine.prefix("science") / SITE
    return {path.parent.name: path.read_text() for path in site.glob("*.dist-info/direct_url.json")}


def test_a_create_from_the_lock_builds_nothing_again_and_needs_neither_uvs_cache_nor_a_network(built: Envmgr) -> None:
    before = direct_urls(built)
    assert sorted(before) == ["gitted-1.0.dist-info", "packed-1.0.dist-info"]
    built("remove", "-n", "science", "--all", "-y", "-q")
    shutil.rmtree(built.cache / "uv")
    assert built("create", "-f", "environment.yml", "-q", "--offline").code == 0
    assert names_built(built) == []
    assert direct_urls(built) == before
    assert built.ok("verify", "-n", "science").startswith("science: whole")


def test_what_is_damaged_is_found_and_never_installed_and_what_nothing_needs_goes(built: Envmgr) -> None:
    wheel = next(built.cache.glob("built-wheels/*/packed-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"x")
    unpacked = next((built.cache / "uv").glob("archive-v*/*/gitted.py"))
    unpacked.write_text(unpacked.read_text() + "EDITED = 1\n")
    done = built("verify", "--cache", "--json")
    found = [problem["package"] for problem in done.json["problems"]]
    assert (done.code, found) == (1, ["the wheel of packed 1.0", "the wheel of gitted 1.0"])
    assert built("verify", "--cache", "--fix").code == 0
    assert built("verify", "--cache").code == 0
    assert "nothing to remove" in built.ok("clean", "--dry-run")
    built("remove", "-n", "science", "--all", "-y", "-q")
    built("create", "-f", "environment.yml", "-q")
    assert sorted(path.name[:6] for path in built.cache.glob("built-wheels/*/*.whl")) == ["gitted", "packed", "sdist_"]
    built("remove", "-n", "science", "--all", "-y", "-q")
    done = built("clean", "--yes", "--json", "--keep-generations", "0")
    names = {item["name"] for item in done.json["items"] if item["kind"] == "wheel"}
    assert names == {"gitted 1.0", "packed 1.0", "sdist-only 1.0"}
    assert not list(built.cache.glob("built-wheels/*"))


def test_what_was_built_is_compiled_on_request(built: Envmgr) -> None:
    built("create", "-n", "compiled", "-f", "environment.yml", "-q", "--compile-bytecode")
    site = built.prefix("compiled") / SITE
    compiled = {path.name.partition(".")[0] for path in site.glob("__pycache__/*.pyc")}
    assert {"gitted", "packed", "sdist_only"} <= compiled
    assert all(path.stat().st_nlink > 1 for path in site.glob("__pycache__/packed.*.pyc"))
