"""The formats of `export`: one lock, or one a platform, as text for other tools and other machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from envmgr.errors import SpecError
from envmgr.lock import closure, conda_lock, explicit, pip_pins, pixi_lock_writing
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi import published, pylock
from envmgr.pypi.target import Target
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec import writing
from envmgr.spec.command_line import parse_dependency

SEVERAL = ("conda-lock", "pixi-lock")
"""The formats of which one file holds several platforms."""


class Shape(NamedTuple):
    """How an environment file is written: its name, channels by name (empty: none), builds, and what was asked for
    instead of what is there. `names` maps the URLs of channels to what users call them."""

    name: str | None
    channels: tuple[str, ...]
    names: Mapping[str, str]
    with_builds: bool = True


def mapping_of_request(lock: Lock, shape: Shape) -> dict[str, Any]:
    """Return what was asked for, both halves, as an environment file (CEP 24): no builds, no prefix."""
    sources = {package.name: package.channel for package in lock.conda}
    return writing.to_mapping(
        name=shape.name,
        channels=shape.channels,
        dependencies=[_with_channel(text, sources, shape) for text in lock.request.dependencies],
        pip=lock.request.pip,
        variables=lock.request.variables,
        gpu=lock.request.gpu,
    )


def mapping_of_packages(lock: Lock, shape: Shape) -> dict[str, Any]:
    """Return everything that is locked, by exact version (and build), as `conda env export` shows it."""
    dependencies = []
    for package in lock.conda:
        text = f"{package.name}={package.version}"
        text = f"{text}={package.build}" if shape.with_builds and package.build else text
        dependencies.append(_with_channel(text, {package.name: package.channel}, shape))
    return writing.to_mapping(
        name=shape.name,
        channels=shape.channels,
        dependencies=dependencies,
        pip=[pip_pins.line(package, lock.request.pip_base) for package in lock.pip],
        variables=lock.request.variables,
    )


def json_document(lock: Lock, shape: Shape) -> dict[str, Any]:
    """Return everything that is locked for a program: conda's shape of an environment, and each package in full."""
    document = mapping_of_packages(lock, shape)
    document["platform"] = lock.platform
    document["packages"] = [
        *({"manager": "conda", **_values(package)} for package in lock.conda),
        *({"manager": "pip", **_values(package)} for package in lock.pip),
    ]
    return document


def conda_lock_text(locks: Sequence[Lock]) -> str:
    """Return the locks as CEP 37; raises LockTampered for one that is not closed, since others could not install it."""
    for lock in locks:
        closure.check(lock, source="the environment")
    return conda_lock.dumps_yaml(locks).decode()


def explicit_text(lock: Lock, reporter: Reporter) -> str:
    """Return the conda half as an explicit file (CEP 23), and say what of the pip half it cannot hold."""
    if lock.pip:
        names = ", ".join(package.name for package in lock.pip)
        reporter.warning(f"an explicit file holds conda packages alone; left out is the pip half: {names}")
    return explicit.dumps(lock)


def pixi_text(locks: Sequence[Lock]) -> str:
    """Return the locks as pixi.lock, version 6."""
    return pixi_lock_writing.dumps(locks)


def requirements_text(lock: Lock) -> str:
    """Return the pip view of both halves: every distribution by exact version, those that conda brought marked."""
    from_conda = {
        name: (version, package.dist_name)
        for package in lock.conda
        for name, _, version in (distribution.partition("==") for distribution in package.distributions)
    }
    lines = {name: f"{name}=={version}  # conda: {source}" for name, (version, source) in from_conda.items()}
    lines |= {package.name: pip_pins.line(package, lock.request.pip_base) for package in lock.pip}
    python = next((package.version for package in lock.conda if package.name == "python"), None)
    head = f"# the Python distributions of a locked environment for {lock.platform}"
    head += f", Python {python}\n" if python else "\n"
    return head + "".join(f"{lines[name]}\n" for name in sorted(lines))


def pylock_text(lock: Lock, settings: Settings, reporter: Reporter) -> str:
    """Return the pip view of both halves as pylock.toml (PEP 751).

    Wheels of the pip half are those of the lock. What conda brought has another artifact there: the package indexes
    are asked for a wheel of the same version, and what none of them has is left out and named. Raises PipError where
    there is no python, or no index can be asked.
    """
    virtual = tuple(VirtualPackage(*text.split("=")) for text in lock.virtual_packages if text.count("=") in (1, 2))
    target = Target.of(lock.conda, platform=lock.platform, virtual_packages=virtual)
    pins = [distribution for package in lock.conda for distribution in package.distributions]
    found = published.find(pins, target, settings)
    if found.unknown:
        reporter.warning(f"left out, since no package index has a wheel of it: {', '.join(found.unknown)}")
    version = target.python_version
    markers = target.markers
    names = ("sys_platform", "platform_machine")
    environment = " and ".join(f"{name} == '{markers[name]}'" for name in names)
    requires = f"=={'.'.join(version.split('.')[:2])}.*"
    packages = sorted((*lock.pip, *found.packages), key=lambda package: package.name)
    return pylock.write(packages, requires_python=requires, environments=(environment,))


def _values(package: CondaPackage | PipPackage) -> dict[str, Any]:
    values = package._asdict()
    if values.get("other"):
        values["other"] = json.loads(values["other"])
    return {key: value for key, value in values.items() if value not in (None, (), "")}


def _with_channel(text: str, sources: Mapping[str, str], shape: Shape) -> str:
    """Return a spec with the channel that its package comes from, where that is not the first one."""
    if "::" in text or not shape.channels:
        return text
    try:
        url = sources.get(parse_dependency(text).name)
    except SpecError:  # written by another tool: as it stands
        return text
    channel = None if url is None else shape.names.get(url, url.removeprefix("https://conda.anaconda.org/"))
    return text if channel in (None, "", shape.channels[0]) else f"{channel}::{text}"
