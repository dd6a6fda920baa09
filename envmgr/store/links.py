"""The symbolic links of all packages of an environment together: one by one they are harmless (artifacts.distrust)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from envmgr.artifacts.distrust import printable
from envmgr.artifacts.manifest import Artifact
from envmgr.errors import CorruptPackage
from envmgr.store.placement import Placement

_MOST_FOLLOWED = 40  # links on one way, as in Linux; no kernel follows more than 63
_MOST_STEPS = 10_000  # components looked at for one path; the longest real way has some twenty

Path = tuple[str, ...]


class _Link(NamedTuple):
    target: str
    owner: str


class _Prefix(NamedTuple):
    """What the packages put into a prefix, by paths relative to it: links, and the directories above all paths."""

    links: Mapping[str, Sequence[_Link]]
    directories: Collection[str]


class _Lost(Exception):
    """A way that cannot be gone; `owners` are those of the links on it."""

    def __init__(self, how: str, owners: Sequence[str]) -> None:
        super().__init__(how)
        self.owners = owners


def check(artifacts: Sequence[Artifact], placement: Placement) -> None:
    """Return when no link leads out of the prefix, and no path through links leads out or into conda-meta.

    Where packages disagree whether a path is a link or a directory, both count. Raises CorruptPackage that names
    path and packages.
    """
    linked = _links(artifacts, placement)
    if not linked:
        return
    directories = _directories(artifacts, placement)
    contested = linked.keys() & directories
    prefix = _Prefix(linked, directories)
    for path, links in linked.items():
        for link in links:
            # Any other leads where it led when its package was checked alone.
            if contested or _is_winding(link.target):
                _check_link(path, link, prefix)
    if contested:
        _check_ways(sorted(directories), contested, prefix, artifacts, placement)


def _check_link(path: str, link: _Link, prefix: _Prefix) -> None:
    start = path.rpartition("/")[0]
    try:
        for where, _ in _destinations(start, prefix):
            for _ in _destinations(link.target, prefix, start=where):
                pass
    except _Lost as lost:
        owners = [link.owner, *(owner for owner in lost.owners if owner != link.owner)]
        raise _refusal(path, f"is a symbolic link to {printable(link.target)}, which {lost}", owners) from lost


def _check_ways(
    directories: Sequence[str],
    contested: Collection[str],
    prefix: _Prefix,
    artifacts: Sequence[Artifact],
    placement: Placement,
) -> None:
    """Refuse the directories of paths that lead through a link to where no package may write."""
    for directory in directories:
        pieces = directory.split("/")
        through = [above for end in range(len(pieces)) if (above := "/".join(pieces[: end + 1])) in contested]
        if not through:
            continue
        owners = sorted(
            {link.owner for above in through for link in prefix.links[above]}
            | {each.package.dist_name for each in artifacts if _is_below(each, directory, placement)}
        )
        if directory == placement.scripts and any(artifact.manifest.entry_points for artifact in artifacts):
            # rattler writes entry points without looking what is there.
            raise _refusal(directory, "is a symbolic link, and commands would be written through it", owners)
        try:
            found = list(_destinations(directory, prefix))
        except _Lost as lost:
            raise _refusal(
                directory, f"is a directory of one package, and as a link of another it {lost}", owners
            ) from lost
        if not found:
            raise _refusal(directory, "is a directory of one package and a loop of links of others", owners)
        if any(where[:1] == ("conda-meta",) for where, _ in found):
            raise _refusal(directory, "leads into conda-meta, which belongs to the installer (CEP 32)", owners)


def _destinations(way: str, prefix: _Prefix, *, start: Path = ()) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield every place that `way` may lead to from the directory `start`, links followed, with the links' owners.

    A loop of links leads nowhere. Raises _Lost for what leads out of the prefix or takes too long.
    """
    steps = 0
    pending: list[tuple[Path, list[str], tuple[str, ...]]] = [(start, way.split("/")[::-1], ())]
    while pending:
        where, rest, owners = pending.pop()
        while rest:
            steps += 1
            if steps > _MOST_STEPS:
                raise _Lost("is too winding to be followed", tuple(dict.fromkeys(owners)))
            component = rest.pop()
            if component in {"", "."}:
                continue
            if component == "..":
                if not where:
                    raise _Lost("leads out of the environment", tuple(dict.fromkeys(owners)))
                where = where[:-1]
                continue
            path = "/".join((*where, component))
            links = prefix.links.get(path, ())
            if len(owners) < _MOST_FOLLOWED:
                for link in links:
                    pending.append((where, [*rest, *link.target.split("/")[::-1]], (*owners, link.owner)))
            if links and path not in prefix.directories:
                break
            where = (*where, component)
        else:
            yield where, owners


def _links(artifacts: Sequence[Artifact], placement: Placement) -> dict[str, list[_Link]]:
    found: dict[str, list[_Link]] = {}
    for artifact in artifacts:
        for path in artifact.manifest.links:
            try:
                target = os.readlink(f"{artifact.directory}/{path}")
            except OSError:
                continue  # damaged in the cache, which linking finds
            if target.startswith("/"):
                raise _refusal(path, f"is a symbolic link to {printable(target)}", [artifact.package.dist_name])
            placed = placement.place(artifact, path)
            found.setdefault(placed, []).append(_Link(target, artifact.package.dist_name))
    return found


def _directories(artifacts: Sequence[Artifact], placement: Placement) -> set[str]:
    """Return the directories that rattler makes for the paths, those above them included."""
    found: set[str] = set()
    for artifact in artifacts:
        own = {path.rpartition("/")[0] for path in artifact.manifest.paths}
        if artifact.manifest.noarch == "python":
            own = {placement.place(artifact, directory) for directory in own}
        found |= own
        if artifact.manifest.entry_points:
            found.add(placement.scripts)
    for directory in list(found):
        above = directory.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    found.discard("")
    return found


def _is_below(artifact: Artifact, directory: str, placement: Placement) -> bool:
    return any(placement.place(artifact, path).startswith(f"{directory}/") for path in artifact.manifest.paths)


def _is_winding(target: str) -> bool:
    """Whether a `..` comes after a name, so that other packages' links can change where it leads."""
    return "/.." in target and ".." in target.lstrip("./").split("/")


def _refusal(path: str, what: str, owners: Sequence[str]) -> CorruptPackage:
    names = list(dict.fromkeys(owners))
    return CorruptPackage(
        f"{' and '.join(names)} cannot be installed together: {printable(path)} {what}"
        if len(names) > 1
        else f"{names[0]} cannot be trusted: {printable(path)} {what}",
        hint="tell the maintainers of the channel; nothing was installed",
        details={"packages": names, "paths": [path]},
    )
