"""The calls that editors and notebooks make of conda, and the answers that they need.

VS Code's Python extension: `info --json`, `run -p PREFIX --no-capture-output python SCRIPT`. PyCharm: `info --envs
--json`, `list -p PREFIX --json`, `config --show --json`. Jupyter's nb_conda_kernels: `info --json`, and the
`kernel.json` files below each of its `envs`.
"""

from __future__ import annotations

import json
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
