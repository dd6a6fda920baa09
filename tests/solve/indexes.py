"""Channels that are an index only (no artifacts), and requests against them, written in a few words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rattler import Gateway, MatchSpec, SourceConfig

from envmgr.channels.model import Channel
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.spec.model import COMMAND_LINE, Dependency, Origin

BUILT = 1_600_000_000_000


def write_index(directory: Path, records: Mapping[str, Mapping[str, Any] | None]) -> Channel:
    """Write a channel whose records are given by artifact name (`x-1.0-0`, `.conda` unless it says otherwise)."""
    subdirs: dict[str, dict[str, dict[str, Any]]] = {"noarch": {}, "linux-64": {}}
    for artifact, values in records.items():
        filename = artifact if artifact.endswith((".conda", ".tar.bz2")) else f"{artifact}.conda"
        stem = filename.removesuffix(".conda").removesuffix(".tar.bz2")
        name, version, build = stem.rsplit("-", 2)
        record: dict[str, Any] = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": int(digits) if (digits := build.rpartition("_")[2]).isdigit() else 0,
            "depends": [],
            "constrains": [],
            "subdir": "noarch",
            "timestamp": BUILT,
            "sha256": hashlib.sha256(f"{directory.name}/{filename}".encode()).hexdigest(),
            "md5": hashlib.md5(filename.encode()).hexdigest(),
            "size": 1,
        } | dict(values or {})
        record = {key: value for key, value in record.items() if value is not None}
        if record["subdir"] == "noarch":
            record.setdefault("noarch", "generic")
        subdirs.setdefault(record["subdir"], {})[filename] = record
    for subdir, members in subdirs.items():
        (directory / subdir).mkdir(parents=True, exist_ok=True)
        document = {
            "info": {"subdir": subdir},
            "packages": {name: record for name, record in members.items() if name.endswith(".tar.bz2")},
            "packages.conda": {name: record for name, record in members.items() if name.endswith(".conda")},
            "repodata_version": 1,
        }
        (directory / subdir / "repodata.json").write_text(json.dumps(document, sort_keys=True))
    return Channel(name=directory.name, url=directory.as_uri())


def open_gateway(cache: Path) -> Gateway:
    """Return a gateway that reads local channels and keeps what it learns below `cache`."""
    return Gateway(cache_dir=cache, default_config=SourceConfig(sharded_enabled=False))


def dependency(text: str, line: int | None = None) -> Dependency:
    """Return a spec as written, its channel part (`a::x`) beside it."""
    channel, separator, rest = text.rpartition("::")
    spec = MatchSpec(rest)
    return Dependency(
        text=text,
        name=spec.name.normalized,
        match_spec=spec,
        channel=channel if separator else None,
        origin=COMMAND_LINE if line is None else Origin(source="environment.yml", line=line),
    )


def request(specs: Iterable[str], channels: Iterable[Channel], **values: Any) -> SolveRequest:
    """Return a request of specs that stand in environment.yml from line 1 on, for linux-64, strict unless said."""
    values.setdefault("platform", "linux-64")
    values.setdefault("virtual_packages", ())
    values["constraints"] = tuple(dependency(text) for text in values.get("constraints", ()))
    written = tuple(dependency(text, line) for line, text in enumerate(specs, 1))
    return SolveRequest(specs=written, channels=tuple(channels), **values)


def named(packages: Iterable[CondaPackage]) -> list[str]:
    """Return `channel/dist-name` of each package, the channel by the last component of its URL."""
    return [f"{package.channel.rpartition('/')[2]}/{package.dist_name}" for package in packages]
