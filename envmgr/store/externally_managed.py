"""EXTERNALLY-MANAGED (PEP 668): pip is told to leave an environment to envmgr, where that was asked for."""

from __future__ import annotations

import contextlib
import posixpath
import shlex
from pathlib import Path

from envmgr.store.layout import Location

NAME = "EXTERNALLY-MANAGED"
_LARGEST = 1 << 14  # bytes of a marker that are read
_OURS = "envmgr made this environment"


def write(tree: Path, location: Location, *, site_packages: str, old: Path | None, is_wanted: bool) -> None:
    """Put the marker beside python's standard library where it `is_wanted`, or where the `old` tree has ours: taking
    it away is up to the user. One of the python package itself stays as it is.

    `site_packages` is relative to the tree. Raises OSError.
    """
    path = posixpath.join(posixpath.dirname(site_packages), NAME)
    target = tree / path
    if target.exists() or not target.parent.is_dir() or not (is_wanted or _is_ours(old, path)):
        return
    target.write_text(text(location), encoding="utf-8")


def text(location: Location) -> str:
    """Return the marker: what pip is to print instead of changing the environment."""
    where = f"-n {location.name}" if location.name else f"-p {shlex.quote(str(location.prefix))}"
    return (
        "[externally-managed]\n"
        f"Error={_OURS} from a lock, and pip would change it\n"
        " without the lock. To add a package:\n"
        "\n"
        f"     envmgr install {where} --pip PACKAGE\n"
        "\n"
        " To let pip do it all the same, add --break-system-packages; the next\n"
        f" command of envmgr notices, and `envmgr verify {where}` names what changed.\n"
    )


def _is_ours(old: Path | None, path: str) -> bool:
    if old is not None:
        with contextlib.suppress(OSError), (old / path).open("rb") as file:
            return _OURS.encode() in file.read(_LARGEST)
    return False
