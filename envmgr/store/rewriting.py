"""The prefix in a file's contents, as conda and rattler write it: in text everywhere, in binaries within C strings."""

from __future__ import annotations

import re

_LONGEST_SHEBANG = 127  # bytes that Linux reads, the `#!` included
_SHEBANG = re.compile(rb"#! *(?P<path>/(?:\\ |[^ \n\r\t])*)(?P<options>[^\n]*)")
_PYTHON = re.compile(rb"python(?:[0-9]+(?:\.[0-9]+)?)?")


class TooLong(Exception):
    """A prefix that does not fit where the placeholder is; both in bytes."""

    def __init__(self, prefix: int, most: int) -> None:
        super().__init__(f"{prefix} bytes, at most {most}")
        self.prefix = prefix
        self.most = most


def in_text(content: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    """Return a text with the prefix in place of every placeholder; a first line that Linux could not run is mended."""
    if not content.startswith(b"#!"):
        return content.replace(placeholder, prefix)
    line, newline, rest = content.partition(b"\n")
    return _shebang(line, placeholder, prefix) + newline + rest.replace(placeholder, prefix)


def in_binary(content: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    """Return contents of the same length: each C string that names the placeholder is padded with zero bytes.

    Raises TooLong.
    """
    if len(prefix) > len(placeholder):
        raise TooLong(len(prefix), len(placeholder))
    whole = memoryview(content)  # libraries of a gigabyte are there once before and once after
    pieces: list[bytes | memoryview] = []
    done = 0
    while (start := content.find(placeholder, done)) >= 0:
        end = content.find(b"\0", start + len(placeholder))
        end = len(content) if end < 0 else end
        pieces += [whole[done:start], content[start:end].replace(placeholder, prefix).ljust(end - start, b"\0")]
        done = end
    return b"".join((*pieces, whole[done:]))


def script(prefix: str, python: str, function: str) -> bytes:
    """Return the script of an entry point `module:function`; `python` is the interpreter relative to the prefix."""
    module, _, function = (piece.strip() for piece in function.partition(":"))
    interpreter = f"{prefix}/{python}"
    # The kernel takes neither more nor a space
    if len(interpreter.encode()) > _LONGEST_SHEBANG - 2 or " " in interpreter:
        shebang = f"#!/bin/sh\n'''exec' \"{interpreter}\" \"$0\" \"$@\" #'''"
    else:
        shebang = f"#!{interpreter}"
    return (
        f"{shebang}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\n"
        f"from {module} import {function.partition('.')[0]}\n\n"
        "if __name__ == '__main__':\n"
        "\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        f"\tsys.exit({function}())\n"
    ).encode()


def _shebang(line: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    if b" " in prefix:
        return _by_env(line).replace(placeholder, prefix) if placeholder in line else line
    replaced = line.replace(placeholder, prefix)
    return replaced if len(replaced) <= _LONGEST_SHEBANG else _by_env(replaced)


def _by_env(line: bytes) -> bytes:
    """Return a first line that finds its interpreter by PATH, or for Python by a shell, which takes any path."""
    match = _SHEBANG.fullmatch(line)
    if match is None:
        return line
    name = match["path"].rpartition(b"/")[2]
    if _PYTHON.fullmatch(name):
        return b"#!/bin/sh\n'''exec' \"" + match["path"] + b'"' + match["options"] + b' "$0" "$@" #\'\'\''
    return b"#!/usr/bin/env " + name + match["options"]
