"""pixi.lock, every version that py-rattler's LockFile reads (4 to 7): the records of one environment and platform."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from rattler import LockFile, LockPlatform, RepoDataRecord
from rattler.lock import CondaLockedBinaryPackage, Environment, PypiLockedPackage

from envmgr.errors import LockError, PlatformNotLocked, UsageError
from envmgr.urls import redact

DEFAULT = "default"
# py-rattler does not tell: the entry of a path, its lines indented below it
_EDITABLE = re.compile(r"^- pypi: (\S+)\n(?:  .*\n)*?  editable: true$", re.MULTILINE)


class PypiEntry(NamedTuple):
    """One entry of the pip half, as written: a URL or a path, its sha256 (empty: none), PEP 508 requirements.

    `is_editable` counts for paths alone.
    """

    name: str
    version: str
    location: str
    sha256: str
    requires: tuple[str, ...]
    is_editable: bool = False


class PixiEnvironment(NamedTuple):
    """One environment for one platform: records, pip entries, what is built from source (named), channel URLs."""

    platform: str
    virtual_packages: tuple[str, ...]
    records: tuple[RepoDataRecord, ...]
    pypi: tuple[PypiEntry, ...]
    built: tuple[str, ...]
    channels: tuple[str, ...]


class Document:
    """A pixi.lock that was parsed; `source` names it in messages."""

    def __init__(self, text: str, *, source: str) -> None:
        """Parse the text; raises LockError where py-rattler says that it is no lock."""
        self._source = source
        self._editable = frozenset(_EDITABLE.findall(text))
        with tempfile.TemporaryDirectory(prefix="envmgr-") as directory:  # py-rattler reads paths alone
            path = Path(directory, "pixi.lock")
            path.write_text(text, encoding="utf-8")
            try:
                self._file = LockFile.from_path(path)
            except Exception as error:
                message = redact(str(error)).replace(f"{directory}/", "")[:400]
                raise LockError(f"{source} is no pixi lock file: {message}") from error

    @property
    def environments(self) -> tuple[str, ...]:
        """The names of its environments, sorted."""
        return tuple(sorted(name for name, _ in self._file.environments()))

    def platforms(self, environment: str) -> tuple[str, ...]:
        """Return the subdirs that an environment is locked for, sorted; raises UsageError where there is none."""
        return tuple(sorted({str(platform.subdir) for platform in self._environment(environment).platforms()}))

    def environment(self, platform: str, name: str = DEFAULT) -> PixiEnvironment:
        """Return an environment for a subdir; raises UsageError and PlatformNotLocked that say what there is."""
        environment = self._environment(name)
        chosen = self._platform(environment, platform, name)
        packages = environment.packages(chosen) or []
        try:
            records = tuple(environment.conda_repodata_records_for_platform(chosen) or ())
        except Exception as error:
            raise LockError(f"{self._source}: a record for {platform} cannot be read: {redact(str(error))}") from error
        return PixiEnvironment(
            platform=platform,
            virtual_packages=tuple(chosen.virtual_packages),
            records=records,
            pypi=tuple(
                _pypi(package, self._editable) for package in packages if isinstance(package, PypiLockedPackage)
            ),
            built=tuple(
                package.name
                for package in packages
                if not isinstance(package, (PypiLockedPackage, CondaLockedBinaryPackage))
            ),
            channels=tuple(str(channel).rstrip("/") for channel in environment.channels()),
        )

    def _environment(self, name: str) -> Environment:
        found = self._file.environment(name)
        if found is None:
            names = self.environments
            raise UsageError(
                f"{self._source} has no environment {name}; it has {', '.join(names) or 'none'}",
                hint=f"--environment {names[0]}" if names else None,
            )
        return found

    def _platform(self, environment: Environment, subdir: str, name: str) -> LockPlatform:
        found = [platform for platform in environment.platforms() if str(platform.subdir) == subdir]
        exact = [platform for platform in found if platform.name == subdir]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        there = sorted({str(platform.subdir) for platform in environment.platforms()})
        if found:
            names = ", ".join(sorted(platform.name for platform in found))
            raise PlatformNotLocked(f"{self._source} locks {subdir} several times: {names}")
        others = [other for other in self.environments if subdir in self.platforms(other)]
        hint = f"--environment {others[0]}" if others else f"choose it with --platform {there[0]}" if there else None
        raise PlatformNotLocked(
            f"{self._source} locks {name} for {', '.join(there) or 'no platform'}, not for {subdir}", hint=hint
        )


def _pypi(package: PypiLockedPackage, editable: frozenset[str]) -> PypiEntry:
    try:
        digest = package.hashes.sha256 if package.hashes is not None else None
    except AttributeError:  # py-rattler 0.28 wraps hashes that there are not
        digest = None
    return PypiEntry(
        name=str(package.name),
        version=str(package.version),
        location=str(package.location),
        sha256=digest.hex() if digest is not None else "",
        requires=tuple(package.requires_dist),
        is_editable=str(package.location) in editable,
    )
