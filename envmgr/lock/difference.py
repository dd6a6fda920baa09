"""What changes between two locks, both halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from envmgr.lock.model import CondaPackage, Lock, PipPackage

PackageT = TypeVar("PackageT", bound=CondaPackage | PipPackage)


@dataclass(frozen=True, slots=True)
class Changes(Generic[PackageT]):
    """What is new, gone, and replaced (old, new) in one half, each sorted by name."""

    added: tuple[PackageT, ...]
    removed: tuple[PackageT, ...]
    changed: tuple[tuple[PackageT, PackageT], ...]

    @property
    def linked(self) -> tuple[PackageT, ...]:
        """Every package that comes in, sorted by name."""
        return _sorted(self.added, tuple(new for _, new in self.changed))

    @property
    def unlinked(self) -> tuple[PackageT, ...]:
        """Every package that goes out, sorted by name."""
        return _sorted(self.removed, tuple(old for old, _ in self.changed))

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The changes of both halves; a change of what was asked for alone is none."""

    conda: Changes[CondaPackage]
    pip: Changes[PipPackage]

    def __bool__(self) -> bool:
        return bool(self.conda or self.pip)


def between(old: Lock | None, new: Lock) -> Difference:
    """Return what moving from `old` (None: nothing) to `new` adds, removes and changes."""
    return Difference(
        conda=_changes(old.conda if old else (), new.conda),
        pip=_changes(old.pip if old else (), new.pip),
    )


def _changes(old: tuple[PackageT, ...], new: tuple[PackageT, ...]) -> Changes[PackageT]:
    before = {package.name: package for package in old}
    after = {package.name: package for package in new}
    return Changes(
        added=tuple(after[name] for name in sorted(after.keys() - before.keys())),
        removed=tuple(before[name] for name in sorted(before.keys() - after.keys())),
        changed=tuple(
            (before[name], after[name])
            for name in sorted(after.keys() & before.keys())
            if not _is_same(before[name], after[name])
        ),
    )


def _sorted(some: tuple[PackageT, ...], others: tuple[PackageT, ...]) -> tuple[PackageT, ...]:
    return tuple(sorted((*some, *others), key=lambda package: package.name))


def _is_same(old: CondaPackage | PipPackage, new: CondaPackage | PipPackage) -> bool:
    if old.version != new.version or (old.sha256 and new.sha256 and old.sha256 != new.sha256):
        return False
    if isinstance(old, PipPackage) and isinstance(new, PipPackage) and not (old.has_file and new.has_file):
        return (old.kind, old.url, old.config_settings) == (new.kind, new.url, new.config_settings)
    # Records of other tools and old channels may lack the hash: then the build tells.
    return not (isinstance(old, CondaPackage) and isinstance(new, CondaPackage)) or old.build == new.build
