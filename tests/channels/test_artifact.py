from __future__ import annotations

import hashlib
import json
from pathlib import Path

import conda_package_handling.api
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.recipes import read_conda
from envmgr.channels.artifact import PLACEHOLDER, File, Metadata, is_safe_path, write

DEMO = Metadata(name="demo", version="1.0", build="h0_0", subdir="noarch", noarch="generic", depends=("python",))


def file(path: str, content: bytes = b"x") -> File:
    return File(path, lambda: content)


def test_an_artifact_has_what_its_metadata_says(tmp_path: Path) -> None:
    path = write(tmp_path, DEMO, [file("b", b"bb"), file("a"), File("c", bytes, link="a")])
    assert path.name == "demo-1.0-h0_0.conda"
    members = read_conda(path)
    assert json.loads(members["info/index.json"])["depends"] == ["python"]
    assert [entry["_path"] for entry in json.loads(members["info/paths.json"])["paths"]] == ["a", "b", "c"]
    assert members["c"] == "→ a".encode()
    entry = json.loads(members["info/paths.json"])["paths"][1]
    assert entry == {
        "_path": "b",
        "path_type": "hardlink",
        "sha256": hashlib.sha256(b"bb").hexdigest(),
        "size_in_bytes": 2,
    }


def test_the_reference_implementation_reads_what_we_write(tmp_path: Path) -> None:
    files = [
        File("bin/tool", lambda: b"#!/bin/sh\n", executable=True),
        File("lib/äöü", lambda: b"x" * 100_000),
        File("lib/link", lambda: b"", link="äöü"),
    ]
    metadata = Metadata(name="tool", version="1.0", build="h0_0", subdir="linux-64", depends=("libc >=2",))
    archive = write(tmp_path, metadata, files)
    extracted = tmp_path / "extracted"
    conda_package_handling.api.extract(str(archive), str(extracted))
    assert (extracted / "bin/tool").stat().st_mode & 0o111
    assert (extracted / "lib/link").readlink() == Path("äöü")
    assert (extracted / "lib/link").read_bytes() == b"x" * 100_000
    assert json.loads((extracted / "info/index.json").read_text()) == metadata.index()


def test_bytes_depend_on_neither_order_nor_threads(tmp_path: Path) -> None:
    contents = []
    for number, threads in enumerate((1, 2, 4)):
        directory = tmp_path / str(number)
        directory.mkdir()
        files = [file("a", b"a" * 3_000_000), file("b")]
        contents.append(write(directory, DEMO, files[:: 1 if number else -1], threads=threads).read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_the_placeholder_is_as_long_as_the_longest_prefix() -> None:
    assert len(PLACEHOLDER) == 255
    assert PLACEHOLDER.startswith("/")


def test_files_that_name_the_placeholder_are_marked(tmp_path: Path) -> None:
    name = PLACEHOLDER.encode()
    members = read_conda(write(tmp_path, DEMO, [file("t", b"#!" + name), file("b", name + b"\0")]))
    modes = {entry["_path"]: entry["file_mode"] for entry in json.loads(members["info/paths.json"])["paths"]}
    assert modes == {"b": "binary", "t": "text"}


@pytest.mark.parametrize("path", ["", ".", "..", "/a", "a//b", "a/../b", "a/", "a\\b", "a\0b"])
def test_paths_that_could_leave_the_prefix_are_refused(tmp_path: Path, path: str) -> None:
    assert not is_safe_path(path)
    with pytest.raises(ValueError, match="not a path inside the prefix"):
        write(tmp_path, DEMO, [file(path)])


@given(st.text(alphabet="ab./\\", max_size=12))
def test_a_safe_path_stays_below_any_directory(path: str) -> None:
    if is_safe_path(path):
        assert (Path("/root/x") / path).resolve().is_relative_to("/root/x")


@pytest.mark.parametrize(("path", "link"), [("a", "/etc/passwd"), ("a/b", "../../c"), ("a", ".."), ("a", "")])
def test_links_that_leave_the_prefix_are_refused(tmp_path: Path, path: str, link: str) -> None:
    with pytest.raises(ValueError, match="outside the prefix"):
        write(tmp_path, DEMO, [File(path, bytes, link=link)])
