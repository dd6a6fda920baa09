"""Directories that the pip half names: what they are called, and what tells whether they are as they were locked."""

from __future__ import annotations

import configparser
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.errors import PipError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
# What builds, tests and editors leave, and other environments: none of it is what is installed
_LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".eggs", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".idea", ".vscode", ".ipynb_checkpoints", "__pycache__", "build", "dist", "node_modules", ".pixi",
})  # fmt: skip
_LEFT_OUT_ENDS = (".pyc", ".pyo", ".conda-lock.yml", ".egg-info", ".swp", "~")
_READ_WHOLE = 16 << 20  # bytes; of a larger file, its size and beginning count, since people keep data beside code


def is_project(directory: Path) -> bool:
    """Whether there is something that a build can start from (PEP 517, or setup.py)."""
    return any((directory / name).is_file() for name in PROJECT_FILES[:2])


def name_of(directory: Path) -> str | None:
    """Return the normalised name that the project says without being built, None where it does not."""
    name = _project(directory).get("name") or _setup_cfg(directory, "name")
    return canonicalize_name(name) if isinstance(name, str) and name else None


def version_of(directory: Path) -> str | None:
    """Return the version (PEP 440, normal form) that the project says without being built, None where it does not."""
    try:
        return str(Version(str(_project(directory)["version"])))
    except (KeyError, InvalidVersion):
        return None


def digest(directory: Path) -> str:
    """Return the sha256 (hexadecimal) of what is in the directory: paths, executable bits and contents.

    Not counted is what builds, version control and editors leave there, and other environments. Raises PipError.
    """
    whole = hashlib.sha256()
    try:
        for path in sorted(_files(directory)):
            whole.update(path.relative_to(directory).as_posix().encode("utf-8", "surrogateescape") + b"\0")
            if path.is_symlink():
                whole.update(b"link " + os.fsencode(os.readlink(path)) + b"\0")
                continue
            status = path.stat()
            whole.update(b"x" if status.st_mode & 0o100 else b"-")
            whole.update(f"{status.st_size} ".encode())
            with path.open("rb") as file:
                whole.update(hashlib.sha256(file.read(_READ_WHOLE)).digest())
    except OSError as error:
        raise PipError(f"{error.filename or directory} cannot be read: {error.strerror}") from error
    return whole.hexdigest()


def metadata_digest(directory: Path) -> str:
    """Return the sha256 (hexadecimal) of the files that say what an editable project requires."""
    whole = hashlib.sha256()
    for name in PROJECT_FILES:
        try:
            data = (directory / name).read_bytes()
        except OSError:
            continue
        whole.update(f"{name} {len(data)} ".encode() + data)
    return whole.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    for where, names, files in os.walk(directory):
        names[:] = [
            name
            for name in names
            if name not in _LEFT_OUT
            and not name.endswith(_LEFT_OUT_ENDS)
            and not os.path.isdir(os.path.join(where, name, "conda-meta"))
            and not os.path.isfile(os.path.join(where, name, "pyvenv.cfg"))
        ]
        links = [name for name in names if os.path.islink(os.path.join(where, name))]
        yield from (Path(where, name) for name in [*files, *links] if not name.endswith(_LEFT_OUT_ENDS))


def _project(directory: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return table if isinstance(table, dict) else {}


def _setup_cfg(directory: Path, key: str) -> str | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((directory / "setup.cfg").read_text(encoding="utf-8"))
        return parser.get("metadata", key, fallback=None)
    except (OSError, ValueError, configparser.Error):
        return None
