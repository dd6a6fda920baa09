"""Names and prefixes that an environment may have (CEP 24)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from envmgr.errors import SpecError
from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.peek import RESERVED_NAMES

_FORBIDDEN = re.compile(r"[/ :#\\\x00-\x1f\x7f]")
_MAXIMUM_BYTES = 200  # leaves room for what a file system's 255 have to hold beside it
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SYSTEM = frozenset(
    Path("/", name)
    for name in (
        *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "root", "run", "sbin", "sys", "tmp"),
        *("usr", "usr/bin", "usr/lib", "usr/local", "usr/share", "var", "var/lib"),
    )
)
_SYSTEM_TREES = frozenset(map(Path, ("/boot", "/dev", "/etc", "/proc", "/sys")))


def check_name(name: str) -> None:
    """Return when `name` may name an environment.

    Raises SpecFault for what CEP 24 forbids (`/`, space, `:`, `#`; base and root), and for what a directory
    below the store cannot be called: a leading dot, control characters, more than 200 bytes.
    """
    if name in RESERVED_NAMES:
        raise SpecFault(f"the name `{name}` is reserved for conda's own environment", "choose another name: `-n NAME`")
    if not name or name.startswith((".", "-")) or len(name.encode("utf-8", "replace")) > _MAXIMUM_BYTES:
        reason = "is empty, begins with `.` or `-`, or is too long"
        raise SpecFault(f"the name {shown(name)} {reason}", "choose a short name of letters, digits, `-` and `_`")
    if _FORBIDDEN.search(name):
        mended = _FORBIDDEN.sub("-", name).strip("-.") or "NAME"
        raise SpecFault(
            f"the name {shown(name)} has a character that names may not have (`/`, `\\`, space, `:`, `#`)",
            f"write `name: {mended}`",
        )


def expand_prefix(text: str, *, environ: Mapping[str, str], home: Path, base: Path) -> Path:
    """Return the absolute path that a `prefix` means: `~` and variables expanded, relative to directory `base`.

    Raises SpecError for an unset variable, a system directory, and a last component that CEP 24 forbids.
    """

    def value(match: re.Match[str]) -> str:
        variable = match[1] or match[2]
        if variable not in environ:
            raise SpecError(
                f"the prefix {shown(text)} names the variable `{variable}`, which is not set",
                hint=f"set it (`export {variable}=…`) or give the path with `-p PATH`",
            )
        return environ[variable]

    expanded = _VARIABLE.sub(value, text)
    if expanded == "~" or expanded.startswith("~/"):
        expanded = str(home) + expanded[1:]
    elif expanded.startswith("~"):
        raise SpecError(f"the prefix {shown(text)} names another user's home", hint="write the whole path: `-p PATH`")
    if "\x00" in expanded:
        raise SpecError(f"the prefix {shown(text)} has a NUL character", hint="write another path: `-p PATH`")
    path = _without_dots(base / expanded)
    if path in _SYSTEM or path in (home, path.parent) or any(tree in path.parents for tree in _SYSTEM_TREES):
        raise SpecError(f"the prefix `{path}` is a directory of the system or your home", hint="choose one below it")
    if re.search(r"[ :#]", path.name):
        raise SpecError(
            f"the last part of the prefix `{path}` has a space, `:` or `#`, which names may not have",
            hint=f"use `{path.with_name(_FORBIDDEN.sub('-', path.name))}`",
        )
    return path


def _without_dots(path: Path) -> Path:
    """Return `path` with `.` and `..` removed by text, as the user who wrote it reads it."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part not in ("..", "."):
            parts.append(part)
    return Path(*parts)
