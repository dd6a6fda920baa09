"""Requests without a solution, made from real repodata: seeded, so that the same seed makes the same requests.

They are what people write: a few packages in bounds of the usual forms, one of which does not go with the others; a
date, a strict priority or a missing GPU in the way.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import zstandard
from rattler import Gateway

from envmgr.channels.model import Channel
from envmgr.errors import PackagesNotFound, Unsatisfiable
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import Refused, SolveRequest
from envmgr.solve.rattler import RattlerSolver
from solve.indexes import request

UNIVERSES: Mapping[str, Sequence[tuple[str, Sequence[str]]]] = {
    "conda-forge": [
        ("conda-forge", ["lockunion_conda-forge_linux-64_2023-2026", "lockunion_conda-forge_noarch_2023-2026"])
    ],
    "robostack": [
        ("robostack-staging", ["lockunion_robostack-staging_linux-64_2023-2026"]),
        ("conda-forge", ["lockunion_conda-forge_linux-64_2023-2026", "lockunion_conda-forge_noarch_2023-2026"]),
    ],
    "main-2021": [("main", ["main_linux-64_current_2021-11", "main_noarch_current_2021-11"])],
    "main-2020": [("main", ["main_linux-64_current_2020-07", "main_noarch_current_2020-07"])],
    "main-and-r-2019": [
        ("main", ["main_linux-64_current_2019-09", "main_noarch_current_2019-09"]),
        ("r", ["r_linux-64_current_2019-09", "r_noarch_current_2019-09"]),
    ],
    "free-2016": [("free", ["free_linux-64_full_2016-09"])],
}
_MACHINE = tuple(
    VirtualPackage(name, version, "0")
    for name, version in (("__unix", "0"), ("__linux", "6.6"), ("__glibc", "2.39"), ("__archspec", "1"))
)
_BASES = ("python", "numpy", "openssl", "r-base", "hdf5", "blas", "protobuf", "libcurl", "pandas", "qt", "boost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """Channels of one time on disk, and of each package name its versions, oldest build first."""

    channels: tuple[Channel, ...]
    versions: Mapping[str, Sequence[str]]
    moments: Sequence[int]


def lay(data: Path, name: str, directory: Path) -> Universe:
    """Write the channels of a universe from the stored repodata in `data` into a directory."""
    channels, versions, moments = [], {}, set()  # type: ignore[var-annotated]
    for channel, files in UNIVERSES[name]:
        root = directory / name / channel
        for subdir in ("noarch", "linux-64"):
            stored: dict[str, Any] = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}}
            for file in (file for file in files if f"_{subdir}_" in file):
                with (data / "repodata" / f"{file}.json.zst").open("rb") as stream:
                    stored |= json.loads(zstandard.ZstdDecompressor().stream_reader(stream).read())
            (root / subdir).mkdir(parents=True, exist_ok=True)
            (root / subdir / "repodata.json").write_text(json.dumps(stored))
            for record in (*stored["packages"].values(), *stored["packages.conda"].values()):
                versions.setdefault(record["name"], {})[record["version"]] = None
                moments.add(record.get("timestamp") or 0)
        channels.append(Channel(name=channel, url=root.as_uri()))
    ordered = {key: list(versions[key]) for key in sorted(versions) if not key.startswith("_")}
    return Universe(channels=tuple(channels), versions=ordered, moments=sorted(moments - {0}))


def requests(universe: Universe, gateway: Gateway, seed: int) -> Iterator[SolveRequest]:
    """Yield requests that have no solution, without end; names that do not exist are not among them."""
    chance = random.Random(seed)
    engine = RattlerSolver(gateway)
    while True:
        asked = _request(universe, chance)
        try:
            engine.attempt(asked)
        except Refused:
            yield asked
        except (Unsatisfiable, PackagesNotFound):
            continue


def _request(universe: Universe, chance: random.Random) -> SolveRequest:
    names = list(universe.versions)
    bases = [name for name in _BASES if name in universe.versions]
    chosen = chance.sample(bases, min(len(bases), chance.randint(1, 2))) + chance.sample(names, chance.randint(1, 5))
    specs = [_spec(name, universe.versions[name], chance) for name in dict.fromkeys(chosen)]
    values: dict[str, Any] = {"virtual_packages": _MACHINE, "add_pip": False}
    if universe.moments and chance.random() < 0.15:
        moment = universe.moments[chance.randrange(len(universe.moments))]
        values["exclude_newer"] = datetime.fromtimestamp(moment / 1000, tz=timezone.utc)
    return request(specs, universe.channels, **values)


def _spec(name: str, versions: Sequence[str], chance: random.Random) -> str:
    version = versions[chance.randrange(len(versions))]
    series = ".".join(version.split(".")[:2])
    forms = [name, name, f"{name} >={version}", f"{name} {series}.*", f"{name} =={version}", f"{name} <{version}"]
    return forms[chance.randrange(len(forms))]
