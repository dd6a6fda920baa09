"""pylock.toml (PEP 751): what uv writes as a resolution and reads as an order to install."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.urls import file_name, file_url, path_of_file_url, without_credentials

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """By what one artifact of each package is chosen: `tags` (best first); `built` are the names whose sdist is
    taken where there is one; `hashes` (name → `sha256:…`) are those that an artifact must have one of; `hashing` gives
    the sha256 of a file at a URL that has only the other hashes given (None: such a file is refused)."""

    tags: Sequence[Tag]
    built: frozenset[str] = frozenset()
    hashes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hashing: Callable[[str, Mapping[str, str]], str] | None = None


def read(text: str, *, choice: Choice, directory: Path, without: Iterable[str] = ()) -> tuple[PipPackage, ...]:
    """Return one artifact for each package of a pylock.toml in `directory`, sorted by name.

    Packages named in `without` are left out; a directory's version is empty where the file does not say it. Raises
    PipError for a package that has no artifact for this target, or none with a sha256.
    """
    try:
        packages: list[dict[str, Any]] = tomllib.loads(text).get("packages", [])
    except tomllib.TOMLDecodeError as error:
        raise PipError(f"uv's pylock.toml cannot be read: {error}") from error
    left_out = set(without)
    rank = {tag: place for place, tag in reversed(list(enumerate(choice.tags)))}
    chosen = [
        package_of(entry, choice, rank, directory)
        for entry in packages
        if canonicalize_name(entry["name"]) not in left_out
    ]
    return tuple(sorted(chosen, key=lambda package: package.name))


def write(
    packages: Iterable[PipPackage], *, requires_python: str | None = None, environments: Sequence[str] = ()
) -> str:
    """Return the pylock.toml that installs exactly these artifacts; `environments` are the markers that it is for."""
    lines = ['lock-version = "1.0"']
    if environments:
        lines.append(f"environments = [{', '.join(map(_quoted, environments))}]")
    if requires_python is not None:
        lines.append(f"requires-python = {_quoted(requires_python)}")
    lines.append('created-by = "envmgr"')
    packages = tuple(packages)
    if not packages:
        lines.append("packages = []")
    for package in packages:
        lines += ["", "[[packages]]", f"name = {_quoted(package.name)}"]
        if package.version and package.kind not in ("directory", "editable"):
            lines.append(f"version = {_quoted(package.version)}")
        if package.index_url:
            lines.append(f"index = {_quoted(package.index_url)}")
        lines.append(_written(package))
    return "\n".join(lines) + "\n"


def _written(package: PipPackage) -> str:
    url, _, fragment = package.url.partition("#")
    subdirectory = dict(parse_qsl(fragment)).get("subdirectory")
    below = f", subdirectory = {_quoted(subdirectory)}" if subdirectory else ""
    if package.is_repository:
        url, _, commit = url.removeprefix("git+").rpartition("@")
        revision = f", requested-revision = {_quoted(package.revision)}" if package.revision else ""
        return f'vcs = {{ type = "git", url = {_quoted(url)}{revision}, commit-id = {_quoted(commit)}{below} }}'
    if package.kind in ("directory", "editable"):
        editable = ", editable = true" if package.kind == "editable" else ""
        return f"directory = {{ path = {_quoted(str(path_of_file_url(url)))}{editable}{below} }}"
    size = "" if package.size is None else f", size = {package.size}"
    hashes = f"hashes = {{ sha256 = {_quoted(package.sha256)} }}"
    if package.kind == "archive":
        path = path_of_file_url(url)
        where = f"url = {_quoted(url)}" if path is None else f"path = {_quoted(str(path))}"
        return f"archive = {{ {where}{size}{below}, {hashes} }}"
    artifact = f"{{ name = {_quoted(package.filename)}, url = {_quoted(url)}{size}, {hashes} }}"
    return f"sdist = {artifact}" if package.kind == "sdist" else f"wheels = [{artifact}]"


def package_of(entry: Mapping[str, Any], choice: Choice, rank: Mapping[Tag, int], directory: Path) -> PipPackage:
    """Return the artifact that is chosen of one `[[packages]]` entry; raises as `read`."""
    name = canonicalize_name(entry["name"])
    if "vcs" in entry:
        return _repository(name, entry)
    if "directory" in entry:
        return _directory(name, entry, directory)
    if "archive" in entry:
        return _archive(name, entry, directory)
    allowed = frozenset(text.removeprefix("sha256:") for text in choice.hashes.get(name, ()))
    wheels = sorted(_ranked(entry.get("wheels", ()), rank, allowed), key=lambda ranked: (ranked[0], ranked[1]))
    sdist = entry.get("sdist")
    if isinstance(sdist, Mapping) and (not wheels or choice.built & {name, ":all:"}):
        sha256 = str(sdist.get("hashes", {}).get("sha256", ""))
        if not allowed or sha256 in allowed:
            return _artifact(name, entry, "sdist", str(sdist.get("name") or file_name(_url(sdist, directory))), sdist,
                             directory, choice)  # fmt: skip
    if not wheels:
        version = entry.get("version", "")
        if allowed and any(True for _ in _ranked(entry.get("wheels", ()), rank, frozenset())):
            raise PipError(f"{name} {version}: no file for this platform and Python has one of the hashes given for it")
        raise PipError(f"{name} {version} has no wheel for this platform and Python")
    _, filename, wheel = wheels[0]
    return _artifact(name, entry, "wheel", filename, wheel, directory, choice)


def _artifact(
    name: str,
    entry: Mapping[str, Any],
    kind: str,
    filename: str,
    artifact: Mapping[str, Any],
    directory: Path,
    choice: Choice,
) -> PipPackage:
    said = artifact.get("hashes", {})
    sha256 = str(said.get("sha256", ""))
    if not sha256 and choice.hashing is not None and str(artifact.get("url", "")).startswith("http"):
        sha256 = choice.hashing(artifact["url"], said)
    if not _SHA256.fullmatch(sha256):
        raise PipError(
            f"{filename}: the index gives no sha256 for this {kind} (found {sorted(artifact.get('hashes', {}))}), "
            "so it cannot be locked"
        )
    url = without_credentials(_url(artifact, directory))
    return PipPackage(
        name=name,
        version=str(parse_wheel_filename(filename)[1]) if kind == "wheel" else _version(entry, filename),
        url=url,
        filename=filename,
        sha256=sha256,
        size=_size(artifact, url),
        kind=kind,
    )


def _archive(name: str, entry: Mapping[str, Any], directory: Path) -> PipPackage:
    archive = entry["archive"]
    url = without_credentials(_url(archive, directory))
    filename = file_name(url)
    sha256 = str(archive.get("hashes", {}).get("sha256", ""))
    if not _SHA256.fullmatch(sha256):
        raise PipError(f"{filename}: there is no sha256 for it, so it cannot be locked")
    subdirectory = archive.get("subdirectory")
    return PipPackage(
        name=name,
        version=_version(entry, filename),
        url=url + (f"#subdirectory={subdirectory}" if subdirectory else ""),
        filename=filename,
        sha256=sha256,
        size=_size(archive, url),
        kind="archive",
    )


def _repository(name: str, entry: Mapping[str, Any]) -> PipPackage:
    vcs = entry["vcs"]
    if vcs.get("type") != "git":
        raise PipError(f"{name}: {vcs.get('type')} repositories are not read, git ones are")
    where = vcs.get("url") or file_url(Path(str(vcs.get("path", ""))).absolute())
    subdirectory = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
    return PipPackage(
        name=name,
        version=_version(entry, ""),
        url=f"git+{without_credentials(str(where))}@{vcs['commit-id']}{subdirectory}",
        filename="",
        sha256="",
        kind="vcs",
        revision=vcs.get("requested-revision"),
    )


def _directory(name: str, entry: Mapping[str, Any], base: Path) -> PipPackage:
    found = entry["directory"]
    path = Path(base, str(found["path"])).resolve()
    subdirectory = f"#subdirectory={found['subdirectory']}" if found.get("subdirectory") else ""
    return PipPackage(
        name=name,
        version=_version(entry, ""),
        url=file_url(path) + subdirectory,
        filename="",
        sha256="",
        kind="editable" if found.get("editable") else "directory",
    )


def _version(entry: Mapping[str, Any], filename: str) -> str:
    try:
        return str(Version(str(entry["version"])))
    except (KeyError, InvalidVersion):
        pass
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""


def _ranked(
    wheels: Iterable[dict[str, Any]], rank: Mapping[Tag, int], allowed: frozenset[str]
) -> Iterator[tuple[tuple[int, ...], str, dict[str, Any]]]:
    for wheel in wheels:
        filename = str(wheel.get("name") or file_name(str(wheel.get("url") or wheel.get("path") or "")))
        try:
            _, _, build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue
        places = [rank[tag] for tag in tags if tag in rank]
        if places and (not allowed or wheel.get("hashes", {}).get("sha256") in allowed):
            # PEP 427: of two that fit alike, the higher build number
            yield (min(places), -(build[0] if build else -1)), filename, wheel


def _url(artifact: Mapping[str, Any], directory: Path) -> str:
    return str(artifact.get("url") or file_url(Path(directory, str(artifact.get("path", ""))).absolute()))


def _size(artifact: Mapping[str, Any], url: str) -> int | None:
    size = artifact.get("size")
    if isinstance(size, int):
        return size
    path = path_of_file_url(url)
    return path.stat().st_size if path is not None and path.is_file() else None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
