"""The text behind what `-f` names: a path, `-` for stdin, or an https URL, each within bounds.

At most 10 MiB unless more is allowed, UTF-8 with or without BOM; a requirements file may name another encoding.
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
import sys
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from envmgr.errors import SpecError
from envmgr.urls import is_url, redact

MAXIMUM_BYTES = 10 * 1024 * 1024


def base_of(location: str) -> str:
    """Return the absolute directory that relative paths in the file at `location` (`-` for stdin) are relative to,
    empty for a URL."""
    if is_url(location):
        return ""
    return os.getcwd() if location == "-" else str(Path(location).expanduser().absolute().parent)


def read_text(
    location: str, *, offline: bool = False, stdin: BinaryIO | None = None, limit: int = MAXIMUM_BYTES
) -> str:
    """Return the text that a path, `-` or an https URL names, at most `limit` bytes.

    Raises SpecError when it is missing, unreadable, too big, not UTF-8, or, for a URL, when `offline`.
    """
    if location == "-":
        data = (stdin or sys.stdin.buffer).read(limit + 1)
    elif is_url(location):
        data = _downloaded(location, offline, limit)
    else:
        data = _read_path(location, limit)
    if len(data) > limit:
        raise too_big(location, limit)
    encoding = _marked(data) if _is_requirements(location) else None
    try:
        return data.decode(encoding or "utf-8-sig").removeprefix("\ufeff")
    except LookupError as error:
        raise SpecError(f"{_named(location)}: the encoding `{encoding}` that it names is unknown") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        encoding = "UTF-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None
        raise SpecError(
            f"{_named(location)}:{line}: not UTF-8" + (f" but {encoding}" if encoding else ""),
            hint=f"convert it: `iconv -f {encoding or 'LATIN1'} -t UTF-8 FILE`",
        ) from error


def _is_requirements(location: str) -> bool:
    return location.endswith((".txt", ".in", ".pip"))


def _marked(data: bytes) -> str | None:
    """Return the encoding that a requirements file names: by its byte order mark, or by PEP 263 in its first lines."""
    for mark, encoding in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                           (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return encoding
    for line in data.split(b"\n", 2)[:2]:
        found = re.match(rb"[ \t]*#.*?coding[:=][ \t]*([-\w.]+)", line)
        if found:
            return found[1].decode("ascii")
    return None


def relative_to(location: str, named: str) -> str:
    """Return what `named` means inside of the file at `location`: beside it, or below the same host for a URL."""
    if is_url(named):
        return named
    if is_url(location):
        return urljoin(location, named)
    base = Path() if location == "-" else Path(location).parent
    return str(base / Path(named).expanduser())


def _named(location: str) -> str:
    return "stdin" if location == "-" else redact(location)


def too_big(location: str, limit: int) -> SpecError:
    """Return the error for a file of more than `limit` bytes."""
    return SpecError(
        f"{_named(location)} is larger than {limit // 1024 // 1024} MiB, which no environment file is",
        hint="name an environment file",
    )


def _read_path(location: str, limit: int) -> bytes:
    path = Path(location)
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError as error:
        raise SpecError(f"{location} does not exist", hint=_nearest(path)) from error
    except IsADirectoryError as error:
        inside = next((name for name in ("environment.yml", "environment.yaml") if (path / name).is_file()), None)
        hint = f"name the file in it: `-f {path / inside}`" if inside else "name the environment file in it"
        raise SpecError(f"{location} is a directory; expected an environment file", hint=hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"{redact(location)} cannot be read: {reason}") from error


def _nearest(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix in (".yml", ".yaml", ".txt"))
    except OSError:
        return f"there is no directory {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f"did you mean `{path.with_name(near[0])}`?"
    return f"files beside it: {', '.join(names)}" if 0 < len(names) < 5 else "check the path"


def _downloaded(url: str, offline: bool, limit: int) -> bytes:
    if offline:
        raise SpecError(f"{redact(url)} cannot be read: envmgr is offline", hint="name a local file, or drop --offline")
    from envmgr.spec.download import download  # start-up time: requests, which local files do without

    return download(url, limit=limit)
