"""The pip half in conda-lock's format: an entry a package that other tools can install, extras for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envmgr.lock import extras as extras_of
from envmgr.lock import local_paths
from envmgr.lock.model import PipPackage
from envmgr.lock.soundness import sound
from envmgr.urls import file_name, without_credentials, without_literal_credentials

_PIP_EXTRAS = ("size", "index_url", "requires", "requested", "kind", "revision", "config_settings")
_LOCAL_EXTRAS = ("version", "url", "filename", "sha256", *_PIP_EXTRAS)


def content(package: PipPackage) -> list[Any]:
    """Return what of a package makes another environment."""
    found: list[Any] = [package.url, package.sha256, package.requested]
    return found if package.kind == "wheel" else [*found, package.kind, package.config_settings]


def packages(entries: list[Any], beside: Mapping[str, Any]) -> list[PipPackage]:
    """Return the packages of the entries, and those that stand in the extras alone, sorted by name."""
    found = [_package(entry, beside.get(entry["name"], {})) for entry in entries if entry["manager"] == "pip"]
    for name, extra in beside.items():
        if "url" in extra:
            values = {"filename": "", "sha256": "", **extras_of.known(extra, _LOCAL_EXTRAS)}
            found.append(sound(PipPackage(name=name, **values)))
    return sorted(found, key=lambda package: package.name)


def _package(entry: Mapping[str, Any], beside: Mapping[str, Any]) -> PipPackage:
    values: dict[str, Any] = {
        "requires": tuple(f"{name} {bound}".strip() for name, bound in (entry.get("dependencies") or {}).items())
    }
    values.update(extras_of.known(beside, _PIP_EXTRAS))
    package = PipPackage(
        name=entry["name"],
        version=entry["version"],
        url=entry["url"],
        filename=file_name(entry["url"]),
        sha256=entry["hash"].get("sha256", ""),
        **values,
    )
    return sound(package)


def entry(package: PipPackage, platform: str) -> dict[str, Any]:
    """Return the entry of a package."""
    return {
        "name": package.name,
        "version": package.version,
        "manager": "pip",
        "platform": platform,
        "dependencies": dict(
            _split_requirement(without_literal_credentials(requirement)) for requirement in package.requires
        ),
        "url": without_credentials(package.url),
        "hash": {"sha256": package.sha256},
        "category": "main",
        "optional": False,
    }


def extras(package: PipPackage, base: str | None) -> dict[str, Any]:
    """Return what stands beside the entry of a package, or all of it where it has none.

    `base` is the absolute directory that the lock will be in (None: that does not matter).
    """
    if not package.is_local:
        return extras_of.of(package, _PIP_EXTRAS)
    found = extras_of.of(package, _LOCAL_EXTRAS)
    if base:
        found["url"] = local_paths.written(package.url, base)
    return found


def _split_requirement(requirement: str) -> tuple[str, str]:
    text = requirement.partition(";")[0].strip()
    end = next((at for at, letter in enumerate(text) if not (letter.isalnum() or letter in "-_.")), len(text))
    bound = text[end:].strip()
    if bound.startswith("["):
        bound = bound.partition("]")[2].strip()
    return text[:end], bound.strip("() ")
