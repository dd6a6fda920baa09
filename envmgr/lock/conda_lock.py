"""CEP 37, conda-lock v1: locks of one or several platforms to bytes and back, without loss.

What the format has no field for (full records, sizes, virtual packages, what was asked for) stands in
`metadata.custom_metadata` as JSON text under `envmgr` and `envmgr/<platform>`, one package a line. Beside an
environment file the document is written as block YAML, which is compared line by line; inside an environment as
JSON, which is YAML, so that reading it needs no YAML parser.

What other tools could not install stands there alone, so that they can install the rest: directories, repositories,
local files. Their paths are relative to the file beside which the lock is, where it is beside one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from envmgr.errors import LockError, LockTampered
from envmgr.lock import extras as extras_of
from envmgr.lock import local_paths, pip_entries, seals
from envmgr.lock.model import CondaPackage, Lock, Request
from envmgr.lock.soundness import sound
from envmgr.urls import (
    file_name,
    redact,
    without_credentials,
    without_literal_credentials,
)

SCHEMA = 1
# micromamba refuses a lock without sources; what was asked for on a command line stands in the history beside ours.
_NO_SOURCE = "../history"
_CONDA_EXTRAS = (
    "build_number",
    "subdir",
    "channel",
    "size",
    "timestamp",
    "depends",
    "constrains",
    "noarch",
    "license",
    "license_family",
    "features",
    "track_features",
    "python_site_packages_path",
    "requested",
    "distributions",
    "other",
)
_LOCK_EXTRAS = ("channels", "channel_priority", "virtual_packages", "solver", "exclude_newer", "spec_digest",
                "host_profile", "channels_until")  # fmt: skip


def digest(lock: Lock) -> str:
    """Return the sha256 (hexadecimal) of what the lock realises: artifacts by hash, and variables.

    What only describes (solver, digests of inputs, sources) does not count.
    """
    content = [
        [[package.url, package.sha256, package.requested] for package in lock.conda],
        [pip_entries.content(package) for package in lock.pip],
        lock.platform,
        lock.request.variables,
    ]
    return hashlib.sha256(_compact(content).encode()).hexdigest()


def to_document(locks: Iterable[Lock], *, base: str | None = None) -> dict[str, Any]:
    """Return the CEP 37 document of `locks`, one a platform; the same locks give the same document.

    `base` is the absolute directory that the file will be in (None: that does not matter, paths are absolute).
    """
    ordered = sorted(locks, key=lambda lock: lock.platform)
    channels = list(dict.fromkeys(channel for lock in ordered for channel in lock.channels))
    # conda-lockfiles 0.2.2, conda's own reader, refuses a lock without it. No version: the same input, the same bytes.
    custom = {"created_by": "envmgr", "envmgr": _compact({"schema": SCHEMA})}
    packages: list[dict[str, Any]] = []
    for lock in ordered:
        entries = [_conda_entry(package, lock.platform) for package in lock.conda]
        entries += [pip_entries.entry(package, lock.platform) for package in lock.pip if not package.is_local]
        packages += entries
        custom[f"envmgr/{lock.platform}"] = _one_a_line(seals.sealed(_lock_extras(lock, base), entries))
    return {
        "version": 1,
        "metadata": {
            "content_hash": {lock.platform: _content_hash(packages, lock.platform) for lock in ordered},
            "channels": [{"url": without_credentials(channel), "used_env_vars": []} for channel in channels],
            "platforms": [lock.platform for lock in ordered],
            "sources": list(dict.fromkeys(source for lock in ordered for source in lock.sources)) or [_NO_SOURCE],
            "custom_metadata": custom,
        },
        "package": packages,
    }


def dumps_json(lock: Lock) -> bytes:
    """Return the lock as CEP 37 in JSON form: the file inside an environment."""
    return (json.dumps(to_document([lock]), ensure_ascii=False, indent=1) + "\n").encode()


def dumps_yaml(locks: Iterable[Lock], *, base: str | None = None) -> bytes:
    """Return the locks, one a platform, as CEP 37 in block YAML: the file beside an environment file, in `base`."""
    from envmgr.lock import block_yaml  # start-up time: the file inside an environment is JSON

    return block_yaml.dumps(to_document(locks, base=base)).encode()


def loads(data: bytes, *, source: str, sealed: bool = False, base: str | None = None) -> dict[str, Lock]:
    """Return the locks in `data` by platform; `source` names the file in messages, `base` is the absolute directory
    that its relative paths are relative to.

    With `sealed` every entry is held against its seal, for files that people and merges get at.
    Raises LockError where it is not a conda-lock v1 document, LockTampered where it contradicts itself.
    """
    document = _parse(data, source)
    metadata = document.get("metadata")
    packages = document.get("package")
    if not isinstance(metadata, dict) or not isinstance(packages, list):
        raise LockError(f"{source} is not a conda-lock file: expected `metadata` and `package`")
    if document.get("version", 1) != 1:
        raise LockError(f"{source}: conda-lock version {document.get('version')} is not known; this envmgr reads 1")
    custom = _custom(metadata, source)
    ours = _json_text(custom, "envmgr", source)
    schema = ours.get("schema", 0)
    if type(schema) is not int:
        raise LockTampered(f"{source}: custom_metadata.envmgr: expected a number `schema`")
    if schema > SCHEMA:
        raise LockError(
            f"{source} was written by a newer envmgr (lock schema {schema}, this one reads {SCHEMA})",
            hint="upgrade envmgr",
        )
    platforms = metadata.get("platforms") or []
    if not isinstance(platforms, list) or not all(isinstance(platform, str) for platform in platforms):
        raise LockError(f"{source}: metadata.platforms: expected a list of names")
    return {
        platform: local_paths.placed(
            _read_platform(platform, metadata, packages, source, is_ours=bool(ours), sealed=sealed and bool(ours)), base
        )
        for platform in platforms
    }


def _parse(data: bytes, source: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise LockError(f"{source} is nested too deeply for a lock") from error
    except ValueError:
        import yaml  # start-up time: the file inside an environment is JSON

        try:
            document = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 safe loaders
        except (yaml.YAMLError, RecursionError, ValueError) as error:  # a date that is none is a ValueError
            raise LockError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    if b"\\u" in data:
        _check_text(document, source)
    if not isinstance(document, dict):
        raise LockError(f"{source} is not a conda-lock file: expected keys, found {type(document).__name__}")
    return document


def _read_platform(
    platform: str, metadata: Mapping[str, Any], packages: list[Any], source: str, *, is_ours: bool, sealed: bool
) -> Lock:
    try:
        entries = [entry for entry in packages if entry["platform"] == platform]
        extras = _json_text(_custom(metadata, source), f"envmgr/{platform}", source)
        if sealed:
            seals.check(extras, entries, where=f"{source}: the lock for {platform}")
        if is_ours and metadata["content_hash"].get(platform) != _content_hash(entries, platform):
            raise LockTampered(
                f"{source}: the packages for {platform} are not those that were locked (content_hash differs)",
                hint="restore the file, or lock again",
            )
        conda_extras, pip_extras = extras.get("conda", {}), extras.get("pip", {})
        request = extras.get("request", {})
        values: dict[str, Any] = {"channels": tuple(channel["url"] for channel in metadata["channels"])}
        values |= extras_of.known(extras, _LOCK_EXTRAS)
        lock = Lock(
            platform=platform,
            conda=tuple(
                _conda_package(entry, conda_extras.get(entry["name"], {}))
                for entry in entries
                if entry["manager"] == "conda"
            ),
            pip=tuple(pip_entries.packages(entries, pip_extras)),
            sources=tuple(source for source in metadata["sources"] if source != _NO_SOURCE),
            request=sound(
                Request(
                    channels=tuple(request.get("channels", ())),
                    dependencies=tuple(request.get("dependencies", ())),
                    pip=tuple(request.get("pip", ())),
                    variables=tuple(_variable(*pair) for pair in request.get("variables", ())),
                    gpu=request.get("gpu", ""),
                    pip_base=request.get("pip_base", ""),
                )
            ),
            **values,
        )
        return sound(lock)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LockError(f"{source}: an entry for {platform} is malformed: {error!r}") from error


def _variable(name: str, value: str) -> tuple[str, str]:
    if type(name) is not str or type(value) is not str:
        raise TypeError("`variables` has a value of a wrong kind")
    return name, value


def _conda_package(entry: Mapping[str, Any], extras: Mapping[str, Any]) -> CondaPackage:
    url = entry["url"]
    base, _, filename = url.rpartition("/")
    channel, _, subdir = base.rpartition("/")
    values: dict[str, Any] = {
        "build_number": 0,
        "subdir": subdir,
        "channel": channel,
        "depends": tuple(f"{name} {bound}".strip() for name, bound in (entry.get("dependencies") or {}).items()),
    }
    values.update(extras_of.known(extras, _CONDA_EXTRAS))
    build = entry.get("build") or file_name(filename).removesuffix(".conda").removesuffix(".tar.bz2").split("-")[-1]
    package = CondaPackage(
        name=entry["name"],
        version=entry["version"],
        build=build,
        url=url,
        filename=filename,
        sha256=entry["hash"].get("sha256", ""),
        md5=entry["hash"].get("md5"),
        **values,
    )
    return sound(package)


def _conda_entry(package: CondaPackage, platform: str) -> dict[str, Any]:
    hashes = {"md5": package.md5, "sha256": package.sha256}
    return {
        "name": package.name,
        "version": package.version,
        "manager": "conda",
        "platform": platform,
        "dependencies": dict(without_literal_credentials(spec).partition(" ")[::2] for spec in package.depends),
        "url": without_credentials(package.url),
        "hash": {kind: value for kind, value in hashes.items() if value},
        "build": package.build,
        "category": "main",
        "optional": False,
    }


def _lock_extras(lock: Lock, base: str | None) -> dict[str, Any]:
    extras: dict[str, Any] = {name: getattr(lock, name) for name in _LOCK_EXTRAS}
    extras["channels"] = [without_credentials(channel) for channel in lock.channels]
    extras["request"] = lock.request._asdict() | {
        name: [without_literal_credentials(text) for text in getattr(lock.request, name)]
        for name in ("channels", "dependencies", "pip")
    }
    for key, holder in (("host_profile", extras), ("channels_until", extras), ("gpu", extras["request"])):
        if not holder[key]:
            del holder[key]
    pip_base = extras["request"].pop("pip_base")
    if pip_base:
        extras["request"]["pip_base"] = local_paths.relative(pip_base, base) if base else pip_base
    extras["conda"] = {package.name: extras_of.of(package, _CONDA_EXTRAS) for package in lock.conda}
    extras["pip"] = {package.name: pip_entries.extras(package, base) for package in lock.pip}
    return extras


def _custom(metadata: Mapping[str, Any], source: str) -> dict[str, Any]:
    custom = metadata.get("custom_metadata") or {}
    if not isinstance(custom, dict):
        raise LockError(f"{source}: metadata.custom_metadata: expected keys, found {type(custom).__name__}")
    return custom


def _json_text(custom: Mapping[str, Any], key: str, source: str) -> dict[str, Any]:
    text = custom.get(key)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise LockTampered(f"{source}: custom_metadata.{key} is not JSON: {error}") from error
    if "\\u" in text:
        _check_text(value, source)
    if not isinstance(value, dict):
        raise LockTampered(f"{source}: custom_metadata.{key}: expected an object, found {redact(str(value))[:40]}")
    return value


def _check_text(value: Any, source: str) -> None:
    """Raise LockTampered for half characters: JSON can name them, and no file can hold them."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise LockTampered(f"{source} holds text that is none: {error}") from error


def _content_hash(entries: list[dict[str, Any]], platform: str) -> str:
    content = [
        [entry["manager"], entry["name"], entry["url"], entry["hash"]]
        for entry in entries
        if entry["platform"] == platform
    ]
    return hashlib.sha256(_compact(content).encode()).hexdigest()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _one_a_line(value: Mapping[str, Any]) -> str:
    """Return JSON that is compared line by line: each key of `value` is a line, each package of its halves too."""
    lines = []
    for key, item in sorted(value.items()):
        if isinstance(item, dict) and key in ("conda", "pip") and item:
            packages = ",\n".join(f"{json.dumps(name)}: {_ascii(extras)}" for name, extras in sorted(item.items()))
            lines.append(f"{json.dumps(key)}: {{\n{packages}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {_ascii(item)}")
    return "{\n" + ",\n".join(lines) + "\n}"


def _ascii(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
