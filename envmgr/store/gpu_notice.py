"""What `run` says of an environment with builds for a GPU on a machine without one: once, and for one look at a file.

On the path of `run`: imports nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from envmgr.lock.model import CondaPackage
from envmgr.platforms.accelerators import is_visible, mentions

FILE = "conda-meta/envmgr/accelerators"
_SHOWN = 3


def write(tree: str | os.PathLike[str], packages: Iterable[CondaPackage]) -> None:
    """Write what the packages of a staged tree ask of an accelerator; no file where they ask for none."""
    lines = [f"{name}\t{text}\n" for name, text in needs(packages)]
    if lines:
        with open(os.path.join(tree, *FILE.split("/")), "w", encoding="utf-8") as file:
            file.writelines(lines)


def needs(packages: Iterable[CondaPackage]) -> tuple[tuple[str, str], ...]:
    """Return pairs of a package and the match spec by which it asks for an accelerator, sorted."""
    return tuple(
        sorted({(each.name, text) for each in packages for text in mentions((*each.depends, *each.constrains))})
    )


def text(prefix: str, environ: Mapping[str, str]) -> str | None:
    """Return what to say before a command runs in `prefix`, None where nothing is to be said, or was said before.

    The second time is known by a mark in the cache, one a machine and generation.
    """
    path = os.path.join(prefix, *FILE.split("/"))
    try:
        found = os.stat(path)
    except OSError:
        return None
    if is_visible(environ) or not _is_first(f"{prefix}\n{found.st_mtime_ns}\n{os.uname().nodename}", environ):
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            pairs = [line.rstrip("\n").partition("\t") for line in file]
    except OSError:
        return None
    named = ", ".join(f"{name} ({spec})" for name, _, spec in pairs[:_SHOWN])
    more = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return (
        f"this environment has builds for a GPU, and this machine shows no NVIDIA driver: {named}{more}; "
        "they may fail, or compute on the CPU (said once on this machine)"
    )


def _is_first(what: str, environ: Mapping[str, str]) -> bool:
    import hashlib  # only where there is something to say

    home = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    directory = os.path.join(environ.get("ENVMGR_CACHE") or os.path.join(home, "envmgr"), "told")
    mark = os.path.join(directory, hashlib.sha256(os.fsencode(what)).hexdigest()[:32])
    try:
        os.makedirs(directory, exist_ok=True)
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    except OSError:  # nowhere to remember it: better said again than not at all
        return True
    return True
