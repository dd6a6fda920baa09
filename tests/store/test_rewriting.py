"""The prefix in contents: what conda-build's placeholder becomes, in texts, binaries and first lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.store import rewriting

OLD = b"/opt/placeholder"


@pytest.mark.parametrize(
    ("text", "prefix", "expected"),
    [
        (b"a=/opt/placeholder:/opt/placeholder/x\n", b"/p", b"a=/p:/p/x\n"),
        (b"#!/opt/placeholder/bin/sh -e\nx", b"/p", b"#!/p/bin/sh -e\nx"),
        (b"#!/opt/placeholder/bin/sh", b"/p", b"#!/p/bin/sh"),
        (b"#!/bin/sh\n/opt/placeholder", b"/a b", b"#!/bin/sh\n/a b"),
        (b"#!/opt/placeholder/bin/node -x\n", b"/a b", b"#!/usr/bin/env node -x\n"),
        (b"#!/opt/placeholder/bin/python3.12 -u\n", b"/a b",
         b"#!/bin/sh\n'''exec' \"/a b/bin/python3.12\" -u \"$0\" \"$@\" #'''\n"),
        (b"#!  /opt/placeholder/bin/perl\n", b"/" + b"l" * 130, b"#!/usr/bin/env perl\n"),
        (b"#!/opt/placeholder/bin/p\n", b"/" + b"l" * 117, b"#!/" + b"l" * 117 + b"/bin/p\n"),
        (b"#!/opt/placeholder/bin/pp\n", b"/" + b"l" * 118, b"#!/usr/bin/env pp\n"),
        (b"#!relative /opt/placeholder\n", b"/a b", b"#!relative /a b\n"),
        (b"", b"/p", b""),
    ],
)  # fmt: skip
def test_texts(text: bytes, prefix: bytes, expected: bytes) -> None:
    assert rewriting.in_text(text, OLD, prefix) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\0/opt/placeholder/lib\0rest", b"\0/p/lib" + b"\0" * 14 + b"\0rest"),
        (b"/opt/placeholder:/opt/placeholder\0", b"/p:/p" + b"\0" * 28 + b"\0"),
        (b"x/opt/placeholder", b"x/p" + b"\0" * 14),
        (b"nothing", b"nothing"),
        (b"", b""),
    ],
)
def test_binaries(content: bytes, expected: bytes) -> None:
    assert rewriting.in_binary(content, OLD, b"/p") == expected


@given(
    pieces=st.lists(st.sampled_from([OLD, b"\0", b"/", b"x", b"/opt/", b"placeholder", b"\xff"]), max_size=12),
    prefix=st.sampled_from([b"/", b"/p", b"/opt/place", OLD, b"/opt/placeholdeR"]),
)
def test_binary_keeps_its_length_and_every_string_its_place(pieces: list[bytes], prefix: bytes) -> None:
    content = b"".join(pieces)
    found = rewriting.in_binary(content, OLD, prefix)
    assert len(found) == len(content)
    position = 0
    for string in content.split(b"\0"):
        expected = string.replace(OLD, prefix)
        assert found[position : position + len(string)] == expected + b"\0" * (len(string) - len(expected))
        position += len(string) + 1


def test_prefix_that_is_longer_than_the_placeholder_fits_no_binary() -> None:
    with pytest.raises(rewriting.TooLong) as caught:
        rewriting.in_binary(b"", OLD, OLD + b"x")
    assert (caught.value.prefix, caught.value.most) == (17, 16)


@pytest.mark.parametrize("name", ["plain", "with space", "l" * 140])
def test_script_runs_the_function_wherever_the_prefix_is(tmp_path: Path, name: str) -> None:
    prefix = tmp_path / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(sys.executable)
    (prefix / "bin/module.py").write_text("import sys\nclass Command:\n    main = staticmethod(lambda: sys.argv[1:])\n")
    script = prefix / "bin/command"
    script.write_bytes(rewriting.script(str(prefix), "bin/python", "module:Command.main"))
    script.chmod(0o775)
    done = subprocess.run([script, "one", "two words"], capture_output=True, text=True, check=False)
    assert done.stderr == "['one', 'two words']\n"  # what sys.exit was given
