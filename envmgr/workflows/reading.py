"""The lock of an existing environment: its own, or, for one that another tool made, one read from its records.

Light: imported by `list` and `export`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from envmgr.errors import LockError, NotAnEnvironment
from envmgr.lock import conda_lock
from envmgr.lock.model import CondaPackage, Lock, Request
from envmgr.store.layout import LOCK_FILE, Location
from envmgr.urls import without_credentials


def lock_of(location: Location) -> Lock:
    """Return the lock of the environment at `location`.

    Raises LockError where its lock cannot be read, NotAnEnvironment where a record of another tool cannot.
    """
    path = location.prefix / LOCK_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _from_records(location.prefix)
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    locks = conda_lock.loads(data, source=str(path))
    if len(locks) != 1:
        raise LockError(f"{path}: expected the lock of one platform, found {len(locks)}")
    (lock,) = locks.values()
    return lock


def own_lock(location: Location) -> Lock | None:
    """Return the lock of an environment of ours, None where there is none; raises as `lock_of` does."""
    return lock_of(location) if (location.prefix / LOCK_FILE).is_file() else None


def _from_records(prefix: Path) -> Lock:
    directory = prefix / "conda-meta"
    packages = []
    for entry in sorted(os.listdir(directory)):
        if entry.endswith(".json"):
            packages.append(_package(directory / entry))
    subdirs = {package.subdir for package in packages} - {"noarch"}
    channels = tuple(dict.fromkeys(package.channel for package in packages))
    return Lock(
        platform=min(subdirs, default="noarch"),
        conda=tuple(sorted(packages)),
        channels=channels,
        request=Request(
            channels=channels, dependencies=tuple(spec for package in sorted(packages) for spec in package.requested)
        ),
    )


def _package(path: Path) -> CondaPackage:
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        specs = record.get("requested_specs") or [record.get("requested_spec")]
        url = without_credentials(record.get("url") or "")
        subdir = record.get("subdir") or url.rsplit("/", 2)[-2:][0]
        channel = without_credentials(record.get("channel") or "").rstrip("/")
        return CondaPackage(
            name=record["name"],
            version=record["version"],
            build=record.get("build") or record.get("build_string") or "",
            build_number=record.get("build_number", 0),
            subdir=subdir,
            channel=channel.removesuffix(f"/{subdir}"),
            url=url,
            filename=record.get("fn") or url.rpartition("/")[2],
            sha256=record.get("sha256") or "",
            md5=record.get("md5"),
            size=record.get("size"),
            timestamp=record.get("timestamp"),
            depends=tuple(record.get("depends") or ()),
            constrains=tuple(record.get("constrains") or ()),
            noarch=record.get("noarch") if isinstance(record.get("noarch"), str) else None,
            license=record.get("license"),
            requested=tuple(spec for spec in specs if spec and spec != "None"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAnEnvironment(
            f"{path} is no record of an installed package (CEP 32): {error!r}",
            hint="the tool that made the environment can install the package again",
        ) from error
