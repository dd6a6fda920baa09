"""`install --adopt`: what was installed with pip past the lock, as requirements for the lock's pip half."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from envmgr.errors import PackagesNotFound
from envmgr.lock.model import Lock, PipPackage
from envmgr.store import dist_info, installed, survey
from envmgr.store.dist_info import Installed
from envmgr.store.layout import Location
from envmgr.store.ownership import is_same_version, normalised

_WHEEL_NAME = "py3-none-any.whl"


class Adoption(NamedTuple):
    """What is taken into the lock: `requirements` ask for what a person asked pip for, by exact version or by where
    it came from (`direct_url.json`, PEP 610). `versions` are those of all that is there, by normalised name; `removed`
    is what was asked for and what pip uninstalled, `left` what pip put in the place of conda's packages and nobody
    named: such a thing is adopted by name only, since it clashes."""

    requirements: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def preferred_in(self, lock: Lock) -> Lock:
        """Return `lock` with the versions that are there preferred over its own."""
        if not self.versions:
            return lock
        known = dict(self.versions)
        kept = [package for package in lock.pip if package.name not in known]
        there = [_preference(name, version) for name, version in self.versions]
        return lock._replace(pip=tuple(sorted((*kept, *there))))

    def differences(self, lock: Lock) -> Iterator[str]:
        """Yield what of the distributions is in the new lock in another version."""
        locked = {package.name: package.version for package in lock.pip}
        for name, version in self.versions:
            found = locked.get(name)
            if found is not None and not is_same_version(version, found):
                yield f"{name} was installed as {version}, and is {found} now"


NOTHING = Adoption()


def find(names: Sequence[str], location: Location, lock: Lock) -> Adoption:
    """Return what `names` mean, or all that pip installed and removed past the lock where there are none.

    Raises PackagesNotFound for a name of which neither is so, and OSError.
    """
    foreign = {each.dist_info for each in survey.read(location.prefix, lock).distributions}
    there = {each.name: each for each in dist_info.installed(location.prefix) if each.directory in foreign}
    wanted = [normalised(name) for name in names]
    asked = {package.name for package in lock.pip if package.requested}
    gone = [name for name, _ in installed.drift(location.prefix, lock).removed if name in asked]
    missing = [name for name in wanted if name not in there and name not in gone]
    if missing:
        raise _not_there(missing, sorted(there), location, lock)
    of_conda = {package.name for package in lock.conda}
    of_conda |= {each.partition("==")[0] for package in lock.conda for each in package.distributions}
    left = () if wanted else tuple(sorted(of_conda & there.keys()))
    there = {name: each for name, each in there.items() if name not in left}
    chosen = [name for name in dict.fromkeys(wanted or asked_for(there)) if name in there]
    return Adoption(
        requirements=tuple(requirement_of(there[name]) for name in chosen),
        versions=tuple((name, there[name].version) for name in sorted(there)),
        removed=tuple(name for name in gone if not wanted or name in wanted),
        left=left,
    )


def requirement_of(found: Installed) -> str:
    """Return the requirement that brings the same distribution again: from where it came, else by its version."""
    url, below = found.url, found.subdirectory
    if url is None:
        return f"{found.name}=={found.version}"
    if found.editable is not None:
        return f"-e {found.editable if ' ' not in found.editable else url}"
    if found.commit is not None:
        fragment = f"#subdirectory={below}" if below else ""
        return f"{found.name} @ {found.vcs or 'git'}+{url}@{found.commit}{fragment}"
    parts = (f"sha256={found.sha256}" if found.sha256 else "", f"subdirectory={below}" if below else "")
    fragment = "&".join(filter(None, parts))
    return f"{found.name} @ {url}{f'#{fragment}' if fragment else ''}"


def _not_there(missing: Sequence[str], known: Sequence[str], location: Location, lock: Lock) -> PackagesNotFound:
    lines = []
    locked = {package.name for package in lock.pip} | {package.name for package in lock.conda}
    for name in missing:
        if name in locked:
            lines.append(f"{name} of {location.label} is in its lock already")
            continue
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean `{near[0]}`?" if near else ""
        lines.append(f"`{name}` was not installed with pip in {location.label}{guess}")
    hint = f"these were: {', '.join(known)}" if known else f"envmgr install {location.arguments} --pip {missing[0]}"
    return PackagesNotFound("\n".join(lines), hint=hint)


def asked_for(there: Mapping[str, Installed]) -> list[str]:
    """Return the distributions that a person asked for (PEP 376: REQUESTED), and those that nothing else needs."""
    needed = {name for each in there.values() for name in _requires(each)}
    return [name for name, each in sorted(there.items()) if name not in needed or each.is_requested]


def _requires(found: Installed) -> Iterator[str]:
    """Yield the names that a distribution may need, whatever the markers say."""
    from packaging.requirements import InvalidRequirement  # start-up time: only for --adopt
    from packaging.requirements import Requirement as Parsed

    for line in found.requires:
        with contextlib.suppress(InvalidRequirement):
            name = normalised(Parsed(line).name)
            if name != found.name:
                yield name


def _preference(name: str, version: str) -> PipPackage:
    """Return a locked package of which the resolution sees name and version; nothing else of it is looked at."""
    file = f"{name.replace('-', '_')}-{version}-{_WHEEL_NAME}"
    return PipPackage(name=name, version=version, url=f"https://invalid./{file}", filename=file, sha256="0" * 64)
