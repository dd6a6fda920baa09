"""The record of a package, read from its artifact where the lock of another tool names the artifact alone."""

from __future__ import annotations

import json
from typing import Any

from envmgr.artifacts.contents import Faulty, read_index
from envmgr.artifacts.distrust import corrupt
from envmgr.artifacts.manifest import Artifact
from envmgr.artifacts.trees import Tree
from envmgr.lock.model import UNKNOWN, CondaPackage

_SECONDS = 10**11  # timestamps below are in seconds, as artifacts before 2018 have them


def completed(artifact: Artifact) -> CondaPackage:
    """Return the package with what info/index.json says where its lock says nothing, and its hashes.

    What the lock says is kept: the channel may have corrected dependencies since the artifact was built. Raises
    CorruptPackage for an index that is none.
    """
    package = artifact.package
    if package.noarch != UNKNOWN:
        return package
    try:
        size = (artifact.directory / "info" / "index.json").stat().st_size
        index = read_index(artifact.directory, Tree({"info/index.json": size}, {}, set(), [], []))
        return package._replace(
            build_number=_number(index, "build_number") or 0,
            depends=package.depends or _texts(index, "depends"),
            constrains=package.constrains or _texts(index, "constrains"),
            noarch=artifact.manifest.noarch,
            license=package.license or _text(index, "license"),
            license_family=package.license_family or _text(index, "license_family"),
            features=package.features or _text(index, "features"),
            track_features=package.track_features or _texts(index, "track_features"),
            python_site_packages_path=package.python_site_packages_path or _text(index, "python_site_packages_path"),
            timestamp=package.timestamp or _timestamp(index),
            md5=package.md5 or artifact.manifest.md5,
            other=package.other or _other(index),
        )
    except Faulty as fault:
        raise corrupt(package, [(fault.path, fault.what)]) from fault


def _text(index: dict[str, Any], key: str) -> str | None:
    value = index.get(key)
    if value is not None and not isinstance(value, str):
        raise Faulty("info/index.json", f"has a `{key}` that is no text")
    return value or None


def _texts(index: dict[str, Any], key: str) -> tuple[str, ...]:
    value = index.get(key) or ()
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise Faulty("info/index.json", f"has a `{key}` that is no list of texts")
    return tuple(value)


def _number(index: dict[str, Any], key: str) -> int | None:
    value = index.get(key)
    return value if type(value) is int and 0 <= value < 2**53 else None


def _timestamp(index: dict[str, Any]) -> int | None:
    value = _number(index, "timestamp")
    return value * 1000 if value and value < _SECONDS else value or None


def _other(index: dict[str, Any]) -> str:
    known = {key: index[key] for key in ("arch", "platform") if isinstance(index.get(key), str)}
    return json.dumps(known, sort_keys=True, separators=(",", ":")) if known else ""
