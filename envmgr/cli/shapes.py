"""The JSON shapes that conda has and editors read (light: `list` and `info` pay for it)."""

from __future__ import annotations

from typing import Any

from envmgr.lock.model import CondaPackage, PipPackage
from envmgr.urls import redact


def channel_name(url: str) -> str:
    """Return the short name of a channel's base URL, as conda shows it: its last path component."""
    return redact(url).rstrip("/").rpartition("/")[2] or redact(url)


def linked(package: CondaPackage) -> dict[str, Any]:
    """Return a LINK, UNLINK or FETCH entry of `create --json`."""
    return {
        "name": package.name,
        "version": package.version,
        "build_string": package.build,
        "build_number": package.build_number,
        "channel": channel_name(package.channel),
        "base_url": redact(package.channel),
        "platform": package.subdir,
        "dist_name": package.dist_name,
        "url": redact(package.url),
        "sha256": package.sha256,
        "size": package.size,
    }


def pip_linked(package: PipPackage) -> dict[str, Any]:
    """Return an entry of the pip half of `create --json`."""
    return {
        "name": package.name,
        "version": package.version,
        "url": redact(package.url),
        "sha256": package.sha256,
        "size": package.size,
    }


def listed(package: CondaPackage) -> dict[str, Any]:
    """Return an entry of `list --json`."""
    return {
        "name": package.name,
        "version": package.version,
        "build_string": package.build,
        "build_number": package.build_number,
        "channel": channel_name(package.channel),
        "platform": package.subdir,
        "dist_name": package.dist_name,
        "base_url": redact(package.channel),
        "requested": bool(package.requested),
    }


def pip_listed(package: PipPackage) -> dict[str, Any]:
    """Return an entry of `list --json` for the pip half: conda's shape with channel `pypi`."""
    return {
        "name": package.name,
        "version": package.version,
        "build_string": "pypi_0",
        "build_number": 0,
        "channel": "pypi",
        "platform": "pypi",
        "dist_name": f"{package.name}-{package.version}-pypi_0",
        "base_url": "https://conda.anaconda.org/pypi",
        "requested": bool(package.requested),
    }
