"""What a `.dist-info` directory says of how a distribution came there (PEP 376, PEP 610; light: `list` reads it)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.store.ownership import normalised, site_packages
from envmgr.urls import path_of_file_url, without_credentials

# The files of an index that lie by their digest, as PyPI's do: micromamba and conda-lock hand pip such URLs out of a
# lock, and nobody asked for the place.
_BY_DIGEST = re.compile(r"https://[^/]+/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^/]+")
_LARGEST = 1 << 20  # bytes of METADATA or direct_url.json that are read


class Installed(NamedTuple):
    """A Python distribution in site-packages: `name` is normalised (PEP 503), `installer` who put it there.

    `directory` is its .dist-info, relative to the prefix. `url` is set where it did not come from an index (PEP 610),
    without credentials; `sha256` is that of the archive, `commit` that of the checkout by the tool `vcs`, and
    `subdirectory` where the project is in either; `editable` is the directory of an editable install. `is_requested`:
    somebody asked for it by name. `requires` are its requirements, as written.
    """

    name: str
    version: str
    directory: str
    installer: str = ""
    url: str | None = None
    sha256: str | None = None
    commit: str | None = None
    vcs: str | None = None
    subdirectory: str | None = None
    editable: str | None = None
    is_requested: bool = False
    requires: tuple[str, ...] = ()


def installed(prefix: Path, owned: Collection[str] = frozenset()) -> Iterator[Installed]:
    """Yield the distributions of a prefix by directory, without those whose METADATA is in `owned` (conda's)."""
    for site in site_packages(prefix):
        try:
            entries = sorted(os.listdir(prefix / site))
        except OSError:
            continue
        for entry in entries:
            directory = f"{site}/{entry}"
            if entry.endswith(".dist-info") and f"{directory}/METADATA" not in owned:
                found = _read(prefix, directory)
                if found is not None:
                    yield found


def editables(prefix: Path) -> tuple[Installed, ...]:
    """Return the editable installs in a prefix, whoever made them."""
    return tuple(each for each in installed(prefix) if each.editable is not None)


def _read(prefix: Path, directory: str) -> Installed | None:
    headers = _headers(prefix / directory / "METADATA")
    name, version = headers.get("name", [""])[0], headers.get("version", [""])[0]
    if not name or not version:
        return None
    return _direct_url(prefix / directory / "direct_url.json")._replace(
        name=normalised(name),
        version=version,
        directory=directory,
        installer=_text(prefix / directory / "INSTALLER").strip(),
        is_requested=os.path.isfile(prefix / directory / "REQUESTED"),
        requires=tuple(headers.get("requires-dist", ())),
    )


def _headers(path: Path) -> dict[str, list[str]]:
    """Return the header fields of METADATA by lower-case name; a description below the first empty line is no field."""
    found: dict[str, list[str]] = {}
    for line in _text(path).splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            found.setdefault(key.strip().lower(), []).append(value.strip())
    return found


def _direct_url(path: Path) -> Installed:
    """Return a distribution of which only the origin is known."""
    try:
        document: Any = json.loads(_text(path) or "{}")
        url = str(document["url"])
        archive, checkout = document.get("archive_info") or {}, document.get("vcs_info") or {}
        sha256 = (archive.get("hashes") or {}).get("sha256") or str(archive.get("hash") or "").partition("sha256=")[2]
        is_editable = bool((document.get("dir_info") or {}).get("editable"))
        vcs, commit, subdirectory = checkout.get("vcs"), checkout.get("commit_id"), document.get("subdirectory")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Installed("", "", "")
    if _BY_DIGEST.fullmatch(url):
        return Installed("", "", "")
    editable = str(path_of_file_url(url) or url) if is_editable else None
    return Installed(
        "",
        "",
        "",
        url=without_credentials(url),
        sha256=sha256 or None,
        commit=commit if isinstance(commit, str) else None,
        vcs=vcs if isinstance(vcs, str) else None,
        subdirectory=subdirectory if isinstance(subdirectory, str) else None,
        editable=editable,
    )


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST).decode("utf-8", errors="replace")
    except OSError:
        return ""
