"""What `export` writes of both halves, read back by the tools that it is written for."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rattler import LockFile
from uv import find_uv_bin

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.wheels import Wheel
from envmgr.platforms.subdirs import current_subdir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHON = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def both(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """An environment of both halves: conda's python, pip and `provided`; `pure` and its `helper` from the index."""
    text = environment_file(channel, "python", "provided", name="both", more="  - pip:\n      - pure\n")
    machine.write("environment.yml", text)
    done = machine("create", "-f", "environment.yml", "-q")
    assert done.code == 0, done.err
    return machine


def _uv(envmgr: Envmgr, index: IndexServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**envmgr.environ, "UV_INDEX_URL": index.url, "UV_CACHE_DIR": str(envmgr.cache / "other-uv")}
    return subprocess.run(
        [find_uv_bin(), *arguments], cwd=envmgr.directory, env=environ, capture_output=True, text=True, check=False
    )


def test_requirements_are_the_pip_view_of_both_halves_and_uv_reads_them(
    both: Envmgr, index: IndexServer, tmp_path: Path
) -> None:
    both.ok("export", "-n", "both", "-f", "requirements.txt")
    lines = (both.directory / "requirements.txt").read_text().splitlines()
    assert lines[0].startswith(
        f"# the Python distributions of a locked environment for {current_subdir()}, Python {PYTHON}"
    )
    assert lines[1:] == ["helper==1.0", "provided==1.5  # conda: provided-1.5-0", "pure==2.0"]
    index.add(Wheel(name="provided", version="1.5"))
    done = _uv(both, index, "pip", "install", "--dry-run", "--target", str(tmp_path / "t"), "-r", "requirements.txt",
               "--python", sys.executable)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(name in done.stderr for name in ("helper==1.0", "provided==1.5", "pure==2.0"))


def test_pylock_has_locked_wheels_those_an_index_has_of_what_conda_brought_and_names_the_rest(
    both: Envmgr, index: IndexServer, tmp_path: Path
) -> None:
    done = both("export", "-n", "both", "--format", "pylock")
    assert done.code == 0
    assert "left out, since no package index has a wheel of it: provided==1.5" in done.err
    assert [package["name"] for package in tomllib.loads(done.out)["packages"]] == ["helper", "pure"]
    index.add(Wheel(name="provided", version="1.5"))
    done = both("export", "-n", "both", "-f", "pylock.toml", UV_NO_CACHE="1")
    assert (done.code, done.err) == (0, "")
    document = tomllib.loads((both.directory / "pylock.toml").read_text())
    assert document["requires-python"] == f"=={PYTHON}.*"
    assert [(package["name"], package["version"]) for package in document["packages"]] == [
        ("helper", "1.0"), ("provided", "1.5"), ("pure", "2.0"),
    ]  # fmt: skip
    assert all(len(wheel["hashes"]["sha256"]) == 64 for package in document["packages"] for wheel in package["wheels"])
    read = _uv(both, index, "pip", "sync", "--dry-run", "--target", str(tmp_path / "t"), "pylock.toml",
               "--python", sys.executable, "--preview-features", "pylock")  # fmt: skip
    assert read.returncode == 0, read.stderr
    assert all(name in read.stderr for name in ("helper==1.0", "provided==1.5", "pure==2.0"))


def test_pixi_lock_is_read_by_rattler_with_both_halves(both: Envmgr, channel: LocalChannel) -> None:
    both.ok("export", "-n", "both", "-f", "pixi.lock")
    environment = LockFile.from_path(both.directory / "pixi.lock").default_environment()
    assert environment is not None
    (platform,) = environment.platforms()
    records = {
        record.name.normalized: record for record in environment.conda_repodata_records_for_platform(platform) or ()
    }
    assert sorted(records) == ["pip", "provided", "python"]
    assert records["pip"].depends == list(channel.package("pip").depends)
    assert (records["pip"].sha256 or b"").hex() == channel.package("pip").sha256
    assert {(each.name, each.version) for each in environment.pypi_packages_for_platform(platform) or ()} == {
        ("helper", "1.0"), ("pure", "2.0"),
    }  # fmt: skip


@pytest.mark.parametrize("file", ["conda-lock.yml", "pixi.lock"])
def test_both_halves_come_back_from_a_lock_that_was_exported(both: Envmgr, file: str) -> None:
    both.ok("export", "-n", "both", "-f", file)
    if file == "conda-lock.yml":  # as another tool would write it
        path = both.directory / file
        path.write_text(path.read_text().replace("    envmgr", "    other"))
    done = both("create", "-n", "again", "-f", file, "-q")
    assert done.code == 0, done.err
    assert both.ok("diff", "both", "again") == "both → again: the same packages\n"
    assert both("verify", "-n", "again").code == 0
    assert both.process("run", "-n", "again", "python", "-c", "import pure, helper, provided").code == 0


@pytest.mark.parametrize(
    "specs",
    [each for size in (1, 2, 3) for each in itertools.combinations(("tool", "greet", "numpy >=1", "old-only"), size)],
    ids="+".join,
)
def test_create_export_create_gives_an_equal_lock(
    envmgr: Envmgr, channel: LocalChannel, specs: tuple[str, ...]
) -> None:
    envmgr.write("first.yml", environment_file(channel, *specs, more="variables:\n  A: '010'\n"))
    envmgr.ok("create", "-f", "first.yml", "-q")
    envmgr.write("second.yml", envmgr.ok("export", "-n", "science"))
    envmgr.ok("lock", "-f", "second.yml", "-q")
    first, second = (envmgr.directory / f"{name}.conda-lock.yml" for name in ("first", "second"))
    assert second.read_text().replace("second.yml", "first.yml") == first.read_text()
    assert envmgr.ok("create", "-f", "second.yml") == f"science is up to date: {envmgr.prefix('science')}\n"


def test_environment_of_another_tool_is_exported_from_its_records_and_what_pip_left_there(
    both: Envmgr, channel: LocalChannel
) -> None:
    shutil.rmtree(both.prefix("both") / "conda-meta" / "envmgr")
    exported = yaml.safe_load(both.ok("export", "-n", "both"))
    assert exported["channels"] == [channel.url]
    assert exported["dependencies"] == ["provided", "python", {"pip": ["pure==2.0"]}]
    pinned = yaml.safe_load(both.ok("export", "-n", "both", "--format", "pinned"))["dependencies"]
    assert "provided=1.5=0" in pinned
    assert pinned[-1] == {"pip": ["helper==1.0", "pure==2.0"]}
    assert "pure==2.0\n" in both.ok("export", "-n", "both", "--format", "requirements")
    assert channel.package("provided").sha256 in both("export", "-n", "both", "--format", "explicit").out
    done = both("export", "-n", "both", "--format", "conda-lock")
    assert (done.code, "pip does not say which files it installed: helper, pure" in done.err) == (1, True)
