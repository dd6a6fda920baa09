"""Other bounds for a package, near the one that was written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from rattler import BuildString, MatchSpec, PackageRecord, Version

from envmgr.errors import SpecError
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency

_MOST_NEAR = 2
_LITERAL = re.compile(r"[0-9](?:[A-Za-z0-9_.!+]*[A-Za-z0-9_+])?")
_SERIES = re.compile(r"([0-9]+)\.([0-9]+)(?:\.[0-9A-Za-z_]+)*")


def without_bound(dependency: Dependency) -> Dependency:
    """Return the dependency on the package alone, in any version and build, from the channel that it names."""
    return _spelled(dependency, "") or dependency


def near(dependency: Dependency, versions: Collection[Version], solved: str) -> Iterator[Dependency]:
    """Yield dependencies with other bounds, the nearest to what was written first, each spelling once.

    `versions` are those that there are, and `solved` the version that a solve without the bound chose: the last one
    yielded allows that one.
    """
    seen = {dependency.text}
    for text in _texts(dependency, versions, solved):
        other = _spelled(dependency, text)
        if other is not None and other.text not in seen:
            seen.add(other.text)
            yield other


def between(dependency: Dependency, versions: Collection[Version], solved: str) -> tuple[Dependency, ...]:
    """Return dependencies on one series of versions each, from the one beside what is allowed to that of `solved`."""
    low, high = _allowed(dependency, versions)
    target = Version(solved)
    if target > high:
        passed = sorted(version for version in versions if high < version <= target)
    else:
        passed = sorted((version for version in versions if target <= version < low), reverse=True)
    texts = dict.fromkeys(_equal(str(version)) for version in passed)
    return tuple(other for text in texts if (other := _spelled(dependency, text)) is not None)


def allowing(dependency: Dependency, version: str) -> Iterator[Dependency]:
    """Yield dependencies that allow a version, in the form that was written first."""
    texts = [f">={_series(version)}"] if _is_lower_bound(dependency) else []
    for text in (*texts, _equal(version)):
        other = _spelled(dependency, text)
        if other is not None:
            yield other


def _is_lower_bound(dependency: Dependency) -> bool:
    return re.fullmatch(r">=?[^,|]*", dependency.match_spec.version or "") is not None


def _texts(dependency: Dependency, versions: Collection[Version], solved: str) -> Iterator[str]:
    written = dependency.match_spec.version or ""
    if written and str(dependency.match_spec) != f"{dependency.name} {written}":
        yield "" if written == "*" else written  # the build, or another key, was too much
    literals = _literals(written)
    if literals and re.fullmatch(r"=*[^<>=!~|,*]+(?:\.\*)?", written):
        series = _SERIES.match(literals[0])
        if series:
            yield f"={series[1]}.{series[2]}"
    elif literals:
        yield from _beside(versions, dependency)
    if _is_lower_bound(dependency):
        yield f">={_series(solved)}"
    yield _equal(solved)


def _beside(versions: Collection[Version], dependency: Dependency) -> Iterator[str]:
    """Yield the series of versions next to what the bound allows, or to the versions in its text."""
    low, high = _allowed(dependency, versions)
    below = sorted((version for version in versions if version < low), reverse=True)
    above = sorted(version for version in versions if version > high)
    for side in (above, below):
        yield from list(dict.fromkeys(_equal(str(version)) for version in side))[:_MOST_NEAR]


def _allowed(dependency: Dependency, versions: Collection[Version]) -> tuple[Version, Version]:
    """Return the lowest and the highest version that are allowed, or those in the text of the bound."""
    allowed = [version for version in versions if _allows(dependency, version)]
    if allowed:
        return min(allowed), max(allowed)
    written = [Version(text) for text in _literals(dependency.match_spec.version or "")] or [Version("0")]
    return written[0], written[-1]


def _allows(dependency: Dependency, version: Version) -> bool:
    try:
        bound = MatchSpec(f"{dependency.name} {dependency.match_spec.version}")
        return bound.matches(PackageRecord(dependency.name, str(version), BuildString("0"), 0, "noarch"))
    except Exception:  # py-rattler has no common class for what it refuses to read
        return False


def _literals(text: str) -> list[str]:
    return [each for each in _LITERAL.findall(text) if _is_version(each)]


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except Exception:
        return False
    return True


def _series(version: str) -> str:
    match = _SERIES.fullmatch(version)
    return version if match is None else f"{match[1]}.{match[2]}"


def _equal(version: str) -> str:
    series = _series(version)
    return f"={series}" if _SERIES.fullmatch(version) else f"=={version}"


def _spelled(dependency: Dependency, bound: str) -> Dependency | None:
    channel = "" if dependency.channel is None else f"{dependency.channel}::"
    space = " " if bound.startswith((">", "<")) or (not bound.startswith("=") and bound) else ""
    try:
        return parse_dependency(f"{channel}{dependency.name}{space}{bound}", dependency.origin)
    except SpecError:
        return None
