"""What `run` says of an environment with builds for a GPU that this machine does not have, or not for such a driver.

It is said once, for one look at a file; where there is a driver, it is asked once. On the path of `run`: imports
nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envmgr.platforms.accelerators import allows, is_visible, mentions

if TYPE_CHECKING:
    from envmgr.lock.model import CondaPackage

FILE = "conda-meta/envmgr/accelerators"
_SHOWN = 3
_SOLVED_FOR = ""  # in the place of a package: the machine that was solved for


def write(tree: str | os.PathLike[str], packages: Iterable[CondaPackage], machine: Sequence[str]) -> None:
    """Write what the packages of a staged tree ask of an accelerator, and which one was solved for (`machine`, virtual
    packages as `__cuda=12.8=0`); no file where they ask for none."""
    lines = [f"{name}\t{text}\n" for name, text in needs(packages)]
    if lines:
        lines += [f"{_SOLVED_FOR}\t{text}\n" for text in machine if text.startswith("__cuda=")]
        with open(os.path.join(tree, *FILE.split("/")), "w", encoding="utf-8") as file:
            file.writelines(lines)


def needs(packages: Iterable[CondaPackage]) -> tuple[tuple[str, str], ...]:
    """Return pairs of a package and the match spec by which it asks for an accelerator, sorted."""
    return tuple(
        sorted({(each.name, text) for each in packages for text in mentions((*each.depends, *each.constrains))})
    )


def text(prefix: str, environ: Mapping[str, str]) -> str | None:
    """Return what to say before a command runs in `prefix`, None where nothing is to be said, or was said before.

    The second time is known by a mark in the cache, one a machine, driver and generation.
    """
    path = os.path.join(prefix, *FILE.split("/"))
    try:
        found = os.stat(path)
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").partition("\t") for line in file]
    except OSError:
        return None
    asking = [(name, spec) for name, _, spec in lines]
    mark = f"{prefix}\n{found.st_mtime_ns}\n{os.uname().nodename}"
    if not is_visible(environ):
        named = _named([pair for pair in asking if pair[0] != _SOLVED_FOR])
        said = f"this environment has builds for a GPU, and this machine shows no NVIDIA driver: {named}"
    else:
        versions = _versions(environ, mark)
        unmet = list(_unmet(asking, versions))
        if not unmet:
            return None
        mark += f"\n{sorted(versions.items())}"
        has = " and ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        said = f"this environment has builds for another GPU driver, and this machine has {has}: {_named(unmet)}"
    return (
        f"{said}; they may fail, or compute on the CPU (said once on this machine)"
        if _is_first(mark, environ)
        else None
    )


def _named(pairs: Sequence[tuple[str, str]]) -> str:
    named = ", ".join(f"{name} ({spec})" if name else spec for name, spec in pairs[:_SHOWN])
    return named + (f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else "")


def _unmet(pairs: Iterable[tuple[str, str]], versions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what this machine does not meet; a driver runs what was built for its major version, and for older ones."""
    for name, spec in pairs:
        kind = spec.replace("[", " ").replace("=", " ").split(" ")[0]
        if kind not in versions:
            continue
        if name != _SOLVED_FOR:
            if not allows(spec, versions[kind]):
                yield name, spec
            continue
        wanted = spec.split("=")[1]
        if not allows(f"{kind} >={wanted.split('.')[0]}", versions[kind]):
            yield "", f"solved for {kind} {wanted}"


def _versions(environ: Mapping[str, str], mark: str) -> Mapping[str, str]:
    """Return the versions of the accelerators of this machine by name, as stated or as its driver says.

    It is asked once where nobody has yet; nothing is known of one that does not answer.
    """
    stated = environ.get("CONDA_OVERRIDE_CUDA")
    if stated is not None:
        return {"__cuda": stated.strip()}
    from envmgr.platforms import driver_answers  # start-up time: only where there may be a driver

    signed = driver_answers.signature(environ)
    found = driver_answers.known(signed, environ) if signed is not None else ()
    if found is None and _is_first(f"asked\n{mark}\n{signed}", environ):
        from envmgr.platforms import detect, subdirs  # start-up time: once a driver

        found = detect.detect(subdirs.current_subdir(), environ)
    return {package.name: package.version for package in found or () if package.name.startswith("__cuda")}


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
