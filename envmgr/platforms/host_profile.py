"""Host profiles: the virtual packages (CEP 30) of a machine in a file, so that others can solve for it.

schema: 1
platform: linux-64
virtual_packages:
  - __cuda=12.8=0
  - __glibc=2.34=0
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import ConfigError
from envmgr.platforms.detect import parse_virtual_package
from envmgr.platforms.model import VirtualPackage
from envmgr.platforms.subdirs import validate_subdir

SCHEMA = 1
DIRECTORY = "host-profiles"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_MAXIMUM_BYTES = 64 * 1024
_KEYS = ("schema", "platform", "virtual_packages")


class HostProfile(NamedTuple):
    """The virtual packages of a machine, sorted by name, for its platform (a subdir)."""

    name: str
    platform: str
    virtual_packages: tuple[VirtualPackage, ...]

    def text(self) -> str:
        """Return the profile as its file has it: the same machine gives the same bytes."""
        lines = [f"# What {self.name} offers to packages (CEP 30); written by `envmgr host-profile capture`."]
        lines += [f"schema: {SCHEMA}", f"platform: {self.platform}", "virtual_packages:"]
        return "\n".join([*lines, *(f"  - {package}" for package in self.virtual_packages)]) + "\n"


def read(path: Path) -> HostProfile:
    """Return the profile in a file, named like it; raises ConfigError naming what is wrong with it."""
    import yaml  # start-up time: only where a profile is used

    try:
        with path.open("rb") as file:
            data = file.read(_MAXIMUM_BYTES + 1)
        text = data.decode("utf-8")
        if len(data) > _MAXIMUM_BYTES or any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)
        ):
            raise ConfigError(f"{path} is no host profile: it is too large, or has YAML aliases", hint=_HINT)
        document = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"the host profile {path} cannot be read: {error.strerror}", hint=_HINT) from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"the host profile {path} cannot be read as YAML: {error}", hint=_HINT) from error
    return _profile(path.stem, document, path)


_HINT = "write it anew on that machine: envmgr host-profile capture NAME"


def _profile(name: str, document: Any, path: Path) -> HostProfile:
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(document).__name__}", hint=_HINT)
    schema = document.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise ConfigError(
            f"{path}: expected schema {SCHEMA}, found {schema!r}", hint="update envmgr" if newer else _HINT
        )
    unknown = [key for key in document if key not in _KEYS]
    texts = document.get("virtual_packages")
    if unknown or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        found = f"unknown key `{unknown[0]}`" if unknown else "`virtual_packages` is no list of texts"
        raise ConfigError(f"{path}: {found}; expected {', '.join(_KEYS)}", hint=_HINT)
    platform = validate_subdir(str(document.get("platform")))
    packages = {}
    for text in texts:
        package_name, package = parse_virtual_package(text, where=str(path))
        if package is not None:
            packages[package_name] = package
    return HostProfile(name, platform, tuple(packages[key] for key in sorted(packages)))


def directories(beside: Sequence[Path], config: Path, site: Path) -> tuple[Path, ...]:
    """Return where profiles are looked for, first one first: the nearest `host-profiles` beside or above an
    environment file, the user's, the site's. They need not exist."""
    nearest = []
    for directory in beside:
        absolute = Path(os.path.abspath(directory))
        found = next((each / DIRECTORY for each in (absolute, *absolute.parents) if (each / DIRECTORY).is_dir()), None)
        nearest += [found] if found is not None else []
    return tuple(dict.fromkeys([*nearest, config / DIRECTORY, site / DIRECTORY]))
