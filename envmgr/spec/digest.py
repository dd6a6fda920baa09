"""The semantic digest of a spec: equal for specs that ask for the same, whatever they look like."""

from __future__ import annotations

import hashlib
import json
import re

from rattler import MatchSpec

from envmgr.spec.model import Dependency, EnvironmentSpec, Requirement
from envmgr.urls import without_credentials

SCHEMA = 1
_MEANS_ANY = re.compile(r'(?:version|build)="\*",?')


def semantic_digest(spec: EnvironmentSpec) -> str:
    """Return the sha256 (lower-case hexadecimal) over what `spec` asks for.

    Counted are the channels in order, the match specs and requirements in canonical form as sets, the
    variables, and whether a GPU is required. Not counted: order of packages, repetition, spelling, comments, name,
    prefix, category, platforms, the host profile, credentials.
    """
    meaning = {
        "schema": SCHEMA,
        "channels": [_channel(channel) for channel in spec.channels],
        "dependencies": sorted({canonical_dependency(dependency) for dependency in spec.dependencies}),
        "pip": sorted({canonical_requirement(requirement) for requirement in spec.pip}),
        "variables": sorted(map(list, spec.variables)),
    }
    if spec.gpu:
        meaning["gpu"] = spec.gpu
    document = json.dumps(meaning, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(document.encode("ascii")).hexdigest()


def canonical_dependency(dependency: Dependency) -> str:
    """Return the one spelling of a dependency: rattler's canonical form, without parts that allow everything."""
    text = canonical_match_spec(dependency.match_spec)
    return text if dependency.channel is None else f"{_channel(dependency.channel)}::{text}"


def canonical_match_spec(match_spec: MatchSpec) -> str:
    """Return rattler's canonical form, with `version="*"` and `build="*"` left out (CEP 29 calls them equal)."""
    name, bracket, keys = match_spec.to_canonical_string().partition("[")
    keys = re.sub(r",\]$", "]", _MEANS_ANY.sub("", keys))
    return name if not bracket or keys == "]" else name + bracket + keys


def canonical_requirement(requirement: Requirement) -> str:
    """Return the one spelling of a requirement: normalised name, sorted extras and versions, marker."""
    from packaging.requirements import Requirement as ParsedRequirement  # start-up time: only for a pip half
    from packaging.utils import canonicalize_name

    parsed = ParsedRequirement(requirement.text)
    extras = ",".join(sorted({canonicalize_name(extra) for extra in parsed.extras}))
    specifiers = ",".join(sorted(str(specifier) for specifier in parsed.specifier))
    marker = f"; {parsed.marker}" if parsed.marker is not None else ""
    return f"{requirement.name}{f'[{extras}]' if extras else ''}{specifiers}{marker}"


def _channel(channel: str) -> str:
    return without_credentials(channel).rstrip("/")
