"""`pip list`, `pip check`, `importlib.metadata` and `uv pip list` inside an environment agree with `envmgr list`."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from envmgr.lock import conda_lock
from envmgr.store.layout import LOCK_FILE
from workflows.conftest import SITE

_INSTALLED = """
import importlib.metadata as metadata, json
print(json.dumps([
    [each.name, each.version, (each.read_text("INSTALLER") or "").strip(), each.read_text("REQUESTED") is not None,
     all(path.locate().exists() for path in each.files or ())]
    for each in metadata.distributions()
]))
"""


def pip_itself() -> Package:
    """Return the pip that is installed beside the tests as a conda package."""
    pip = importlib.metadata.distribution("pip")
    files: dict[str, bytes | str] = {}
    for path in pip.files or ():
        if ".." not in path.parts and "__pycache__" not in path.parts:
            files[f"{SITE}/{path.as_posix()}"] = Path(str(path.locate())).read_bytes()
    return Package(name="pip", version=pip.version, build_number=7, depends=["python"], files=files)


def of_wheel(name: str, wheel: Wheel) -> Package:
    """Return a conda package that holds what a wheel installs."""
    files: dict[str, bytes | str] = {f"{SITE}/{path}": data for path, data in wheel.members().items()}
    return Package(name=name, version=wheel.version, files=files)


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """Conda: python, pip, `provided`, and `pytorch` that provides torch; pip: `app`, which needs `helper` and both."""
    channel.add(
        pip_itself(), of_wheel("pytorch", Wheel(name="torch", version="2.1")),
        of_wheel("provided", Wheel(name="provided", version="1.6")),
    )  # fmt: skip
    index.add(Wheel(name="App.Two", requires=["helper", "provided>=1", "torch>=2"], scripts=["app = App_Two:main"]))
    dependencies = ("python", f"pip={importlib.metadata.version('pip')}", "provided", "pytorch")
    machine.write("environment.yml", environment_file(channel, *dependencies) + "  - pip: [App.Two, torch]\n")
    machine.ok("create", "-f", "environment.yml", "-q")
    return machine


def asked(science: Envmgr, *command: object) -> Any:
    done = run(science, *command)
    assert (done.returncode, done.stderr) == (0, ""), done
    return json.loads(done.stdout)


def run(science: Envmgr, *command: object) -> subprocess.CompletedProcess[str]:
    words = [str(each) for each in command]
    return subprocess.run(words, env=science.environ, capture_output=True, text=True, check=False)


def named(entries: list[dict[str, str]]) -> dict[str, str]:
    return {entry["name"].lower().replace(".", "-").replace("_", "-"): entry["version"] for entry in entries}


def test_everyone_lists_the_same_distributions(science: Envmgr) -> None:
    prefix = science.prefix("science")
    python = prefix / "bin/python"
    listed = science("list", "-n", "science", "--json").json
    [lock] = conda_lock.loads((prefix / LOCK_FILE).read_bytes(), source="lock").values()
    of_conda = [text.partition("==") for package in lock.conda for text in package.distributions]
    expected = {entry["name"]: entry["version"] for entry in listed if entry["channel"] == "pypi"}
    assert sorted(expected) == ["app-two", "helper"]
    expected |= {name: version for name, _, version in of_conda}
    assert expected.keys() == {"app-two", "helper", "pip", "provided", "torch"}
    by_name = {entry["name"]: entry["version"] for entry in listed}
    assert by_name["provided"] == expected["provided"]
    assert by_name["pytorch"] == expected["torch"]

    pip = asked(science, python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    uv = asked(science, find_uv_bin(), "pip", "list", "--format", "json", "--quiet", "--python", python, "--no-config")
    installed = asked(science, python, "-c", _INSTALLED)
    assert named(pip) == expected
    assert named(uv) == expected
    assert named([{"name": each[0], "version": each[1]} for each in installed]) == expected
    from_pip = {each[0]: each[2:] for each in installed if each[2] == "uv"}
    assert from_pip == {"App.Two": ["uv", True, True], "helper": ["uv", False, True]}


def test_pip_and_uv_find_every_requirement_met(science: Envmgr) -> None:
    python = science.prefix("science") / "bin/python"
    by_pip = run(science, python, "-m", "pip", "check", "--disable-pip-version-check")
    by_uv = run(science, find_uv_bin(), "pip", "check", "--python", python, "--no-config")

    assert (by_pip.returncode, by_pip.stdout) == (0, "No broken requirements found.\n")
    assert by_uv.returncode == 0, by_uv
