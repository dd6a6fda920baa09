"""What the conda half provides of the Python world: distributions read offline from extracted artifacts."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.errors import CorruptPackage
from envmgr.lock.model import CondaPackage

_METADATA_LIMIT = 8 * 1024 * 1024  # bytes; the largest real METADATA (a README with pictures) is below 1 MiB
_PATHS_LIMIT = 256 * 1024 * 1024  # bytes; 26,000 files make 8 MiB
_SITE_PACKAGES = r"(?:site-packages|lib/python[^/]+/site-packages|Lib/site-packages)"
_METADATA_PATH = re.compile(
    rf"{_SITE_PACKAGES}/(?:[^/]+\.dist-info/METADATA|[^/]+\.egg-info/PKG-INFO|[^/]+\.egg-info)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One Python distribution that a conda package provides.

    `name` is normalised (PEP 503), `version` is PEP 440 in normal form, `extras` are normalised names and
    `requires` the Requires-Dist texts of conda's own METADATA, markers included.
    """

    name: str
    version: str
    package: CondaPackage
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def read(artifacts: Iterable[tuple[CondaPackage, Path]]) -> tuple[Distribution, ...]:
    """Return every distribution in extracted artifacts (package, directory), sorted by name, each name once.

    Named by the `*.dist-info` and `*.egg-info` paths of info/paths.json (CEP 34), read as core metadata (PEP 566).
    Raises CorruptPackage, naming the package, for metadata that is missing, oversized or says no name or version.
    """
    found: dict[str, Distribution] = {}
    for package, directory in artifacts:
        for distribution in _distributions(package, directory):
            known = found.get(distribution.name)
            # conda-forge splits some projects over several packages that repeat one dist-info: the namesake speaks
            if known is None or _rank(distribution) < _rank(known):
                found[distribution.name] = distribution
    return tuple(found[name] for name in sorted(found))


def with_distributions(packages: Sequence[CondaPackage], provided: Iterable[Distribution]) -> tuple[CondaPackage, ...]:
    """Return `packages` with their `distributions` filled in from `provided`, as the lock keeps them."""
    by_package: dict[str, list[str]] = {}
    for distribution in provided:
        by_package.setdefault(distribution.package.name, []).append(str(distribution))
    return tuple(
        package._replace(distributions=tuple(sorted(by_package.get(package.name, ())))) for package in packages
    )


def _rank(distribution: Distribution) -> tuple[bool, str]:
    return canonicalize_name(distribution.package.name) != distribution.name, distribution.package.name


def _distributions(package: CondaPackage, directory: Path) -> Iterator[Distribution]:
    for path in _metadata_paths(package, directory):
        metadata = _metadata(package, directory, path)
        name, version = str(metadata.get("Name") or "").strip(), str(metadata.get("Version") or "").strip()
        if not _NAME.fullmatch(name):
            raise CorruptPackage(f"{package.dist_name}: {path} names no distribution (found `{name[:80]}`)")
        try:
            normal = str(Version(version))
        except InvalidVersion:
            raise CorruptPackage(
                f"{package.dist_name}: {path} says version `{version[:80]}`, which is none by PEP 440, "
                "so the pip half cannot be held against it",
                hint=f"ask for another build of {package.name}, or leave the pip section out",
            ) from None
        yield Distribution(
            name=canonicalize_name(name),
            version=normal,
            package=package,
            extras=tuple(sorted({canonicalize_name(str(extra)) for extra in metadata.get_all("Provides-Extra", ())})),
            requires=tuple(str(text).strip() for text in metadata.get_all("Requires-Dist", ())),
        )


def _metadata_paths(package: CondaPackage, directory: Path) -> list[str]:
    where = f"{package.dist_name}: info/paths.json"
    data = _read(directory / "info" / "paths.json", _PATHS_LIMIT, where)
    try:
        entries: Any = json.loads(data)["paths"]
        paths = {str(entry["_path"]) for entry in entries}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptPackage(f"{where} does not list paths: {error!r}") from error
    return sorted(path for path in paths if _METADATA_PATH.fullmatch(path) and ".." not in path.split("/"))


def _metadata(package: CondaPackage, directory: Path, path: str) -> Message:
    where = f"{package.dist_name}: {path}"
    file = directory / path
    if not os.path.realpath(file).startswith(os.path.realpath(directory) + os.sep):
        raise CorruptPackage(f"{where} is a link that leads out of the package")
    return HeaderParser().parsestr(_read(file, _METADATA_LIMIT, where).decode("utf-8", "replace"), headersonly=True)


def _read(path: Path, limit: int, where: str) -> bytes:
    try:
        if not path.is_file():
            raise CorruptPackage(f"{where} is listed, but is not a file in the package")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise CorruptPackage(f"{where} cannot be read: {error}") from error
    if len(data) > limit:
        raise CorruptPackage(f"{where} is larger than {limit} bytes")
    return data
