"""A pylock.toml that was given (PEP 751), followed exactly: one artifact of each entry, and no question to an index."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import pylock
from envmgr.pypi.provided import Distribution
from envmgr.pypi.pylock import Choice
from envmgr.pypi.target import Target
from envmgr.spec.model import Requirement
from envmgr.urls import file_name, without_credentials


def packages(
    requirements: Sequence[Requirement], target: Target, distributions: Mapping[str, Distribution]
) -> tuple[PipPackage, ...]:
    """Return the artifact of each entry, sorted by name, without those that conda provides.

    Raises PipError for an entry that is there twice for this target, that is not for its python, or that has no
    artifact for it.
    """
    installed = [each for each in requirements if each.name not in distributions]
    twice = [name for name, times in Counter(each.name for each in installed).items() if times > 1]
    if twice:
        raise PipError(f"{installed[0].origin.source} has {twice[0]} twice for this platform and python (PEP 751)")
    names = {*distributions, *(each.name for each in installed)}
    choice = Choice(tags=target.tags)
    rank = {tag: place for place, tag in reversed(list(enumerate(target.tags)))}
    found = []
    for requirement in installed:
        entry: dict[str, Any] = json.loads(requirement.entry)
        _check_python(requirement, entry, target)
        try:
            package = pylock.package_of(entry, choice, rank, Path("/"))
        except PipError as error:
            hint = error.hint or _other_python(entry, target)
            raise PipError(f"{requirement.origin}: {error.message}", hint=hint) from error
        index = entry.get("index")
        found.append(
            package._replace(
                index_url=without_credentials(index) if isinstance(index, str) else None,
                requires=_requires(entry, names),
            )
        )
    return tuple(sorted(found, key=lambda package: package.name))


def _other_python(entry: Mapping[str, Any], target: Target) -> str | None:
    """Return what would make a wheel of an entry fit, where it is one for another CPython; None where none is."""
    names = [str(wheel.get("name") or file_name(str(wheel.get("url") or ""))) for wheel in entry.get("wheels", ())]
    pythons = sorted({match[1] for name in names for match in re.finditer(r"-cp3(\d+)-cp", name)}, key=int)
    if not pythons:
        return None
    listed = ", ".join(f"3.{minor}" for minor in pythons)
    has = target.python_version
    return f"its wheels are for python {listed}, and the conda half has {has}: add --python 3.{pythons[-1]}"


def _requires(entry: Mapping[str, Any], names: set[str]) -> tuple[str, ...]:
    listed = entry.get("dependencies", ())
    found = {canonicalize_name(str(each.get("name", ""))) for each in listed if isinstance(each, Mapping)}
    return tuple(sorted(found & names))


def _check_python(requirement: Requirement, entry: Mapping[str, Any], target: Target) -> None:
    text = entry.get("requires-python")
    try:
        allowed = SpecifierSet(str(text or ""))
    except InvalidSpecifier as error:
        raise PipError(f"{requirement.origin}: {requirement.name}: `{text}` is no specifier (PEP 440)") from error
    if not allowed.contains(target.python_version, prereleases=True):
        raise PipError(
            f"{requirement.origin}: {requirement.name} is for python {text}, and the conda half has "
            f"{target.python_version}",
            hint=f"add --python '{text}'",
        )
