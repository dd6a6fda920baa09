"""pdm.lock, versions 4: packages with their groups, markers and hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.project import Elsewhere, Entry, Project, Wish, text_of

_DEFAULT = "default"


def read(document: Mapping[str, Any], wish: Wish) -> Project:
    """Return what the lock has in its group `default` and in the groups and extras that were chosen: pdm does not tell
    them apart. Raises SpecFault for another version of the format and for a lock that does not say its groups."""
    metadata = document["metadata"]
    version = str(metadata.get("lock_version", ""))
    if version.partition(".")[0] != "4":
        raise SpecFault(f"lock_version {shown(version)} is not known; this envmgr reads 4", "pdm lock --update-reuse")
    packages = document.get("package", [])
    if packages and not any("groups" in package for package in packages):
        raise SpecFault(
            "the packages do not say which group they are for", "pdm lock --strategy inherit_metadata, or: pdm export"
        )
    groups = frozenset(str(canonicalize_name(group)) for group in metadata.get("groups", ()))
    chosen = {_DEFAULT, *wish.groups, *wish.extras}
    return Project(
        entries=tuple(entry for package in packages for entry in _entries(package, chosen)),
        python=_python(metadata),
        extras=groups - {_DEFAULT},
        groups=groups - {_DEFAULT},
    )


def _python(metadata: Mapping[str, Any]) -> str:
    targets = metadata.get("targets", ())
    return str(targets[0].get("requires_python", "")) if len(targets) == 1 else ""


def _entries(package: Mapping[str, Any], chosen: set[str]) -> Iterator[Entry]:
    if package.get("extras") or not chosen & {str(canonicalize_name(group)) for group in package.get("groups", ())}:
        return  # a package with extras stands there without them too
    name = str(package["name"])
    git, url, path = (text_of(package, key) for key in ("git", "url", "path"))
    if git or url or path:
        text = Elsewhere(
            git=git, url=url, path=path, revision=text_of(package, "revision"),
            subdirectory=text_of(package, "subdirectory"), is_editable=bool(package.get("editable")),
        ).line(name)  # fmt: skip
    else:
        text = f"{name}=={package['version']}"
    hashes = () if git else tuple(str(file["hash"]) for file in package.get("files", ()) if "hash" in file)
    yield Entry(text, name, text_of(package, "marker"), hashes)
