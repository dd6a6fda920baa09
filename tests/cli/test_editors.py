"""The calls that editors and notebooks make of conda, and the answers that they need.

VS Code's Python extension: `info --json`, `run -p PREFIX --no-capture-output python SCRIPT`; its extension for Python
environments: `info --envs --json`, `create --yes --name|--prefix`, `install --yes --prefix`, `search NAME --json`,
`list -p PREFIX --json`, `env remove --yes --prefix`. PyCharm: `env list --json` with `envs_details`, `list --json -n`,
`create -y -n`, `env create -f`, `env update --file FILE --prune`, `install … -y`, `update --dry-run --all --json`,
`uninstall … -y`, `env export --no-builds`. Jupyter's nb_conda_kernels: `info --json`, the `kernel.json` files below
each of its `envs`, and `. ROOT/bin/activate PREFIX` to start one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

KERNEL = "share/jupyter/kernels/python3/kernel.json"


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    spec = json.dumps({"argv": ["python"], "display_name": "x", "language": "python"})
    files = {
        "bin/python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
        "share/jupyter/kernels/python3/kernel.json": spec,
    }
    channel.add(Package(name="python", version="3.12.1", files=files, executable=["bin/python"]))
    envmgr.ok("create", "-n", "science", "-c", channel.url, "python", "numpy", "-q")
    envmgr.ok("create", "-p", "./other", "-c", channel.url, "tool", "-q")
    return envmgr


def test_what_vs_code_asks_is_answered(science: Envmgr) -> None:
    info = science("info", "--json").json
    prefix = science.prefix("science")
    assert {str(prefix), str(science.directory / "other")} <= set(info["envs"])
    assert info["envs_dirs"] == [str(prefix.parent)]  # which of them have a name
    assert info["root_prefix"] == info["default_prefix"] == str(science.root)
    assert info["root_writable"] is True
    assert [int(part) for part in info["conda_version"].split(".")] > [4, 9, 0]  # from then on it uses `conda run`
    history = (prefix / "conda-meta/history").read_text()  # by which it knows an environment of conda's
    assert history.startswith("==> ")
    script = science.write(
        "printEnvVariables.py", "import json, os, sys; print(json.dumps([os.environ['CONDA_PREFIX'], sys.argv]))"
    )
    done = science.process("run", "-p", str(prefix), "--no-capture-output", "python", str(script), "a b", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == [str(prefix), [str(script), "a b", "--json"]]


def test_what_vs_codes_extension_for_environments_asks_is_answered(science: Envmgr, channel: LocalChannel) -> None:
    science.ok("config", "set", "channels", channel.url)
    info = science("info", "--envs", "--json").json
    (envs,) = info["envs_dirs"]
    science.ok("create", "--yes", "--name", "fresh", "python=3.12")
    (record,) = Path(envs, "fresh/conda-meta").glob("python-3*.json")
    assert json.loads(record.read_bytes())["version"] == "3.12.1"
    here = science.directory / ".conda"
    science.ok("create", "--yes", "--prefix", str(here), "python")
    science.ok("install", "--yes", "--prefix", str(here), "tool")
    listed = science("list", "-p", str(here), "--json").json
    assert {entry["name"] for entry in listed} == {"base-files", "python", "tool"}
    assert {entry["version"] for entry in science("search", "tool", "--json").json["tool"]} == {"1.0", "2.0"}
    science.ok("env", "remove", "--yes", "--prefix", str(here))
    assert not here.exists()


def test_what_pycharm_asks_of_an_environment_is_answered(science: Envmgr, channel: LocalChannel) -> None:
    science.ok("config", "set", "channels", channel.url)
    document = science("env", "list", "--json").json
    details = document["envs_details"]
    assert list(details) == document["envs"]
    assert details[str(science.prefix("science"))]["name"] == "science"
    assert details[str(science.directory / "other")]["name"] == ""  # a text, also without a name
    assert all(type(each["base"]) is bool for each in details.values())
    science.ok("install", "tool=1", "-y", "-n", "science")
    outdated = science("update", "--dry-run", "--all", "--json", "-n", "science").json
    assert outdated["actions"]["LINK"] == outdated["actions"]["UNLINK"] == []
    assert outdated["message"] == "All requested packages already installed."
    exported = science.ok("env", "export", "--no-builds", "-n", "science")
    assert "  - tool=1.0\n" in exported
    science.write("environment.yml", exported.replace("tool=1.0", "tool=2.0"))
    science.ok("env", "update", "--file", "environment.yml", "--prune", "-n", "science")
    listed = {entry["name"]: entry["version"] for entry in science("list", "--json", "-n", "science").json}
    assert listed["tool"] == "2.0"
    science.ok("uninstall", "tool", "-y", "-n", "science")
    science.ok("env", "create", "-f", "environment.yml", "-n", "again", "-q")


def test_what_pycharm_asks_is_answered(science: Envmgr) -> None:
    listed = science("info", "--envs", "--json").json
    assert str(science.prefix("science")) in listed["envs"]
    packages = science("list", "-p", str(science.prefix("science")), "--json").json
    assert {"name", "version", "build_string", "channel"} <= packages[0].keys()
    shown = science("config", "--show", "--json").json
    assert {"channels", "envs_dirs", "pkgs_dirs", "channel_alias", "default_channels"} <= shown.keys()
    created = science("create", "-y", "-n", "fresh", "--json", "-c", packages[0]["base_url"], "python=3.12").json
    assert (created["success"], created["prefix"]) == (True, str(science.prefix("fresh")))
    assert science("env", "list", "--json").json["envs"]


def test_what_jupyters_conda_kernels_ask_is_answered(science: Envmgr) -> None:
    info = science("info", "--json").json
    found = [
        Path(each) for each in info["envs"] if (Path(each) / "share/jupyter/kernels/python3/kernel.json").is_file()
    ]
    assert found == [science.prefix("science")]
    assert info["conda_prefix"] == str(science.root)


@pytest.mark.parametrize("where", ["a prefix", "a name"])
def test_what_starts_a_kernel_by_condas_root_alone_is_there(science: Envmgr, channel: LocalChannel, where: str) -> None:
    root, prefix = science("info", "--json").json["root_prefix"], science.prefix("science")
    named = str(prefix) if where == "a prefix" else "science"
    lines = (f". '{root}/bin/activate' '{named}'", f". '{root}/etc/profile.d/conda.sh' && conda activate '{named}'")
    science.ok("install", "-n", "science", "-c", channel.url, "tool=1")
    for line in lines:
        script = f"{line} && echo CONDA_PREFIX=$CONDA_PREFIX && exec tool"
        script = f"{line} && echo CONDA_PREFIX=$CONDA_PREFIX && exec tool"
        done = subprocess.run(["bash", "-c", script], env=science.environ, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (f"CONDA_PREFIX={prefix}\ntool 1.0\n", "")


def test_store_that_cannot_be_written_to_there_is_no_error(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.root.mkdir(parents=True)
    (envmgr.root / "bin").write_text("")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")


def test_files_of_a_conda_at_the_root_of_the_store_stay(envmgr: Envmgr, channel: LocalChannel) -> None:
    for path in ("bin/activate", "etc/profile.d/conda.sh"):
        (envmgr.root / path).parent.mkdir(parents=True)
        (envmgr.root / path).write_text("conda's\n")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q")
    envmgr.ok("init", "bash", "--yes", "-q")
    assert (envmgr.root / "bin/activate").read_text() == "conda's\n"
    assert (envmgr.root / "etc/profile.d/conda.sh").read_text() == "conda's\n"
    (envmgr.root / "bin/activate").unlink()
    envmgr.ok("create", "-n", "y", "-c", channel.url, "tool", "-q")
    written = (envmgr.root / "bin/activate").read_text()
    (envmgr.root / "bin/activate").write_text(written[:200])  # that of an older envmgr
    envmgr.ok("init", "bash", "--yes", "-q")
    assert (envmgr.root / "bin/activate").read_text() == written
    assert (envmgr.root / "etc/profile.d/conda.sh").read_text() == "conda's\n"
