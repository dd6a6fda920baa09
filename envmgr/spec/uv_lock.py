"""uv.lock, version 1: the packages that a project, its extras and groups lead to.

Which version of a package is meant, and for which python, follows from the edges that lead to it: conditions are kept
as the minor versions of python with which they hold on the platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.machine_markers import PYTHONS, of_pythons, pythons
from envmgr.spec.project import Elsewhere, Entry, Project, Wish, text_of

_HERE = ("virtual", "editable", "directory")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


class _Node(NamedTuple):
    """A package of the lock, and one of its extras (empty: the package itself)."""

    number: int
    extra: str = ""


def read(document: Mapping[str, Any], wish: Wish) -> Project:
    """Return what the lock has for its project, without the project itself; raises SpecFault for another version of
    the format, and where it is not known which of several projects is meant."""
    if document.get("version") != 1:
        raise SpecFault(
            f"version {shown(str(document.get('version')))} of the format is not known; this envmgr reads 1",
            "export it with the uv that wrote it: uv export --format pylock.toml -o pylock.toml",
        )
    packages: list[Mapping[str, Any]] = list(document.get("package", []))
    root = _root(packages)
    extras = {str(canonicalize_name(name)): edges for name, edges in _table(root, "optional-dependencies").items()}
    groups = {str(canonicalize_name(name)): edges for name, edges in _table(root, "dev-dependencies").items()}
    edges = list(root.get("dependencies", ()))
    edges += [edge for name in sorted(wish.extras) for edge in extras.get(name, ())]
    edges += [edge for name in sorted(wish.groups) for edge in groups.get(name, ())]
    reached = _reached(packages, edges, wish.platform)
    found = [(packages[number], holds) for number, holds in sorted(reached.items()) if packages[number] is not root]
    return Project(
        entries=tuple(_entry(package, of_pythons(holds)) for package, holds in found if holds),
        python=text_of(document, "requires-python"),
        extras=frozenset(extras),
        groups=frozenset(groups),
        indexes=tuple(str(package["source"]["registry"]) for package, _ in found if "registry" in package["source"]),
    )


def _root(packages: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    here = [package for package in packages if any(key in package["source"] for key in _HERE[:2])]
    own = [package for package in here if "." in (package["source"].get(key) for key in _HERE[:2])]
    if len(own) == 1 or len(here) == 1:
        return (own or here)[0]
    names = ", ".join(str(package["name"]) for package in here) or "none"
    raise SpecFault(
        f"which project is meant is not known: it has {names}",
        "export the one that is: uv export --package NAME --format pylock.toml -o pylock.toml",
    )


def _table(package: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = package.get(key, {})
    return found if isinstance(found, Mapping) else {}


def _reached(
    packages: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]], platform: str
) -> dict[int, frozenset[str]]:
    """Return the packages that the edges lead to, each with the pythons for which they do."""
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(packages):
        by_name.setdefault(str(package["name"]), []).append(number)
    holds: dict[_Node, frozenset[str]] = {}
    waiting = [(edge, frozenset(PYTHONS)) for edge in edges]
    while waiting:
        edge, before = waiting.pop()
        condition = before & pythons(text_of(edge, "marker"), platform)
        for number in _targets(edge, packages, by_name):
            extras = [str(extra) for extra in edge.get("extra", ())]
            for node in (_Node(number), *(_Node(number, extra) for extra in extras)):
                known = holds.get(node, frozenset())
                if condition <= known:
                    continue
                holds[node] = known | condition
                package = packages[number]
                key = "dependencies"
                more = (
                    package.get(key, ())
                    if not node.extra
                    else _table(package, "optional-dependencies").get(node.extra, ())
                )
                waiting += [(each, holds[node]) for each in more]
    return {node.number: found for node, found in holds.items() if not node.extra}


def _targets(
    edge: Mapping[str, Any], packages: Sequence[Mapping[str, Any]], by_name: Mapping[str, Sequence[int]]
) -> Iterator[int]:
    for number in by_name.get(str(edge["name"]), ()):
        package = packages[number]
        if all(key not in edge or edge[key] == package.get(key) for key in ("version", "source")):
            yield number


def _entry(package: Mapping[str, Any], marker: str) -> Entry:
    name, source = str(package["name"]), package["source"]
    files = [*package.get("wheels", ()), *([package["sdist"]] if package.get("sdist") else ())]
    hashes = tuple(str(file["hash"]) for file in files if _SHA256.fullmatch(str(file.get("hash", ""))))
    if "registry" in source:
        return Entry(f"{name}=={package['version']}", name, marker, hashes)
    if "git" in source:
        parts = urlsplit(str(source["git"]))
        subdirectory = parse_qs(parts.query).get("subdirectory", [""])[0]
        where = parts._replace(query="", fragment="").geturl()
        origin = Elsewhere(git=where, revision=parts.fragment, subdirectory=subdirectory)
        return Entry(origin.line(name), name, marker)
    if "url" in source:
        return Entry(Elsewhere(url=str(source["url"])).line(name), name, marker, hashes)
    for key in ("editable", "directory", "path"):
        if key in source:
            origin = Elsewhere(path=str(source[key]), is_editable=key == "editable")
            return Entry(origin.line(name), name, marker)
    raise SpecFault(
        f"{shown(name)} has a source that is not known: {', '.join(source)}", "uv export --format pylock.toml"
    )
