"""A lock that was written elsewhere, brought to this machine: channels that are built here lie somewhere else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels.model import Channel
from envmgr.lock.model import CondaPackage, Lock
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.specs import meets
from envmgr.urls import path_of_file_url

_NAMED = 5  # packages in one sentence
_VIRTUAL = re.compile(r"^__[a-z0-9_.-]*")


def relocated(lock: Lock, channels: Sequence[Channel]) -> Lock:
    """Return `lock` with those of `channels` that are built from recipes where this machine builds them.

    `channels` are those that the lock's own mean here, in the lock's order.
    """
    moves = {
        old: channel.url
        for old, channel in zip(lock.channels, channels, strict=False)
        if channel.recipes is not None and old != channel.url
    }
    if not moves or len(lock.channels) != len(channels):
        return lock
    return lock._replace(
        channels=tuple(moves.get(url, url) for url in lock.channels),
        conda=tuple(_moved(package, moves.get(package.channel)) for package in lock.conda),
    )


def unbuildable(
    lock: Lock, channels: Sequence[Channel], cache: ArtifactCache
) -> Iterator[tuple[Channel, CondaPackage]]:
    """Yield the packages of channels that are built here which are neither in the cache nor what was built here."""
    built = {channel.url: channel for channel in channels if channel.recipes is not None}
    ours = [package for package in lock.conda if package.channel in built]
    for package in cache.missing(ours) if ours else ():
        if not _is_built(package):
            yield built[package.channel], package


def is_built_here(lock: Lock, channels: Sequence[Channel]) -> bool:
    """Whether every package of those of `channels` that are built here is what was built here, wherever else it is."""
    built = {channel.url for channel in channels if channel.recipes is not None}
    return all(_is_built(package) for package in lock.conda if package.channel in built)


def _is_built(package: CondaPackage) -> bool:
    path = path_of_file_url(package.url)
    return path is not None and _sha256(path) == package.sha256


def lacking(lock: Lock, virtual_packages: Sequence[VirtualPackage]) -> tuple[str, ...]:
    """Return which virtual packages `lock` needs that a machine with `virtual_packages` lacks, one sentence each."""
    present = {package.name: package for package in virtual_packages}
    needing: dict[str, list[str]] = {}
    for package in lock.conda:
        for text in package.depends:
            if text.startswith("__") and not _is_met(present, text):
                needing.setdefault(text, []).append(package.name)
    return tuple(
        f"the lock is for a machine with {text}, and this one has {_there(present, text)}: "
        f"{', '.join(sorted(names)[:_NAMED])}{' and others' if len(names) > _NAMED else ''} may not work here"
        for text, names in sorted(needing.items())
    )


def _is_met(present: Mapping[str, VirtualPackage], text: str) -> bool:
    try:
        spec = MatchSpec(text)
        return meets(present.get(spec.name.normalized), spec)
    except (InvalidMatchSpecError, InvalidVersionError):  # what a spec has to be is the closure's business
        return True


def _there(present: Mapping[str, VirtualPackage], text: str) -> str:
    found = present.get(text.split(" ", maxsplit=1)[0].partition("=")[0].partition(">")[0].partition("<")[0])
    return "none" if found is None else f"{found.version} {found.build}".removesuffix(" 0")


def _moved(package: CondaPackage, channel: str | None) -> CondaPackage:
    if channel is None:
        return package
    return package._replace(channel=channel, url=f"{channel}/{package.subdir}/{package.filename}")


def _sha256(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
