"""conda-lock v1 (CEP 37) as conda-lock, conda, rattler and mamba write it, into locks of one platform each.

Beside CEP 37, what older and other writers do: channels as bare names, `dependencies` as a list of match specs, the
fields of the repodata record beside the others (rattler), hashes with md5 alone (before conda-lock 1.0), and the
`source` of a pip package that is no wheel. Every scalar is read as the text that was written (a version stays
`1.10`), and nothing in the file is expanded: neither anchors into copies nor merge keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from envmgr.errors import LockError, PlatformNotLocked, UsageError
from envmgr.lock import foreign, foreign_pip
from envmgr.lock.foreign import EntryFault, Faults, Foreign
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.urls import file_name, redact, without_credentials

MAIN = "main"
_TEXTS = ("license", "license_family", "features", "python_site_packages_path")
_NUMBERS = ("build_number", "size", "timestamp")
_LARGEST_NUMBER = 10**15
_NOARCH = ("python", "generic")
_VARIABLE = re.compile(r"\$(\w+)")


class Document(NamedTuple):
    """A parsed file: its platforms, its channels as written, and its entries, not looked at yet."""

    source: str
    platforms: tuple[str, ...]
    channels: tuple[str, ...]
    sources: tuple[str, ...]
    variables: frozenset[str]
    entries: tuple[Mapping[str, Any], ...]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that its entries are in, `main` first."""
        found = {_category(entry) for entry in self.entries}
        return tuple(sorted(found, key=lambda name: (name != MAIN, name)))

    def lock(self, platform: str, categories: Sequence[str] = (MAIN,)) -> Foreign:
        """Return what is locked for a platform in any of `categories`.

        Raises PlatformNotLocked, UsageError for a category that no entry has, and LockTampered that names every
        entry that is no artifact.
        """
        if platform not in self.platforms:
            raise PlatformNotLocked(
                f"{self.source} locks {', '.join(self.platforms) or 'nothing'}, not {platform}",
                hint=f"choose one of them with --platform {self.platforms[0]}" if self.platforms else None,
            )
        unknown = [name for name in categories if name not in (MAIN, *self.categories)]
        if unknown:
            raise UsageError(
                f"{self.source} has no category {redact(unknown[0])}; it has {', '.join(self.categories) or 'none'}",
                hint=f"--category {self.categories[-1]}" if self.categories else None,
            )
        return self._read(platform, frozenset(categories))

    def _braced(self, match: re.Match[str]) -> str:
        """Return a variable that the file says its channels need as ours are written; another is a plain text."""
        return f"${{{match[1]}}}" if match[1] in self.variables else match[0]

    def _read(self, platform: str, categories: frozenset[str]) -> Foreign:
        faults = Faults(self.source)
        conda: list[tuple[str, CondaPackage]] = []
        pip: dict[str, PipPackage] = {}
        places: dict[str, None] = {}
        for index, entry in enumerate(self.entries):
            if entry.get("platform") != platform or _category(entry) not in categories:
                continue
            where = f"package[{index}] ({foreign.shown(entry.get('name')).strip('`')})"
            try:
                if entry.get("manager") == "conda":
                    place, package = _conda(entry, platform)
                    places.setdefault(_VARIABLE.sub(self._braced, place))
                    conda.append((where, package))
                elif entry.get("manager") == "pip":
                    _add_pip(pip, _pip(entry))
                else:
                    raise EntryFault(f"`manager`: expected conda or pip, found {foreign.shown(entry.get('manager'))}")
            except EntryFault as fault:
                faults.add(where, fault)
        packages = foreign.once([package for _, package in conda], faults, [where for where, _ in conda])
        faults.raise_if_any()
        lock = Lock(
            platform=platform,
            conda=packages,
            pip=tuple(pip[name] for name in sorted(pip)),
            channels=self.channels,
            sources=self.sources,
        )
        return Foreign(lock=lock, places=tuple(places))


def parse(document: Any, *, source: str) -> Document:
    """Return the document that YAML or JSON scalars, lists and mappings make, every scalar a text.

    Raises LockError where it is no conda-lock v1 document.
    """
    if not isinstance(document, dict):
        raise LockError(f"{source} is not a conda-lock file: expected keys")
    version = document.get("version", "1")
    if version != "1":
        known = foreign.shown(version).strip("`")
        raise LockError(f"{source}: conda-lock version {known} is not known; this envmgr reads 1")
    metadata, entries = document.get("metadata"), document.get("package")
    if not isinstance(metadata, dict):
        raise LockError(f"{source} is not a conda-lock file: `metadata`: expected keys (CEP 37)")
    if not isinstance(entries, list):
        raise LockError(f"{source} is not a conda-lock file: `package`: expected a list (CEP 37)")
    foreign.check_size(entries, source)
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise LockError(f"{source}: package[{index}]: expected keys, found {type(entry).__name__}")
    channels = [_channel(channel) for channel in _list(metadata.get("channels"))]
    platforms = [name for name in _list(metadata.get("platforms")) if isinstance(name, str)]
    return Document(
        source=source,
        platforms=tuple(dict.fromkeys(platforms)),
        channels=tuple(dict.fromkeys(channel for channel in channels if channel)),
        sources=tuple(file_name(name) for name in _list(metadata.get("sources")) if isinstance(name, str) and name),
        variables=frozenset(
            name
            for channel in _list(metadata.get("channels"))
            if isinstance(channel, dict)
            for name in _list(channel.get("used_env_vars"))
            if isinstance(name, str)
        ),
        entries=tuple(entries),
    )


def _category(entry: Mapping[str, Any]) -> str:
    value = entry.get("category")
    return value if isinstance(value, str) and value else MAIN


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _channel(value: object) -> str:
    url = value.get("url") if isinstance(value, dict) else value
    return without_credentials(url).rstrip("/") if isinstance(url, str) else ""


def _conda(entry: Mapping[str, Any], platform: str) -> tuple[str, CondaPackage]:
    name, version = foreign.text(entry.get("name"), "name"), foreign.text(entry.get("version"), "version")
    artifact = foreign.artifact(foreign.text(entry.get("url"), "url"))
    hashes = foreign.hashes(entry.get("hash"))
    if not hashes:
        raise EntryFault("`hash`: expected md5 or sha256, found neither")
    if artifact.subdir not in ("noarch", platform, ""):
        raise EntryFault(f"{artifact.filename} is for {artifact.subdir}, and is locked for {platform}")
    if version != artifact.version:
        raise EntryFault(f"`version`: {version}, and its URL ends in {artifact.filename}")
    record: dict[str, Any] = {"name": name.lower(), "depends": _depends(entry.get("dependencies"))}
    if isinstance(entry.get("build"), str) and not foreign.is_absent(entry["build"]):
        record["build"] = entry["build"]
    if entry.get("subdir"):  # rattler writes the whole record
        record |= _record(entry)
    return artifact.place, artifact.package(hashes, **record)


def _record(entry: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        key: entry[key] for key in _TEXTS if isinstance(entry.get(key), str) and not foreign.is_absent(entry[key])
    }
    record |= {key: _number(entry[key], key) for key in _NUMBERS if not foreign.is_absent(entry.get(key))}
    if entry.get("constrains"):
        record["constrains"] = _depends(entry["constrains"])
    features = entry.get("track_features")
    if not foreign.is_absent(features):
        record["track_features"] = tuple(
            features.split()
            if isinstance(features, str)
            else (each for each in _list(features) if isinstance(each, str))
        )
    if entry.get("noarch") in _NOARCH:
        record["noarch"] = entry["noarch"]
    return record


def _number(value: object, key: str) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or int(value[:16]) > _LARGEST_NUMBER:
        raise EntryFault(f"`{key}`: expected a number, found {foreign.shown(value)}")
    return int(value)


def _depends(value: object) -> tuple[str, ...]:
    if foreign.is_absent(value):
        return ()
    if isinstance(value, dict) and all(isinstance(bound, str) for bound in value.values()):
        return tuple(f"{name} {'' if foreign.is_absent(bound) else bound}".strip() for name, bound in value.items())
    if isinstance(value, list) and all(isinstance(spec, str) for spec in value):
        return tuple(value)
    raise EntryFault("`dependencies`: expected names and bounds")


def _pip(entry: Mapping[str, Any]) -> PipPackage:
    name, version = foreign.text(entry.get("name"), "name"), foreign.text(entry.get("version"), "version")
    url, source = foreign.text(entry.get("url"), "url"), entry.get("source")
    direct = source.get("url") if isinstance(source, dict) else None
    is_repository = isinstance(direct, str) and direct.startswith("git+")
    location = direct if isinstance(direct, str) and is_repository else url
    # Of a repository conda-lock writes the commit as its sha256.
    sha256 = "" if is_repository else foreign.hashes(entry.get("hash")).get("sha256", "")
    package = foreign_pip.package(name, version, location, sha256, is_direct=isinstance(direct, str))
    return package._replace(requires=_requires(entry.get("dependencies")))


def _requires(value: object) -> tuple[str, ...]:
    found = []
    for text in _depends(value):
        name, _, bound = text.partition(" ")
        found.append(name if bound in ("", "*") else f"{name} {bound}")
    return tuple(found)


def _add_pip(found: dict[str, PipPackage], package: PipPackage) -> None:
    known = found.setdefault(package.name, package)
    if (known.url, known.sha256) != (package.url, package.sha256):
        raise EntryFault(f"{package.name} is in it a second time: {known.filename} and {package.filename}")
