from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from envmgr.channels import elf, relocation, trial
from envmgr.channels.artifact import PLACEHOLDER, File
from envmgr.channels.distribution import NotRelocatable
from envmgr.channels.interpreter import Interpreter
from envmgr.channels.payloads import Selection

HERE = Interpreter.running()


@pytest.fixture(scope="module")
def copied() -> dict[str, File]:
    if sys.platform != "linux":
        pytest.skip("a Python can be packed on Linux only")
    try:
        return {file.path: file for file in relocation.files(HERE, Selection())}
    except NotRelocatable as error:
        pytest.skip(str(error))


@pytest.fixture
def prefix(tmp_path: Path, copied: dict[str, File]) -> Iterator[Path]:
    """A copy of the running interpreter in a directory with a space, as an installer would leave it."""
    directory = tmp_path / "my environment"
    trial._install(list(copied.values()), directory)
    yield directory
    shutil.rmtree(directory)


def ask(prefix: Path, code: str) -> str:
    command = [str(prefix / "bin" / "python"), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout.strip()


def test_the_base_installation_stands_behind_a_virtual_environment() -> None:
    assert HERE.prefix == os.path.realpath(sys.base_prefix)
    assert Path(HERE.executable).is_file()
    assert HERE.version.startswith(HERE.minor)
    assert HERE.abi.startswith("cp3")


def test_a_copy_runs_elsewhere_and_does_what_the_original_does(copied: dict[str, File]) -> None:
    trial.verify(HERE, list(copied.values()))


def test_a_copy_knows_its_own_prefix(prefix: Path) -> None:
    assert ask(prefix, "import sys; print(sys.prefix)") == str(prefix)
    assert ask(prefix, "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))") == str(prefix / "lib")
    assert ask(prefix, "import sysconfig; print(sysconfig.get_path('purelib'))") == str(prefix / HERE.site_packages)


def test_a_copy_imports_without_compiling(prefix: Path) -> None:
    library = prefix / os.path.dirname(HERE.site_packages)
    before = sorted(library.rglob("*.pyc"))
    ask(prefix, "import json, asyncio, email, unittest, xml.dom.minidom")
    assert sorted(library.rglob("*.pyc")) == before


def test_an_edited_module_of_a_copy_is_compiled_again(prefix: Path) -> None:
    module = prefix / os.path.dirname(HERE.site_packages) / "this.py"
    module.write_text("print('edited')\n")
    assert ask(prefix, "import this") == "edited"


def test_a_copy_makes_virtual_environments(prefix: Path, tmp_path: Path) -> None:
    made = str(tmp_path / "venv")
    subprocess.run([str(prefix / "bin" / "python"), "-m", "venv", "--without-pip", made], check=True, env={})
    command = [f"{made}/bin/python", "-c", "import sys; print(sys.base_prefix)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout.strip() == str(prefix)


def test_build_configuration_names_the_placeholder_instead_of_the_old_prefix(copied: dict[str, File]) -> None:
    checked = 0
    for path, file in copied.items():
        if path.endswith((".pc", "Makefile", "-config")) or "_sysconfigdata" in path:
            text = file.read()
            assert not re.search(rb"(?<!\.)" + re.escape(f"{HERE.prefix}/".encode()), text), path  # ./… is for WASM
            checked += PLACEHOLDER.encode() in text
    assert checked >= 2


def test_a_copy_is_lean(copied: dict[str, File]) -> None:
    parts = {part for path in copied for part in path.split("/")}
    assert not parts & {"test", "idlelib", "site-packages", "turtledemo"}
    assert not [path for path in copied if path.endswith(".a")]
    assert {"bin/python", "bin/python3", f"bin/python{HERE.minor}"} <= set(copied)


def test_nothing_looks_for_libraries_in_the_old_prefix(copied: dict[str, File]) -> None:
    for path, file in copied.items():
        dynamic = elf.read(file.read()) if file.link is None else None
        for folder in dynamic.search if dynamic else ():
            assert not folder.startswith(HERE.prefix), path


def test_a_copy_that_lacks_a_module_is_refused(copied: dict[str, File]) -> None:
    without = [file for file in copied.values() if "/wsgiref/" not in file.path]
    with pytest.raises(NotRelocatable, match="cannot import wsgiref"):
        trial.verify(HERE, without)


def test_a_copy_that_does_not_start_is_refused_with_what_it_said(copied: dict[str, File]) -> None:
    without = [file for file in copied.values() if "/encodings/" not in file.path]
    with pytest.raises(NotRelocatable, match="does not start"):
        trial.verify(HERE, without)


def test_a_python_that_its_distribution_changed_is_refused_with_the_way_out() -> None:
    system = "/usr/bin/python3"
    probe = "import sys, sysconfig as c; print(sys.version_info >= (3, 10), 'deb_system' in c.get_scheme_names())"
    if not os.access(system, os.X_OK):
        pytest.skip("there is no Python of a distribution on this machine")
    found = subprocess.run([system, "-I", "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    if found != ["True", "True"]:
        pytest.skip("the Python of this distribution is not changed the way Debian changes its")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from envmgr.channels import distribution\n"
        "from envmgr.channels.interpreter import Interpreter\n"
        "try: distribution.refuse_the_changed(Interpreter.running())\n"
        "except distribution.NotRelocatable as error: print(error); print(error.hint)\n"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run([system, "-I", "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert "is changed by its distribution" in result.stdout
    assert "uv tool install --managed-python envmgr" in result.stdout


def test_search_paths_are_replaced_in_place() -> None:
    extension = next(iter(Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so")), None)
    data = extension.read_bytes() if extension else b""
    found = elf.read(data)
    if found is None or not found.search:
        pytest.skip("the extension modules of this Python have no search path")
    changed = elf.with_search(data, ("$ORIGIN",))
    assert changed is not None
    assert len(changed) == len(data)
    assert elf.read(changed) == found._replace(search=("$ORIGIN",), search_length=7)
    assert elf.with_search(data, ("x" * 500,)) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\0" * 58, b"\x7fELF\x02\x01" + b"\xff" * 200, b"#!/bin/sh\n" * 20],
)
def test_what_is_no_elf_file_has_no_dynamic_section(data: bytes) -> None:
    assert elf.read(data) is None


def test_a_damaged_elf_file_has_no_dynamic_section() -> None:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 32, 1 << 40)
    struct.pack_into("<HH", header, 54, 56, 3)
    assert elf.read(bytes(header)) is None
