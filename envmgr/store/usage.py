"""Who is taking things out of the package cache now, so that nothing of it is collected under their feet."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from envmgr.leases import process_tag, tag_is_dead
from envmgr.settings import Settings

_ABANDONED = 24 * 3600.0  # seconds after which a mark counts for nothing, whoever made it


@contextlib.contextmanager
def using_cache(settings: Settings) -> Iterator[None]:
    """Mark the cache as in use by this process for the body; a cache that cannot be written needs no mark."""
    mark = _directory(settings) / f"{process_tag()}.{os.urandom(4).hex()}"
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            mark.unlink()


def is_cache_used(settings: Settings) -> bool:
    """Whether another process is using the cache; marks of dead ones are removed."""
    try:
        marks = sorted(os.listdir(_directory(settings)))
    except OSError:
        return False
    live = [mark for mark in marks if _is_live(_directory(settings) / mark)]
    return bool(live)


def _is_live(mark: Path) -> bool:
    tag = mark.name.rpartition(".")[0]
    dead = tag_is_dead(tag)
    try:
        if dead is None:  # another host or container
            dead = time.time() - mark.stat().st_mtime > _ABANDONED
        if dead:
            mark.unlink()
    except OSError:
        return False
    return not dead


def _directory(settings: Settings) -> Path:
    return settings.cache / "users"
