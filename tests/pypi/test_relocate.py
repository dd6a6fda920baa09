from __future__ import annotations

import pytest

from envmgr.pypi.relocate import shebang


def test_a_short_path_without_spaces_is_a_plain_line() -> None:
    assert shebang("/opt/x/bin/python") == b"#!/opt/x/bin/python\n"
    assert shebang("/opt/x/bin/python", "-E") == b"#!/opt/x/bin/python -E\n"


@pytest.mark.parametrize("path", ["/with space/bin/python", "/" + "x" * 125 + "/python", "/tab\there/python"])
def test_other_paths_go_through_the_shell(path: str) -> None:
    assert shebang(path) == f"#!/bin/sh\n'''exec' '{path}' \"$0\" \"$@\"\n' '''\n".encode()


def test_the_longest_line_that_every_kernel_reads_is_127_bytes() -> None:
    assert shebang("/" + "x" * 123).startswith(b"#!/x")
    assert shebang("/" + "x" * 124).startswith(b"#!/bin/sh")
