"""pixi.lock, version 6, which every pixi since 0.40 reads: locks of one or several platforms as the environment
`default`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from envmgr.lock import block_yaml
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.urls import path_of_file_url, without_credentials, without_literal_credentials

VERSION = 6


def dumps(locks: Iterable[Lock]) -> str:
    """Return the lock file, both halves; the same locks give the same text."""
    ordered = sorted(locks, key=lambda lock: lock.platform)
    channels = dict.fromkeys(without_credentials(channel).rstrip("/") for lock in ordered for channel in lock.channels)
    environment: dict[str, Any] = {"channels": [{"url": f"{channel}/"} for channel in channels]}
    if any(lock.pip for lock in ordered):
        # Those that are known; what came from elsewhere has its URL in its own entry.
        urls = dict.fromkeys(package.index_url for lock in ordered for package in lock.pip if package.index_url)
        environment["indexes"] = [without_credentials(url) for url in urls]
    environment["packages"] = {
        lock.platform: [
            *({"conda": package.url} for package in sorted(lock.conda, key=_conda_place)),
            *(
                {"pypi": _location(package)}
                for package in sorted(lock.pip, key=lambda package: (package.name, package.url))
            ),
        ]
        for lock in ordered
    }
    conda = {package.url: package for lock in ordered for package in lock.conda}
    pip = {package.url: package for lock in ordered for package in lock.pip}
    entries = [_conda(package) for package in sorted(conda.values(), key=lambda each: (each.name, each.url))]
    entries += [_pip(package) for package in sorted(pip.values(), key=lambda each: (each.name, each.url))]
    return block_yaml.dumps({"version": VERSION, "environments": {"default": environment}, "packages": entries})


def _conda_place(package: CondaPackage) -> tuple[str, str]:
    return package.url.rpartition("/")[0], package.filename


def _conda(package: CondaPackage) -> dict[str, Any]:
    other = json.loads(package.other) if package.other else {}
    entry = {
        "conda": without_credentials(package.url),
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.build_number,
        "subdir": package.subdir,
        "noarch": package.noarch,
        "sha256": package.sha256 or None,
        "md5": package.md5,
        "depends": [without_literal_credentials(text) for text in package.depends],
        "constrains": [without_literal_credentials(text) for text in package.constrains],
        "arch": other.get("arch"),
        "platform": other.get("platform"),
        "features": package.features,
        "track_features": list(package.track_features),
        "license": package.license,
        "license_family": package.license_family,
        "size": package.size,
        "timestamp": package.timestamp,
        "python_site_packages_path": package.python_site_packages_path,
    }
    return {key: value for key, value in entry.items() if value is not None and value != []}


def _location(package: PipPackage) -> str:
    """Return where it is as pixi writes it: a commit as a fragment, what no index has with `direct+`, a path bare."""
    url = without_credentials(package.url)
    if package.is_repository:
        place, _, rest = url.rpartition("@")
        commit, _, fragment = rest.partition("#")
        return f"{place}?{fragment + '&' if fragment else ''}rev={commit}#{commit}"
    if package.kind == "archive" and url.startswith("http"):
        return f"direct+{url}"
    path = None if package.kind in ("wheel", "sdist") else path_of_file_url(url.partition("#")[0])
    return url if path is None else str(path)


def _pip(package: PipPackage) -> dict[str, Any]:
    entry = {
        "pypi": _location(package),
        "name": package.name,
        "version": package.version,
        "sha256": package.sha256 if package.has_file else "",
        "editable": True if package.kind == "editable" else "",
        "requires_dist": [without_literal_credentials(text) for text in package.requires],
    }
    return {key: value for key, value in entry.items() if value not in ("", [])}
