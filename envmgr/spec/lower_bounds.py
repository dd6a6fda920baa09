"""Lower bounds of specs and requirements, raised to a version that is there; all else of their text stays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion
from packaging.version import Version as PypiVersion
from rattler import Version

from envmgr.spec import match_specs, requirements
from envmgr.spec.edits import Edits
from envmgr.spec.model import Dependency, EnvironmentSpec, Requirement

_BOUND = re.compile(r"(?P<sign>(?<![<>=!~])>=|~=)\s*(?P<version>[0-9][\w.+!]*(?:\*(?![\w.]))?)")


def raised(spec: EnvironmentSpec, conda: Mapping[str, str], pip: Mapping[str, str]) -> Edits:
    """Return the edits that raise the bounds in `spec` of the packages of either half to their versions in `conda` and
    `pip`: `numpy >=1.26` to `numpy >=2.1`, `~=1.4` to `~=1.6`. What has no lower bound, a higher one, or alternatives
    stays as it is."""
    return Edits(
        dependencies=tuple(
            each for name, version in conda.items() for each in _raised_dependencies(spec, name, version)
        ),
        pip=tuple(
            each
            for name, version in pip.items()
            for each in _raised_requirements(spec, str(canonicalize_name(name)), version)
        ),
    )


def _raised_dependencies(spec: EnvironmentSpec, name: str, version: str) -> tuple[Dependency, ...]:
    """Return all dependencies of a name as they are to be, none where none changes."""
    old = [each for each in spec.dependencies if each.name == name]
    new = []
    for each in old:
        text = _with_bound(each.text, version, is_conda=True)
        new.append(each if text is None else match_specs.parse(text, each.origin)[0])
    return tuple(new) if new != old else ()


def _raised_requirements(spec: EnvironmentSpec, name: str, version: str) -> tuple[Requirement, ...]:
    old = [each for each in spec.pip if each.name == name]
    new = []
    for each in old:
        head, semicolon, marker = each.text.partition(";")
        is_plain = each.url is None and not each.hashes and not each.entry
        text = _with_bound(head, version, is_conda=False) if is_plain else None
        new.append(each if text is None else requirements.parse(text + semicolon + marker, each.origin))
    return tuple(new) if new != old else ()


def _with_bound(text: str, version: str, *, is_conda: bool) -> str | None:
    """Return `text` with its one lower bound raised to `version`, None where there is nothing to raise."""
    found = list(_BOUND.finditer(text))
    if len(found) != 1 or "|" in text:
        return None
    (bound,) = found
    old = bound["version"].removesuffix("*").removesuffix(".")
    new = version.partition("+")[0]
    if bound["sign"] == "~=":
        pieces, length = new.split("."), len(old.split("."))
        if len(pieces) < length or not all(piece.isdigit() for piece in pieces[:length]):
            return None
        new = ".".join(pieces[:length])
    if not _is_newer(new, old, is_conda=is_conda):
        return None
    return text[: bound.start("version")] + new + text[bound.end("version") :]


def _is_newer(new: str, old: str, *, is_conda: bool) -> bool:
    if is_conda:
        return Version(new) > Version(old)
    try:
        return PypiVersion(new) > PypiVersion(old)
    except InvalidVersion:
        return False
