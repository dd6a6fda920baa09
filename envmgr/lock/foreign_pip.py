"""Entries of the pip half in the locks of other tools: a file of an index, an archive, a commit of a repository."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from envmgr.lock import foreign
from envmgr.lock.foreign import EntryFault, shown
from envmgr.lock.model import PipPackage
from envmgr.urls import file_name, without_credentials

_COMMIT = re.compile(r"[0-9a-f]{40,64}", re.IGNORECASE)
_SDIST = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")


def normalised(name: str) -> str:
    """Return a name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def package(name: str, version: str, location: str, sha256: str, *, is_direct: bool = False) -> PipPackage:
    """Return the entry for what is at `location`, a URL; with `is_direct` it is not a file of an index.

    Raises EntryFault for a place that nothing comes from, and for a file without a sha256.
    """
    url = location.removeprefix("direct+")
    if url.startswith("git+"):
        return _repository(name, version, url)
    clean = without_credentials(foreign.place(url)).partition("#")[0]
    if urlsplit(clean).scheme not in ("http", "https", "file"):  # an index may be a directory: the hash pins the file
        raise EntryFault(f"comes from {shown(location)}, which is no artifact at a URL")
    if not sha256:
        raise EntryFault("has no sha256, so what is downloaded could not be verified")
    filename = file_name(clean)
    is_wheel = filename.endswith(".whl")
    if not is_wheel and not filename.endswith(_SDIST):
        raise EntryFault(f"comes from {shown(location)}, which is neither a wheel nor a source archive")
    kind = "archive" if is_direct or location.startswith("direct+") else "wheel" if is_wheel else "sdist"
    return PipPackage(
        name=normalised(name), version=version, url=clean, filename=filename, sha256=sha256.lower(), kind=kind
    )


def _repository(name: str, version: str, url: str) -> PipPackage:
    """Return a repository at the commit that pixi writes as a fragment, and conda-lock behind an `@`."""
    place = foreign.place(url.removeprefix("git+"))
    parts = urlsplit(place)
    path, _, at = parts.path.partition("@")
    commit = parts.fragment if _COMMIT.fullmatch(parts.fragment) else at
    if not _COMMIT.fullmatch(commit):
        raise EntryFault(f"comes from {shown(url)}, which names no commit")
    query = dict(parse_qsl(parts.query))
    clean = without_credentials(urlunsplit((parts.scheme, parts.netloc, path, "", "")))
    below = f"#subdirectory={query['subdirectory']}" if query.get("subdirectory") else ""
    return PipPackage(
        name=normalised(name),
        version=version,
        url=f"git+{clean}@{commit.lower()}{below}",
        filename="",
        sha256="",
        kind="vcs",
        revision=query.get("tag") or query.get("branch") or query.get("rev"),
    )
