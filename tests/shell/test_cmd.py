"""Activation in cmd: on Windows, and in Wine's where that knows delayed expansion as Windows' does (from 10 on)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envmgr.shell import cmd
from envmgr.shell.plan import ActivationPlan


def _windows(path: Path) -> str:
    return str(path) if sys.platform == "win32" else "Z:" + str(path).replace("/", "\\")


def _program() -> list[str]:
    own, wine = shutil.which("cmd"), shutil.which("wine")
    if own is not None:
        return [own]
    if wine is None:
        pytest.skip("there is no cmd: this is not Windows, and wine is not installed")
    said = subprocess.run([wine, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"wine-(\d+)", said)
    if version is None or int(version[1]) < 10:
        pytest.skip(f"the cmd of {said.strip()} does not know delayed expansion with replacement; wine 10 does")
    return [wine, "cmd"]


def _run(program: list[str], text: str, directory: Path) -> None:
    file = directory / "script.bat"
    file.write_bytes(cmd.encoded(text))
    environ = {**os.environ, "WINEDEBUG": "-all", "WINEPREFIX": str(directory / "wine"), "DISPLAY": ""}
    subprocess.run(
        [*program, "/c", _windows(file)], env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip


def _make(root: Path, name: str, variables: dict[str, str]) -> str:
    prefix = root / "envs" / name
    for directory, value in (("activate.d", "1"), ("deactivate.d", "0")):
        (prefix / "etc/conda" / directory).mkdir(parents=True)
        (prefix / "etc/conda" / directory / "x.bat").write_bytes(f'@set "SEEN={value}"\r\n'.encode())
    path = _windows(prefix)
    plan = ActivationPlan(
        path, name, (path, f"{path}\\Library\\bin"), tuple(variables.items()),
        ("etc/conda/activate.d/x.bat",), ("etc/conda/deactivate.d/x.bat",),
    )  # fmt: skip
    (prefix / "conda-meta/envmgr").mkdir(parents=True)
    (prefix / "conda-meta/envmgr/activate.bat").write_bytes(cmd.encoded(cmd.script(plan)))
    return path


def test_activation_nests_and_deactivation_restores(tmp_path: Path) -> None:
    program = _program()
    root = tmp_path / "st ore"
    one = _make(root, "one", {"A": 'one & "x" %PATH% ^ <', "ONLY": "1"})
    _make(root, "two", {"A": "two"})
    hook = tmp_path / "hook.bat"
    hook.write_bytes(cmd.encoded(cmd.hook(command=("Z:\\nowhere\\python.exe",), root=_windows(root))))
    steps = ("activate one", "activate two", "deactivate", "activate --stack two", "deactivate", "deactivate")
    lines = ["@echo off", 'set A=mine ^& "yours"', "set SEEN=before", "set PATH=Z:\\a;Z:\\b c;Z:\\a;%PATH%"]
    for number, step in enumerate(("", *steps)):
        lines += [*([f'call "{_windows(hook)}" {step}'] if step else []), f'set > "{_windows(tmp_path / str(number))}"']
    _run(program, "\n".join([*lines, ""]), tmp_path)
    seen = [
        dict(line.split("=", 1) for line in (tmp_path / str(number)).read_text(errors="replace").splitlines())
        for number in range(len(steps) + 1)
    ]
    before, active, _, back, stacked, unstacked, after = seen
    assert active["PATH"] == f"{one};{one}\\Library\\bin;{before['PATH']}"
    assert (active["A"], active["ONLY"], active["SEEN"]) == ('one & "x" %PATH% ^ <', "1", "1")
    assert back == active
    assert stacked["PATH"].endswith(active["PATH"])
    assert unstacked == {**active, "SEEN": "0"}
    assert after == {**before, "SEEN": "0"}
