"""The manifest of a cached artifact: what was checked once, and what an installation wants to know of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import StoreError
from envmgr.lock.model import CondaPackage

SCHEMA = 1


class Manifest(NamedTuple):
    """What one artifact contains, after it was found harmless.

    `paths` are those that it owns in a prefix, sorted, files and symbolic links, with `/` between components; a
    noarch python artifact keeps the forms `site-packages/…` and `python-scripts/…` (CEP 20). `links` are the
    symbolic ones among them. `placeholders` carry the build prefix. `python_distributions` are the paths of
    `*.dist-info` and `*.egg-info`; `entry_points` are `name = module:attribute`; `link_scripts` some of `pre-link`,
    `post-link` and `pre-unlink`; `activation` the paths below etc/conda that act on activation. `bytes` and
    `files` count what an extracted copy holds, `info/` included.
    """

    name: str
    version: str
    build: str
    subdir: str
    sha256: str
    md5: str
    noarch: str | None
    paths: tuple[str, ...]
    links: tuple[str, ...]
    placeholders: tuple[str, ...]
    python_distributions: tuple[str, ...]
    entry_points: tuple[str, ...]
    link_scripts: tuple[str, ...]
    activation: tuple[str, ...]
    bytes: int
    files: int

    def prefix_paths(self, site_packages: str, scripts: str = "bin") -> tuple[str, ...]:
        """Return the paths as they will be in a prefix, entry point scripts included.

        `site_packages` is the directory of python's site-packages relative to the prefix.
        """
        if self.noarch != "python":
            return self.paths
        moved = [
            f"{site_packages}/{path[14:]}"
            if path.startswith("site-packages/")
            else f"{scripts}/{path[15:]}"
            if path.startswith("python-scripts/")
            else path
            for path in self.paths
        ]
        return (*moved, *(f"{scripts}/{entry_point.partition('=')[0].strip()}" for entry_point in self.entry_points))

    def to_json(self) -> str:
        """Return the manifest as it is written beside the extracted artifact: same manifest, same bytes."""
        return json.dumps({"schema": SCHEMA, **self._asdict()}, sort_keys=True, ensure_ascii=True)


_TUPLES = tuple(index for index, kind in enumerate(Manifest.__annotations__.values()) if "tuple" in str(kind))


class Artifact(NamedTuple):
    """One extracted artifact: `package` with its sha256 always filled, its directory, and what was checked."""

    package: CondaPackage
    directory: Path
    manifest: Manifest

    @property
    def is_complete(self) -> bool:
        """Whether everything is in the directory that was there, by name."""
        return all(os.path.lexists(f"{self.directory}/{path}") for path in ("info/index.json", *self.manifest.paths))


def read_manifest(path: Path) -> Manifest | None:
    """Return the manifest in the file, or None where it is absent, damaged or of an older schema.

    Raises StoreError for a newer schema, and OSError when the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse_manifest(content, str(path))


def parse_manifest(content: str | bytes, source: str = "manifest") -> Manifest | None:
    """Return the manifest that `content` is the JSON text of, or None where it is damaged or of an older schema.

    Raises StoreError for a newer schema, naming `source`.
    """
    try:
        document: Any = json.loads(content)
        schema = document.pop("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise StoreError(
                f"{source}: schema {schema} was written by a newer envmgr; this one reads up to schema {SCHEMA}",
                hint="upgrade envmgr, or give this one a cache of its own with ENVMGR_CACHE=DIRECTORY",
            )
        if schema != SCHEMA:
            return None
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in document.items()}
        manifest = Manifest(**values)
        return manifest if all(type(manifest[index]) is tuple for index in _TUPLES) else None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
