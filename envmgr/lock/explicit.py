"""Explicit files (CEP 23): a line an artifact, with its md5 or sha256 or without; in and out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from envmgr.errors import LockError, PlatformNotLocked
from envmgr.lock import foreign
from envmgr.lock.foreign import Artifact, EntryFault, Faults, Foreign
from envmgr.lock.model import CondaPackage, Lock
from envmgr.urls import file_name, file_url, is_url

_LINE = re.compile(r"(?P<place>[^#]+?)(?:#(?P<hash>.*))?")
_HASH = re.compile(r"(?P<md5>[0-9a-f]{32})|(?:sha256:)?(?P<sha256>[0-9a-f]{64})", re.IGNORECASE)
_PLATFORM = re.compile(r"^#[ \t]*platform:[ \t]*([a-z]+-[a-z0-9]+)[ \t]*\r?$", re.MULTILINE)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_HEADER = """\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: {platform}
@EXPLICIT
"""


def platforms(text: str) -> tuple[str, ...]:
    """Return the platform that an explicit file is for: as its comment says, or as its URLs do; empty: any."""
    found = _PLATFORM.findall(text)
    named = found or re.findall(r"/([a-z]+-[a-z0-9]+)/[^/\s]+\.(?:conda|tar\.bz2)", text)
    return tuple(dict.fromkeys(named))


def read(text: str, *, source: str, platform: str, environ: Mapping[str, str], home: str) -> Foreign:
    """Return what the file locks for `platform` (a subdir); nothing is known of the packages but their artifacts.

    As CEP 23 says, `$VARIABLE` and `~` are replaced, and a relative path is one from the working directory. Raises
    PlatformNotLocked where it is for another platform, LockTampered that names every line that is no artifact.
    """
    faults = Faults(source)
    artifacts: list[tuple[str, Artifact, dict[str, str]]] = []
    lines = text.removeprefix("\ufeff").splitlines()
    foreign.check_size(lines, source)
    for number, line in enumerate(lines, start=1):
        written = line.strip()
        if not written or written.startswith("#") or written == "@EXPLICIT":
            continue
        try:
            artifacts.append((f"line {number}", *_entry(written, is_url(source), environ, home)))
        except EntryFault as fault:
            faults.add(f"line {number}", fault)
    there = platforms(text)
    if there and platform not in there:
        raise PlatformNotLocked(
            f"{source} is for {', '.join(there)}, not for {platform}", hint=f"choose it with --platform {there[0]}"
        )
    for entry, artifact, _ in artifacts:
        if artifact.subdir not in ("noarch", platform, ""):
            faults.add(entry, f"{artifact.filename} is for {artifact.subdir}, not for {platform}")
    packages = [artifact.package(hashes) for _, artifact, hashes in artifacts]
    conda = foreign.once(packages, faults, [entry for entry, _, _ in artifacts])
    faults.raise_if_any()
    lock = Lock(
        platform=platform,
        conda=conda,
        channels=tuple(dict.fromkeys(artifact.channel for _, artifact, _ in artifacts)),
        sources=(file_name(source) if is_url(source) else os.path.basename(source),) if source != "-" else (),
    )
    return Foreign(
        lock=lock,
        places=tuple(dict.fromkeys(artifact.place for _, artifact, _ in artifacts)),
        unhashed=tuple(package.dist_name for package in conda if not package.sha256 and not package.md5),
    )


def dumps(lock: Lock) -> str:
    """Return the conda half as an explicit file: what others need first, with sha256 where it is known, or md5.

    Raises LockError for a lock with an artifact that is not at a URL.
    """
    lines = []
    for package in _in_order(lock):
        if not is_url(package.url):
            raise LockError(f"{package.dist_name} has no URL, so no explicit file can name it")
        digest = f"sha256:{package.sha256}" if package.sha256 else package.md5
        lines.append(f"{package.url}#{digest}\n" if digest else f"{package.url}\n")
    return _HEADER.format(platform=lock.platform) + "".join(lines)


def _entry(written: str, is_remote: bool, environ: Mapping[str, str], home: str) -> tuple[Artifact, dict[str, str]]:
    match = _LINE.fullmatch(written)
    if match is None:
        raise EntryFault(f"`{written[:80]}` names no artifact")
    hashes: dict[str, str] = {}
    if match["hash"] is not None:
        digest = _HASH.fullmatch(match["hash"])
        if digest is None:
            raise EntryFault(f"expected an md5 or a sha256 after `#`, found `{match['hash'][:80]}`")
        hashes = {kind: value.lower() for kind, value in digest.groupdict().items() if value}
    url = _expanded(match["place"].strip(), environ)
    if not is_url(url):
        path = home + url[1:] if url == "~" or url.startswith(("~/", "~\\")) else url
        url = file_url(Path(os.path.abspath(path)))
    if is_remote and url.lower().startswith("file:"):
        raise EntryFault("a file from elsewhere names a path on this machine")
    return foreign.artifact(url), hashes


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environ:
            raise EntryFault(f"names the variable `{name}`, which is not set")
        return environ[name]

    return _VARIABLE.sub(value, text)


def _in_order(lock: Lock) -> list[CondaPackage]:
    packages = {package.name: package for package in lock.conda}
    graph = {
        name: sorted({re.split(r"[ =<>!~\[]", text, maxsplit=1)[0] for text in package.depends} & packages.keys())
        for name, package in packages.items()
    }
    try:
        return [packages[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError:  # pip and python need each other on conda-forge
        return list(packages.values())
