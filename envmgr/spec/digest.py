"""The semantic digest of a spec: equal for specs that ask for the same, whatever they look like."""

from __future__ import annotations

import hashlib
import json
import re

from rattler import MatchSpec

from envmgr.spec.model import NO_OPTIONS, Dependency, EnvironmentSpec, Requirement
from envmgr.urls import without_credentials, without_literal_credentials

SCHEMA = 1
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
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
    if spec.pip_options != NO_OPTIONS or spec.pip_constraints:
        meaning["pip options"] = _options(spec)
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

    if requirement.url is not None:
        return _canonical_source(requirement)
    parsed = ParsedRequirement(requirement.pep508)
    extras = ",".join(sorted({canonicalize_name(extra) for extra in parsed.extras}))
    specifiers = ",".join(sorted(str(specifier) for specifier in parsed.specifier))
    marker = f"; {parsed.marker}" if parsed.marker is not None else ""
    return f"{requirement.name}{f'[{extras}]' if extras else ''}{specifiers}{marker}{_own_options(requirement)}"


def _canonical_source(requirement: Requirement) -> str:
    """Return the text itself, with single spaces: what it is relative to differs between machines."""
    return without_literal_credentials(" ".join(requirement.text.split())) + _own_options(requirement)


def _own_options(requirement: Requirement) -> str:
    hashes = "".join(f" --hash={each}" for each in sorted(set(requirement.hashes)))
    hashes += "".join(f" {each}" for each in sorted(set(_SHA256.findall(requirement.entry))))
    return hashes + "".join(f" --config-settings={each}" for each in sorted(set(requirement.config_settings)))


def _options(spec: EnvironmentSpec) -> list[object]:
    """What the option lines mean, in one form; directories as their lines name them."""
    options, indexes = spec.pip_options, spec.pip_options.indexes
    paths = [line for line in options.lines if line.startswith("--find-links")]
    return [
        indexes.index_url and without_credentials(indexes.index_url),
        [without_credentials(url) for url in indexes.extra_index_urls],
        paths,
        [indexes.no_index, options.pre, options.no_deps, options.require_hashes],
        [sorted(options.no_binary), sorted(options.only_binary)],
        sorted({canonical_requirement(constraint) for constraint in spec.pip_constraints}),
    ]


def _channel(channel: str) -> str:
    return without_credentials(channel).rstrip("/")
