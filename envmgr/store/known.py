"""Every environment that may need something of the package cache, whoever made it and from whichever store.

Known are those of this store, those that conda's tools registered, and those that were noted in the cache itself by the
stores that share it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from envmgr.errors import EnvmgrError, UsageError
from envmgr.settings import Settings
from envmgr.store import generations, layout, registry
from envmgr.store.layout import Location


def note(settings: Settings, location: Location) -> None:
    """Note in the cache that this environment takes from it; a cache that cannot be written is not to be cleaned."""
    path = _directory(settings) / hashlib.sha256(os.fsencode(location.prefix)).hexdigest()[:32]
    with contextlib.suppress(OSError):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.{os.getpid()}")
            unfinished.write_bytes(os.fsencode(location.prefix))
            unfinished.replace(path)


def forget(settings: Settings, location: Location) -> None:
    """Forget an environment that is gone, here and in the register; raises StoreError where that cannot be written."""
    with contextlib.suppress(OSError):
        (_directory(settings) / hashlib.sha256(os.fsencode(location.prefix)).hexdigest()[:32]).unlink()
    registry.unregister(settings, location.prefix)


def environments(settings: Settings) -> tuple[Location, ...]:
    """Return those that exist, each once, sorted by prefix."""
    return tuple(each for each in _all(settings) if layout.is_environment(each.prefix))


def gone(settings: Settings) -> tuple[Location, ...]:
    """Return those that were deleted by other means than ours: the prefix does not exist; some left generations."""
    return tuple(each for each in _all(settings) if _is_gone(each.prefix))


def hidden(settings: Settings) -> tuple[Location, ...]:
    """Return those of which this user cannot see whether they exist: somebody else's, in a directory of their own."""
    return tuple(each for each in _all(settings) if not os.path.lexists(each.prefix) and not _is_gone(each.prefix))


def has_generations(location: Location) -> bool:
    """Whether trees or locks of earlier generations are kept."""
    return bool(generations.kept_numbers(location) or generations.recorded_numbers(location))


def _is_gone(prefix: Path) -> bool:
    try:
        os.lstat(prefix)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: no path at all, a line that rotted
        return True
    except OSError:
        pass
    return False


def _all(settings: Settings) -> list[Location]:
    found: dict[Path, Location] = {}
    for prefix in _prefixes(settings):
        with contextlib.suppress(UsageError):
            location = layout.at_path(settings, prefix)
            found.setdefault(location.prefix, location)
    return [found[prefix] for prefix in sorted(found)]


def _prefixes(settings: Settings) -> Iterator[Path]:
    store = settings.root / "envs"
    yield from (store / name for name in layout.names(settings))
    for name in _listed(store / ".generations"):
        with contextlib.suppress(EnvmgrError):
            layout.check_name(name)
            yield store / name
    yield from registry.prefixes(settings)
    for name in _listed(_directory(settings)):
        with contextlib.suppress(OSError):
            prefix = Path(os.fsdecode((_directory(settings) / name).read_bytes()))
            if not name.startswith(".") and prefix.is_absolute():
                yield prefix


def _listed(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _directory(settings: Settings) -> Path:
    return settings.cache / "environments"
