"""Other tools of the field see and use what envmgr makes (CEP 32, CEP 37), where they are present."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store
from envmgr.lock import conda_lock
from envmgr.store.layout import LOCK_FILE

SCRIPT = "#!/bin/sh\necho hello from $CONDA_PREFIX\n"


@pytest.fixture(params=["micromamba", "conda"])
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not on PATH")
    return path


def run(tool: str, arguments: list[str], home: Path, environ: Mapping[str, str]) -> str:
    isolated = {"PATH": "/usr/bin:/bin", "HOME": str(home), "MAMBA_ROOT_PREFIX": str(home / "mamba")}
    command = [tool, *arguments]
    if os.geteuid() == 0:  # conda reads the register of every user of the machine where root calls it, not that of HOME
        command = ["unshare", "--user", *command]
    done = subprocess.run(command, env={**environ, **isolated}, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, (done.stderr + done.stdout).decode()
    return done.stdout.decode()


@pytest.fixture
def prefix(store: Store) -> Path:
    store.channel.add(
        Package(name="hello", files={"bin/hello": SCRIPT}, executable=["bin/hello"], depends=["base-files"]),
        Package(name="base-files", files={"share/base": "x"}),
    )
    store.create("demo", "hello", "base-files")
    return store.location("demo").prefix


def test_they_list_the_packages(tool: str, prefix: Path, home: Path, environ: dict[str, str]) -> None:
    listed = json.loads(run(tool, ["list", "-p", str(prefix), "--json"], home, environ))
    listed = listed["packages"] if isinstance(listed, dict) else listed  # micromamba's shape from 2.6 on
    assert {(entry["name"], entry["version"], entry["build_string"]) for entry in listed} == {
        ("hello", "1.0", "0"),
        ("base-files", "1.0", "0"),
    }


def test_they_run_commands_in_it(tool: str, prefix: Path, home: Path, environ: dict[str, str]) -> None:
    assert run(tool, ["run", "-p", str(prefix), "hello"], home, environ) == f"hello from {prefix}\n"


def test_they_find_it_in_the_register(tool: str, prefix: Path, home: Path, environ: dict[str, str]) -> None:
    assert str(prefix) in json.loads(run(tool, ["env", "list", "--json"], home, environ))["envs"]


def test_micromamba_installs_the_lock_without_envmgr(
    prefix: Path, tmp_path: Path, home: Path, environ: dict[str, str]
) -> None:
    micromamba = shutil.which("micromamba")
    if micromamba is None:
        pytest.skip("micromamba is not on PATH")
    lock = tmp_path / "environment.conda-lock.yml"
    shutil.copy(prefix / LOCK_FILE, lock)
    target = tmp_path / "theirs"
    run(micromamba, ["create", "--yes", "--no-rc", "-p", str(target), "-f", str(lock)], home, environ)
    installed = {json.loads(path.read_bytes())["sha256"] for path in (target / "conda-meta").glob("*.json")}
    (locked,) = conda_lock.loads(lock.read_bytes(), source="lock").values()
    assert installed == {package.sha256 for package in locked.conda}
    assert (target / "bin/hello").read_text() == SCRIPT
