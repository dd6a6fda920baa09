"""`install --adopt`: what was installed with pip past the lock, as requirements for the lock's pip half."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from envmgr.errors import PackagesNotFound
from envmgr.lock.model import Lock, PipPackage
from envmgr.store import survey
from envmgr.store.inventory import read_regular
from envmgr.store.layout import Location
from envmgr.store.ownership import Distribution, is_same_version

_WHEEL_NAME = "py3-none-any.whl"
_SHA256 = re.compile(r"sha256[=:]([0-9a-f]{64})")


class Adoption(NamedTuple):
    """What is taken into the lock: `requirements` ask for what a person asked pip for, by exact version or by where
    it came from (`direct_url.json`, PEP 610). `versions` are those of all that is there, by normalised name."""

    requirements: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()

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
    """Return what `names` mean, or all that was installed past the lock where there are none.

    Raises PackagesNotFound for a name that was not installed so, and OSError.
    """
    there = {str(canonicalize_name(each.name)): each for each in survey.read(location.prefix, lock).distributions}
    wanted = [str(canonicalize_name(name)) for name in names]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise _not_there(missing, there, location, lock)
    chosen = dict.fromkeys(wanted or _asked_for(location.prefix, there))
    return Adoption(
        requirements=tuple(requirement_of(location.prefix, name, there[name]) for name in chosen),
        versions=tuple((name, there[name].version) for name in sorted(there)),
    )


def _not_there(missing: Sequence[str], there: Iterable[str], location: Location, lock: Lock) -> PackagesNotFound:
    lines, known = [], sorted(there)
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


def _asked_for(prefix: Path, there: dict[str, Distribution]) -> list[str]:
    """Return the distributions that a person asked for (PEP 376: REQUESTED), and those that nothing else needs."""
    needed = {name for each in there.values() for name in _requires(prefix, each)}
    return [
        name
        for name, each in sorted(there.items())
        if name not in needed or (prefix / each.dist_info / "REQUESTED").is_file()
    ]


def _requires(prefix: Path, distribution: Distribution) -> Iterator[str]:
    """Yield the names that a distribution may need, whatever the markers say; nothing where it does not say."""
    try:
        text = read_regular(prefix / distribution.dist_info / "METADATA").decode("utf-8", "replace")
    except OSError:
        return
    own = canonicalize_name(distribution.name)
    for line in HeaderParser().parsestr(text).get_all("Requires-Dist") or ():
        try:
            name = canonicalize_name(Parsed(line).name)
        except InvalidRequirement:
            continue
        if name != own:
            yield str(name)


def requirement_of(prefix: Path, name: str, distribution: Distribution) -> str:
    """Return the requirement that brings the same distribution again."""
    try:
        origin: Any = json.loads(read_regular(prefix / distribution.dist_info / "direct_url.json"))
        url = origin["url"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"{name}=={distribution.version}"
    if not isinstance(url, str):
        return f"{name}=={distribution.version}"
    directory, vcs, archive = (_mapping(origin.get(key)) for key in ("dir_info", "vcs_info", "archive_info"))
    below = f"subdirectory={origin['subdirectory']}" if isinstance(origin.get("subdirectory"), str) else ""
    if directory.get("editable") is True and url.startswith("file:"):
        return f"-e {unquote(urlsplit(url).path)}"
    if vcs:
        return f"{name} @ {vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}{f'#{below}' if below else ''}"
    digest = _SHA256.search(json.dumps(archive).replace('": "', "="))
    fragment = "&".join(part for part in (f"sha256={digest[1]}" if digest else "", below) if part)
    return f"{name} @ {url}{f'#{fragment}' if fragment else ''}"


def _preference(name: str, version: str) -> PipPackage:
    """Return a locked package of which the resolution sees name and version; nothing else of it is looked at."""
    file = f"{name.replace('-', '_')}-{version}-{_WHEEL_NAME}"
    return PipPackage(name=name, version=version, url=f"https://invalid./{file}", filename=file, sha256="0" * 64)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
