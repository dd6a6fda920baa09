"""What changes between two locks, both halves: rows for people, and `diff --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from envmgr.cli.shapes import channel_name
from envmgr.lock.difference import Difference
from envmgr.lock.model import CondaPackage, PipPackage

Package = CondaPackage | PipPackage
Row = tuple[str, str, str, str, str]


def rows(difference: Difference) -> list[Row]:
    """Return sign, name, version, build and channel (`pip` for that half): new, then changed, then gone."""
    added, changed, removed = _both_halves(difference)
    return [
        *(_row("+", package) for package in added),
        *(_changed(old, new) for old, new in changed),
        *(_row("-", package) for package in removed),
    ]


def summary(difference: Difference) -> str:
    """Return the numbers of what is new, changed and gone, as `2 new, 1 gone`."""
    added, changed, removed = _both_halves(difference)
    counts = ((len(added), "new"), (len(changed), "changed"), (len(removed), "gone"))
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "the same packages"


def as_json(difference: Difference) -> dict[str, Any]:
    """Return the shape of `diff --json`.

    `from` and `to` are versions; where those are equal, with the build, and where that is equal too, with the hash.
    """
    added, changed, removed = _both_halves(difference)
    return {
        "added": _by_name(map(_entry, added)),
        "removed": _by_name(map(_entry, removed)),
        "changed": _by_name(_change(old, new) for old, new in changed),
    }


def _both_halves(difference: Difference) -> tuple[list[Package], list[tuple[Package, Package]], list[Package]]:
    """Return what is new, changed (old, new) and gone; the conda half first."""
    conda, pip = difference.conda, difference.pip
    return [*conda.added, *pip.added], [*conda.changed, *pip.changed], [*conda.removed, *pip.removed]


def _entry(package: Package) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": package.name, "manager": _manager(package), "version": package.version}
    if isinstance(package, CondaPackage):
        entry |= {"build_string": package.build, "channel": channel_name(package.channel)}
    return entry


def _change(old: Package, new: Package) -> dict[str, Any]:
    before, after = _told_apart(old, new)
    return {"name": new.name, "manager": _manager(new), "from": before, "to": after}


def _told_apart(old: Package, new: Package) -> tuple[str, str]:
    if old.version != new.version:
        return old.version, new.version
    if isinstance(old, CondaPackage) and isinstance(new, CondaPackage) and old.build != new.build:
        return f"{old.version} {old.build}", f"{new.version} {new.build}"
    return f"{old.version} sha256:{old.sha256[:12]}", f"{new.version} sha256:{new.sha256[:12]}"


def _row(sign: str, package: Package) -> Row:
    if isinstance(package, PipPackage):
        return sign, package.name, package.version, "", "pip"
    return sign, package.name, package.version, package.build, channel_name(package.channel)


def _changed(old: Package, new: Package) -> Row:
    _, name, version, build, channel = _row("~", new)
    _, _, old_version, old_build, old_channel = _row("~", old)
    if old_version == version and old_build == build:
        before, after = _told_apart(old, new)
        return "~", name, version, f"{build} {before.split()[-1]} → {after.split()[-1]}".strip(), channel
    return "~", name, _arrow(old_version, version), _arrow(old_build, build), _arrow(old_channel, channel)


def _arrow(old: str, new: str) -> str:
    return new if old == new else f"{old} → {new}"


def _manager(package: Package) -> str:
    return "pip" if isinstance(package, PipPackage) else "conda"


def _by_name(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: (entry["name"], entry["manager"]))
