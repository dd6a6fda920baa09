"""A lock that was written elsewhere, brought to this machine: channels that are built here lie somewhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels.model import Channel
from envmgr.lock.model import CondaPackage, Lock
from envmgr.urls import path_of_file_url


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
        path = path_of_file_url(package.url)
        if path is None or _sha256(path) != package.sha256:
            yield built[package.channel], package


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
