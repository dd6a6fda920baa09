"""An environment that another tool made, read from its records as a lock (CEP 32, PEP 376; light: `list` reads it)."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from envmgr.errors import NotAnEnvironment
from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request
from envmgr.store import dist_info, ownership
from envmgr.store.dist_info import Installed
from envmgr.urls import without_credentials

_METADATA = ".dist-info/METADATA"
_SPECS = re.compile(r"# (?P<action>create|install|update|remove|neutered) specs: (?P<specs>\[.*\])\s*")
_NAME = re.compile(r"(?:.*::)?\s*(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)")
_OLD_SUFFIX = re.compile(r"\s*\(target=[^)]*\)$")  # conda 4.1 and older
_FORBIDDEN = frozenset({"", "None", "<unknown>"})


def read(prefix: Path) -> Lock:
    """Return what the records of an environment say, both halves.

    The pip half says names and versions, no places and no hashes: no record has them. Raises NotAnEnvironment for a
    record that cannot be read.
    """
    directory = prefix / "conda-meta"
    names = sorted(entry for entry in os.listdir(directory) if entry.endswith(".json"))
    packages = [read_package(directory / name) for name in names]
    packages = _as_asked_for(sorted(packages), requested(prefix))
    distributions = from_pip(prefix)
    subdirs = {package.subdir for package in packages} - {"noarch"}
    channels = tuple(dict.fromkeys(package.channel for package in packages if package.channel))
    return Lock(
        platform=min(subdirs, default="noarch"),
        conda=tuple(packages),
        pip=tuple(sorted(PipPackage(each.name, each.version, "", "", "") for each in distributions)),
        channels=channels,
        request=Request(
            channels=channels,
            dependencies=tuple(spec for package in packages for spec in package.requested),
            pip=tuple(f"{each.name}=={each.version}" for each in distributions if each.url is None),
            variables=_variables(prefix),
        ),
    )


def from_pip(prefix: Path) -> tuple[Installed, ...]:
    """Return the distributions that no conda package brought."""
    owned = {path for name in _record_names(prefix) for path in ownership.files_of_record(prefix, name)}
    return tuple(dist_info.installed(prefix, {path for path in owned if path.endswith(_METADATA)}))


def requested(prefix: Path) -> tuple[str, ...]:
    """Return the specs that were asked for, in order, as conda-meta/history has them; the last one of a name counts."""
    try:
        text = (prefix / "conda-meta/history").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    found: dict[str, str] = {}
    for match in _SPECS.finditer(text):
        try:
            specs = [_OLD_SUFFIX.sub("", str(spec)) for spec in ast.literal_eval(match["specs"])]
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        for spec in specs:
            name = _name(spec)
            if name and match["action"] == "remove":
                found.pop(name, None)
            elif name:
                found[name] = spec
    return tuple(found.values())


def _as_asked_for(packages: Iterable[CondaPackage], specs: Iterable[str]) -> list[CondaPackage]:
    """Return the packages marked with what the history asked for; without a history, the records say it themselves."""
    by_name = {_name(spec): spec for spec in specs}
    asked = ((package, by_name.get(package.name)) for package in packages)
    return [
        package._replace(
            requested=tuple(
                _without_place(spec, package)
                for spec in (package.requested if not by_name else () if own is None else (own,))
            )
        )
        for package, own in asked
    ]


def _without_place(spec: str, package: CondaPackage) -> str:
    """Return a spec without the channel that its package came from, nor a subdir: conda writes `CHANNEL/SUBDIR::…`
    for what was installed by URL, by a name of its own or by what an alias is called."""
    channel, separator, rest = spec.rpartition("::")
    if separator and (channel.endswith(f"/{package.subdir}") or channel == package.channel):
        return rest.strip()
    return spec


def _name(spec: str) -> str:
    match = _NAME.match(spec)
    return match["name"].lower() if match else ""


def _record_names(prefix: Path) -> list[str]:
    return [entry.removesuffix(".json") for entry in os.listdir(prefix / "conda-meta") if entry.endswith(".json")]


def _variables(prefix: Path) -> tuple[tuple[str, str], ...]:
    try:
        values = json.loads((prefix / "conda-meta/state").read_bytes())["env_vars"]
        return tuple(sorted((str(name), str(value)) for name, value in values.items()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def read_package(path: Path) -> CondaPackage:
    """Return the package that a prefix record (CEP 32) is of; raises NotAnEnvironment for one that cannot be read."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        specs = record.get("requested_specs") or [record.get("requested_spec")]
        url = without_credentials(record.get("url") or "")
        subdir = record.get("subdir") or url.rsplit("/", 2)[-2:][0]
        channel = without_credentials(str(record.get("channel") or "")).rstrip("/")
        if channel in _FORBIDDEN or "://" not in channel:  # a name, or nothing: the URL says more
            channel = url.rpartition("/")[0]
        features = record.get("track_features") or ()
        return CondaPackage(
            name=record["name"],
            version=record["version"],
            build=record.get("build") or record.get("build_string") or "",
            build_number=record.get("build_number", 0),
            subdir=subdir,
            channel=channel.removesuffix(f"/{subdir}"),
            url=url,
            filename=url.rpartition("/")[2] or record.get("fn") or "",
            sha256=record.get("sha256") or "",
            md5=record.get("md5"),
            size=record.get("size"),
            timestamp=record.get("timestamp") if isinstance(record.get("timestamp"), int) else None,
            depends=tuple(record.get("depends") or ()),
            constrains=tuple(record.get("constrains") or ()),
            noarch=record.get("noarch") if isinstance(record.get("noarch"), str) else None,
            license=record.get("license"),
            license_family=record.get("license_family"),
            features=record.get("features") or None,
            track_features=tuple(features.split() if isinstance(features, str) else features),
            python_site_packages_path=record.get("python_site_packages_path"),
            requested=tuple(spec for spec in specs if spec and spec not in _FORBIDDEN),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAnEnvironment(
            f"{path} is no record of an installed package (CEP 32): {error!r}",
            hint="the tool that made the environment can install the package again",
        ) from error
