"""Jupyter kernels of environments (jupyter-client documentation, "Kernel specs").

The kernel is started by `envmgr run`, so it has everything that activation sets, and, being exec'd, is the process
that Jupyter signals.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import ConfigError, UsageError
from envmgr.replacing import replace_file

NAME = re.compile(r"[A-Za-z0-9._-]+")  # jupyter-client's own rule
_MARK = "envmgr"


class Language(NamedTuple):
    """How an environment runs notebooks of a language: what it must have, and how its kernel is started."""

    name: str
    needs: str
    argv: tuple[str, ...]


PYTHON = Language("python", "ipykernel", ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"))
R = Language("R", "r-irkernel", ("R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"))


class Kernel(NamedTuple):
    """A kernel that envmgr registered: its name, its directory, and the prefix of its environment."""

    name: str
    directory: Path
    prefix: str
    display_name: str


def data_directory(environ: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """Return where a user's kernels are (jupyter_core's rule), whether it exists or not."""
    if environ.get("JUPYTER_DATA_DIR"):
        return Path(environ["JUPYTER_DATA_DIR"])
    if platform == "darwin":
        return home / "Library/Jupyter"
    if platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData/Roaming") / "jupyter"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "jupyter"


def install(
    data: Path, name: str, *, prefix: Path, command: Sequence[str], display_name: str, language: Language, replace: bool
) -> Kernel:
    """Register a kernel below the data directory; `command` is the absolute argv of envmgr.

    Raises UsageError for a name that is none or belongs to somebody else's kernel, ConfigError where it cannot be
    written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` cannot be the name of a kernel: expected letters, digits, `.`, `_` and `-`",
            hint="envmgr kernel install --kernel-name NAME",
        )
    directory = data / "kernels" / name.lower()
    present = _read(directory)
    if present is not None and _prefix(present) != str(prefix) and not replace:
        whose = _prefix(present) or "another tool"
        raise UsageError(
            f"there is a kernel {name} of {whose} in {directory}",
            hint=f"choose another with --kernel-name, or: envmgr kernel install --kernel-name {name} --yes",
        )
    spec = {
        "argv": [*command, "run", "-p", str(prefix), *language.argv],
        "display_name": display_name,
        "language": language.name,
        "metadata": {"debugger": language is PYTHON, _MARK: {"prefix": str(prefix)}},
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        replace_file(directory / "kernel.json", (json.dumps(spec, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"{directory} cannot be written: {error.strerror}", hint="pass --prefix PATH") from error
    return Kernel(name.lower(), directory, str(prefix), display_name)


def kernels(data: Path) -> tuple[Kernel, ...]:
    """Return the kernels that envmgr registered below a data directory, sorted by name."""
    found = []
    try:
        names = sorted(os.listdir(data / "kernels"))
    except OSError:
        return ()
    for name in names:
        spec = _read(data / "kernels" / name)
        prefix = _prefix(spec)
        if spec is not None and prefix is not None:
            found.append(Kernel(name, data / "kernels" / name, prefix, str(spec.get("display_name", name))))
    return tuple(found)


def remove(data: Path, name: str) -> Kernel:
    """Remove a kernel that envmgr registered; raises UsageError for any other."""
    for kernel in kernels(data):
        if kernel.name == name.lower():
            try:
                shutil.rmtree(kernel.directory)
            except OSError as error:
                raise ConfigError(f"{kernel.directory} cannot be removed: {error.strerror}") from error
            return kernel
    known = ", ".join(kernel.name for kernel in kernels(data)) or "none"
    raise UsageError(f"envmgr has registered no kernel `{name}`; there are: {known}", hint="envmgr kernel list")


def _read(directory: Path) -> dict[str, Any] | None:
    try:
        document = json.loads((directory / "kernel.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else {}


def _prefix(spec: Mapping[str, Any] | None) -> str | None:
    """Return the prefix of the environment that a kernel of ours belongs to, None for one of somebody else."""
    metadata = (spec or {}).get("metadata")
    mark = metadata.get(_MARK) if isinstance(metadata, dict) else None
    prefix = mark.get("prefix") if isinstance(mark, dict) else None
    return prefix if isinstance(prefix, str) else None
