"""pylock.toml (PEP 751): what uv writes as a resolution and reads as an order to install."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.urls import file_name, path_of_file_url, without_credentials

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read(text: str, *, tags: Sequence[Tag], without: Iterable[str] = ()) -> tuple[PipPackage, ...]:
    """Return one wheel for each package of a pylock.toml, the best for `tags` (best first), sorted by name.

    Packages named in `without` are left out. Raises PipError for a package that has no such wheel or no sha256.
    """
    try:
        packages: list[dict[str, Any]] = tomllib.loads(text).get("packages", [])
    except tomllib.TOMLDecodeError as error:
        raise PipError(f"uv's pylock.toml cannot be read: {error}") from error
    left_out = set(without)
    rank = {tag: place for place, tag in reversed(list(enumerate(tags)))}
    chosen = [_package(entry, rank) for entry in packages if canonicalize_name(entry["name"]) not in left_out]
    return tuple(sorted(chosen, key=lambda package: package.name))


def write(packages: Iterable[PipPackage]) -> str:
    """Return the pylock.toml that installs exactly these wheels."""
    lines = ['lock-version = "1.0"', 'created-by = "envmgr"']
    packages = tuple(packages)
    if not packages:
        lines.append("packages = []")
    for package in packages:
        size = "" if package.size is None else f", size = {package.size}"
        lines += ["", "[[packages]]", f"name = {_quoted(package.name)}", f"version = {_quoted(package.version)}"]
        if package.index_url:
            lines.append(f"index = {_quoted(package.index_url)}")
        lines.append(
            f"wheels = [{{ name = {_quoted(package.filename)}, url = {_quoted(package.url)}{size}, "
            f"hashes = {{ sha256 = {_quoted(package.sha256)} }} }}]"
        )
    return "\n".join(lines) + "\n"


def _package(entry: dict[str, Any], rank: dict[Tag, int]) -> PipPackage:
    name = canonicalize_name(entry["name"])
    wheels = sorted(_ranked(entry.get("wheels", ()), rank), key=lambda ranked: (ranked[0], ranked[1]))
    if not wheels:
        raise PipError(f"{name} {entry.get('version', '')} has no wheel for this platform and Python")
    _, filename, wheel = wheels[0]
    sha256 = str(wheel.get("hashes", {}).get("sha256", ""))
    if not _SHA256.fullmatch(sha256):
        raise PipError(
            f"{filename}: the index gives no sha256 for this wheel (found {sorted(wheel.get('hashes', {}))}), "
            "so it cannot be locked"
        )
    url = without_credentials(_url(wheel))
    return PipPackage(
        name=name,
        version=str(parse_wheel_filename(filename)[1]),
        url=url,
        filename=filename,
        sha256=sha256,
        size=_size(wheel, url),
    )


def _ranked(
    wheels: Iterable[dict[str, Any]], rank: dict[Tag, int]
) -> Iterator[tuple[tuple[int, ...], str, dict[str, Any]]]:
    for wheel in wheels:
        filename = str(wheel.get("name") or file_name(_url(wheel)))
        try:
            _, _, build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue
        places = [rank[tag] for tag in tags if tag in rank]
        if places:
            # PEP 427: of two that fit alike, the higher build number
            yield (min(places), -(build[0] if build else -1)), filename, wheel


def _url(wheel: dict[str, Any]) -> str:
    return str(wheel.get("url") or Path(str(wheel.get("path", ""))).absolute().as_uri())


def _size(wheel: dict[str, Any], url: str) -> int | None:
    size = wheel.get("size")
    if isinstance(size, int):
        return size
    path = path_of_file_url(url)
    return path.stat().st_size if path is not None and path.is_file() else None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
