"""The registry of environments that conda's tools share: ~/.conda/environments.txt (CEP 32).

Light: imported by `env list`. Lines of other tools are kept byte for byte.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from envmgr.errors import StoreError, UsageError
from envmgr.leases import lease
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.layout import Location


def path_of(settings: Settings) -> Path:
    """Return the registry file of this user."""
    return settings.home / ".conda" / "environments.txt"


def environments(settings: Settings) -> tuple[Location, ...]:
    """Return the environments of the store by name, then those registered elsewhere by path, each once."""
    stored = (layout.named(settings, name) for name in layout.names(settings))
    found = {location.prefix: location for location in stored}
    for line in sorted(set(_lines(path_of(settings)))):
        prefix = Path(os.fsdecode(line))
        if not prefix.is_absolute() or prefix in found or not layout.is_environment(prefix):
            continue
        with contextlib.suppress(UsageError):
            location = layout.at_path(settings, prefix)
            found.setdefault(location.prefix, location)
    return tuple(found.values())


def prefixes(settings: Settings) -> tuple[Path, ...]:
    """Return every prefix in the register, also of what does not exist any more, each once."""
    found = (Path(os.fsdecode(line)) for line in sorted(set(_lines(path_of(settings)))))
    return tuple(prefix for prefix in found if prefix.is_absolute())


def register(settings: Settings, prefix: Path) -> None:
    """Add `prefix` unless it is there already; raises StoreError where the file cannot be written."""
    entry = os.fsencode(prefix)
    if b"\n" in entry or entry in _lines(path_of(settings)):
        return
    _change(settings, lambda lines: lines if entry in lines else [*lines, entry])


def unregister(settings: Settings, prefix: Path) -> None:
    """Remove `prefix`; raises StoreError where the file cannot be written."""
    entry = os.fsencode(prefix)
    if entry in _lines(path_of(settings)):
        _change(settings, lambda lines: [line for line in lines if line != entry])


def _change(settings: Settings, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = path_of(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.realpath(path))  # a symlinked registry (dotfiles) stays one
        with lease(target.with_name(f".{target.name}.envmgr.lease"), purpose="registry", timeout=30):
            before = _lines(target)
            after = change(before)
            if after == before:
                return
            temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
            temporary.write_bytes(b"".join(line + b"\n" for line in after))
            with contextlib.suppress(OSError):
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
