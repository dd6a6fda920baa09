"""Scripts that name the interpreter: from the staged one to the one that it will be."""

from __future__ import annotations

import os
import re
from pathlib import Path

from envmgr.errors import PipError
from envmgr.pypi.record import Record, replace_file

# The kernel reads 127 bytes of a shebang line at least (Linux before 5.1); uv and distlib go by the same number
_LONGEST_SHEBANG = 127
_SIMPLE = re.compile(rb"#![ \t]*(?P<python>[^\r\n]*)\r?\n")
_SHELL = re.compile(rb"#!/bin/sh\r?\n'''exec' (?P<python>.*?) \"\$0\" \"\$@\"\r?\n' '''\r?\n")
_SCRIPT_DIRECTORIES = ("bin", "Scripts")


def relocate(record: Record, *, staging: Path, prefix: Path) -> None:
    """Make every script of a distribution start with the interpreter below `prefix` instead of `staging`, correct
    its RECORD row, and write the RECORD.

    Raises PipError when something that the installer wrote still names staging.
    """
    names = {os.fspath(staging), os.path.realpath(staging)}
    for path in sorted(record.files):
        if path.split("/", 1)[0] in _SCRIPT_DIRECTORIES and _relocate_script(record.root / path, names, prefix):
            record.include(path)
    for name in ("direct_url.json", "INSTALLER"):
        file = record.dist_info / name
        if file.is_file() and any(os.fsencode(staged) in file.read_bytes() for staged in names):
            raise PipError(f"{record.dist_info.name}/{name} names the staging directory")
    record.write()


def shebang(python: str, arguments: str = "") -> bytes:
    """Return the first line or lines of a script for `python`, an absolute path: `#!` where the kernel can read it,
    else a shell line that Python takes for a string."""
    line = f"#!{python}{f' {arguments}' if arguments else ''}\n".encode()
    if len(line) <= _LONGEST_SHEBANG and not re.search(r"\s", python):
        return line
    quoted = "'" + python.replace("'", "'\"'\"'") + "'"
    return f"#!/bin/sh\n'''exec' {quoted}{f' {arguments}' if arguments else ''} \"$0\" \"$@\"\n' '''\n".encode()


def _relocate_script(path: Path, staged: set[str], prefix: Path) -> bool:
    with path.open("rb") as stream:
        if stream.read(2) != b"#!":
            return False
        head = b"#!" + stream.read(2 * 4096)
    match = _SHELL.match(head) or _SIMPLE.match(head)
    if match is None:
        return False
    found = _below(os.fsdecode(match["python"]), staged, is_quoted=match.re is _SHELL)
    if found is None:
        return False
    relative, arguments = found
    data = path.read_bytes()
    python = os.path.join(prefix, relative)
    replace_file(path, shebang(python, arguments) + data[match.end() :])
    return True


def _below(text: str, staged: set[str], *, is_quoted: bool) -> tuple[str, str] | None:
    """Split an interpreter and its arguments into (path relative to staging, arguments); None when elsewhere."""
    for root in sorted(staged, key=len, reverse=True):
        start = "'" + root.replace("'", "'\"'\"'") if is_quoted and text.startswith("'") else root
        if text.startswith(start + os.sep):
            rest = text[len(start) + 1 :]
            if start.startswith("'"):
                python, _, arguments = rest.partition("'")
            else:
                python, _, arguments = rest.partition(" ")
            return python, arguments.strip()
    return None
