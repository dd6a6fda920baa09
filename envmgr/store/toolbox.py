"""Environments that nobody names: those of `exec`, which any `clean` may take away, and those behind tools.

They lie beside the named ones in the store, and no list of environments shows them.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import StoreError
from envmgr.settings import Settings
from envmgr.store import layout

_EXEC, _TOOLS, _RECORDS = "exec", "tools", ".records"
_SCHEMA = 1


class Tool(NamedTuple):
    """An installed tool: the package that it was named for, and its commands with the files on PATH."""

    name: str
    package: str
    is_pip: bool
    commands: tuple[tuple[str, str], ...]


def exec_prefix(settings: Settings, digest: str) -> Path:
    """Return where the environment of an `exec` is, from the digest of what it was asked for."""
    return settings.root / _EXEC / digest


def tool_prefix(settings: Settings, name: str) -> Path:
    """Return where the environment of a tool is."""
    return settings.root / _TOOLS / name


def is_private(settings: Settings, prefix: Path) -> bool:
    """Whether no registry is to list the environment."""
    return prefix.parent in (settings.root / _EXEC, settings.root / _TOOLS)


def exec_prefixes(settings: Settings) -> tuple[Path, ...]:
    """Return the environments of all `exec`s, sorted."""
    return tuple(_environments(settings.root / _EXEC))


def tools(settings: Settings) -> tuple[Tool, ...]:
    """Return the installed tools by name; a record that cannot be read counts as none."""
    try:
        names = sorted(os.listdir(settings.root / _TOOLS / _RECORDS))
    except OSError:
        return ()
    found = (read(settings, name.removesuffix(".json")) for name in names if name.endswith(".json"))
    return tuple(tool for tool in found if tool is not None)


def read(settings: Settings, name: str) -> Tool | None:
    """Return the record of a tool, None where there is none."""
    try:
        document: Any = json.loads(_record(settings, name).read_bytes())
        commands = tuple((str(command), str(file)) for command, file in document["commands"])
        tool = Tool(str(document["name"]), str(document["package"]), document["pip"] is True, commands)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return tool if tool.name == name else None


def write(settings: Settings, tool: Tool) -> None:
    """Write the record of a tool in one step; raises StoreError."""
    path = _record(settings, tool.name)
    document = {"schema": _SCHEMA, "name": tool.name, "package": tool.package, "pip": tool.is_pip,
                "commands": [list(pair) for pair in tool.commands]}  # fmt: skip
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        os.replace(scratch, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def forget(settings: Settings, name: str) -> None:
    """Remove the record of a tool; raises StoreError."""
    path = _record(settings, name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed: {error.strerror}") from error


def conda_commands(prefix: Path, package: str) -> tuple[str, ...]:
    """Return the commands that a conda package brought, sorted; none where it is not there."""
    return _executable(prefix, _files(prefix, package))


def is_mere_list(prefix: Path, package: str) -> bool:
    """Whether a conda package brought nothing of its own, but for the metadata of a Python distribution."""
    return all("-info/" in file for file in _files(prefix, package))


def _files(prefix: Path, package: str) -> list[str]:
    for record in sorted((prefix / "conda-meta").glob(f"{glob.escape(package)}-*.json")):
        try:
            document: Any = json.loads(record.read_bytes())
            if document["name"] == package:
                return [file for file in document["files"] if isinstance(file, str)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return []


def pip_commands(prefix: Path, package: str) -> tuple[str, ...]:
    """Return the commands that a distribution of the pip half brought, sorted (its RECORD says which)."""
    for directory in sorted(prefix.glob("lib/python*/site-packages/*.dist-info")):
        name = directory.name.removesuffix(".dist-info").rsplit("-", 1)[0]
        if _canonical(name) == _canonical(package):
            try:
                lines = (directory / "RECORD").read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                continue
            paths = (os.path.normpath(directory.parent / line.split(",")[0].strip('"')) for line in lines)
            return _executable(prefix, [os.path.relpath(path, prefix) for path in paths])
    return ()


def _executable(prefix: Path, files: Any) -> tuple[str, ...]:
    found = set()
    for file in files:
        directory, _, command = str(file).rpartition("/")
        if directory == "bin" and command and os.access(prefix / "bin" / command, os.X_OK):
            found.add(command)
    return tuple(sorted(found))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _environments(directory: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        if not name.startswith(".") and layout.is_environment(directory / name):
            yield directory / name


def _record(settings: Settings, name: str) -> Path:
    return settings.root / _TOOLS / _RECORDS / f"{name}.json"
