"""Bytecode is compiled once per artifact and Python version, and linked from the cache into every environment."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from envmgr.settings import Settings
from envmgr.store import bytecode
from envmgr.store.bytecode import Interpreter, Sources
from workflows.conftest import SITE, index, machine  # noqa: F401 (fixtures)

TAG = f"cpython-{sys.version_info.major}{sys.version_info.minor}"


def test_what_is_compiled_of_an_artifact() -> None:
    paths = [
        f"{SITE}/a.py", f"{SITE}/b.py", f"{SITE}/__pycache__/b.{TAG}.pyc", f"{SITE}/c.py", "bin/d.py", f"{SITE}/e.txt",
        f"{SITE}/old.pyc", f"{SITE}/old.py",
    ]  # fmt: skip

    assert bytecode.sources("0" * 64, paths, without=[f"{SITE}/c.py"]) == Sources("0" * 64, (f"{SITE}/a.py",))
    assert bytecode.sources("", paths) is None
    assert bytecode.sources("../../x", paths) is None
    assert bytecode.sources("0" * 64, ["lib/x.so"]) is None


def test_the_key_is_the_version_of_python() -> None:
    assert Interpreter(Path("python"), "3.12.4").key == "cpython-312"
    assert Interpreter(Path("python"), "3.14.0rc1").key == "cpython-314-3.14.0rc1"


@pytest.fixture
def lab(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:  # noqa: F811
    """A noarch conda package, one that brings its bytecode, one with Python 2 in it, and a wheel."""
    channel.add(
        Package(name="anywhere", noarch="python", depends=["python"], files={"site-packages/anywhere.py": "A = 1\n"}),
        Package(
            name="compiled",
            files={f"{SITE}/compiled.py": "", f"{SITE}/__pycache__/compiled.{TAG}.pyc": "its own"},
        ),
        Package(name="ancient", files={f"{SITE}/ancient.py": "print 'hello'\n"}),
    )
    index.add(Wheel(name="app", files={"app/__init__.py": "B = 2\n"}))
    return machine


def made(machine: Envmgr, channel: LocalChannel, name: str, *flags: str) -> Path:  # noqa: F811
    dependencies = ("python", "anywhere", "compiled", "ancient")
    text = environment_file(channel, *dependencies, name=name) + "  - pip: [app]\n"
    machine.write(f"{name}.yml", text)
    machine.ok("create", "-f", f"{name}.yml", "-q", "--no-lock", *flags)
    return machine.prefix(name) / SITE


def test_each_artifact_is_compiled_once_and_linked(lab: Envmgr, channel: LocalChannel) -> None:
    one, other = (made(lab, channel, name, "--compile-bytecode") for name in ("one", "other"))
    for path in (f"__pycache__/anywhere.{TAG}.pyc", f"app/__pycache__/__init__.{TAG}.pyc"):
        head = (one / path).read_bytes()[:8]
        assert head == importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little"), "hash-based, unchecked (PEP 552)"
        assert os.path.samefile(one / path, other / path)
        assert str(lab.root).encode() not in (one / path).read_bytes()

    assert (one / f"__pycache__/compiled.{TAG}.pyc").read_text() == "its own"
    assert not (one / f"__pycache__/ancient.{TAG}.pyc").exists()
    python = lab.prefix("other") / "bin/python"
    shown = "import anywhere, app; print(anywhere.__cached__, anywhere.A, app.B, (lambda: 0).__code__)"
    ran = subprocess.run([python, "-v", "-c", shown], capture_output=True, text=True, check=True)
    assert f"matches {other}/anywhere.py" in ran.stderr
    assert lab("verify", "-n", "one", "--strict").code == 0
    assert lab.ok("create", "-f", "one.yml", "--no-lock", "--compile-bytecode").startswith("one is up to date")


def test_nothing_is_compiled_unless_asked_for_and_the_setting_asks(lab: Envmgr, channel: LocalChannel) -> None:
    assert not (made(lab, channel, "plain") / f"app/__pycache__/__init__.{TAG}.pyc").exists()
    (lab.root.parent / "config.yaml").write_text("compile_bytecode: true\n")
    assert (made(lab, channel, "set") / f"app/__pycache__/__init__.{TAG}.pyc").exists()


def test_clean_takes_the_bytecode_of_what_nothing_needs(lab: Envmgr, channel: LocalChannel) -> None:
    made(lab, channel, "one", "--compile-bytecode")
    root = lab.cache / bytecode.DIRECTORY
    before = {path.name for path in root.iterdir()}
    settings = Settings.load(lab.environ)
    some = sorted(before)[0]

    assert bytecode.prune(settings, needed=before) == 0
    assert bytecode.prune(settings, needed=before - {some}) > 0
    assert {path.name for path in root.iterdir()} == before - {some}
    lab.ok("remove", "-n", "one", "--all", "-y", "-q")
    lab.ok("clean", "--all", "-y", "-q")
    assert list(root.iterdir()) == []
