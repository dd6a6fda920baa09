"""`search --envs`: which environments have a package, of either half."""

from __future__ import annotations

import contextlib
import fnmatch
from typing import NamedTuple

from envmgr.errors import EnvmgrError
from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.settings import Settings
from envmgr.solve.records import record_of_package
from envmgr.spec.command_line import parse_dependency
from envmgr.store import registry
from envmgr.store.layout import Location
from envmgr.workflows.reading import lock_of


class Having(NamedTuple):
    """An environment, and those of its packages that are looked for."""

    location: Location
    conda: tuple[CondaPackage, ...]
    pip: tuple[PipPackage, ...]


def find(text: str, settings: Settings) -> tuple[Having, ...]:
    """Return the environments that have what `text` means: a match spec, or a name with `*`; wheels go by name alone.

    Environments that cannot be read have nothing. Raises SpecError.
    """
    is_glob = "*" in text and not any(sign in text for sign in "<>=~![ ")
    spec = None if is_glob else parse_dependency(text)
    found = []
    for location in registry.environments(settings):
        with contextlib.suppress(EnvmgrError):
            lock = lock_of(location)
            conda = tuple(
                package
                for package in lock.conda
                if (spec.match_spec.matches(record_of_package(package)) if spec else _is_like(package.name, text))
            )
            pip = tuple(
                package
                for package in lock.pip
                if (package.name == spec.name.replace("_", "-") if spec else _is_like(package.name, text))
            )
            if conda or pip:
                found.append(Having(location, conda, pip))
    return tuple(found)


def _is_like(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern.lower())
