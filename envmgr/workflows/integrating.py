"""`kernel` and `ide`: environments made known to Jupyter and to editors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from envmgr.errors import PackagesNotFound
from envmgr.integrations import jupyter, vscode
from envmgr.integrations.jupyter import PYTHON, Kernel, Language, R
from envmgr.lock.model import Lock
from envmgr.settings import Settings
from envmgr.store.layout import Location
from envmgr.workflows.reading import lock_of


def install_kernel(
    location: Location,
    settings: Settings,
    *,
    command: Sequence[str],
    name: str | None = None,
    display_name: str | None = None,
    below: Path | None = None,
    replace: bool = False,
) -> Kernel:
    """Register a Jupyter kernel for an environment, for this user or in the Jupyter of the prefix `below`.

    `command` is the absolute argv of envmgr. Raises PackagesNotFound where the environment has no kernel to run, and
    what `jupyter.install` raises.
    """
    language = _language(lock_of(location), location)
    label = location.name or location.prefix.name
    shown = display_name or f"{'R' if language is R else 'Python'} ({label})"
    chosen = name or "".join(c if jupyter.NAME.fullmatch(c) else "-" for c in label)
    return jupyter.install(
        data_directory(settings, below),
        chosen,
        prefix=location.prefix,
        command=command,
        display_name=shown,
        language=language,
        replace=replace,
    )


def data_directory(settings: Settings, below: Path | None) -> Path:
    """Return Jupyter's data directory: the user's, or that of the installation at the prefix `below`."""
    return below / "share/jupyter" if below is not None else jupyter.data_directory(settings.environ, settings.home)


def set_interpreter(location: Location, workspace: Path) -> tuple[Path, bool]:
    """Write the interpreter of an environment into VS Code's settings of a directory; see `vscode.set_interpreter`.

    Raises PackagesNotFound for an environment without Python.
    """
    python = location.prefix / ("python.exe" if sys.platform == "win32" else "bin/python")
    if not os.path.exists(python):
        raise PackagesNotFound(
            f"{location.label} has no Python: {python} does not exist",
            hint=f"envmgr install {location.arguments} python",
        )
    return vscode.set_interpreter(workspace, python)


def _language(lock: Lock, location: Location) -> Language:
    names = {each.name for each in lock.conda} | {each.name for each in lock.pip}
    for language in (PYTHON, R):
        if language.needs in names:
            return language
    wanted = R if "r-base" in names and "python" not in names else PYTHON
    raise PackagesNotFound(
        f"{location.label} cannot run notebooks: it has no {wanted.needs}",
        hint=f"envmgr install {location.arguments} {wanted.needs}{_or_from_pip(wanted, names, location)}",
    )


def _or_from_pip(wanted: Language, names: set[str], location: Location) -> str:
    """Return the other way, where a package index has what channels may not have."""
    if wanted is R or "python" not in names:
        return ""
    return f", or where its channels have none: envmgr install {location.arguments} --pip {wanted.needs}"
