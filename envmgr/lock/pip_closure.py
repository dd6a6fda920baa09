"""Closure of the pip half: its requirements are met by either half, and nothing is in both."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envmgr.lock.model import Lock


def faults(lock: Lock) -> Iterator[str]:
    """Yield what is wrong with the pip half of `lock`, one sentence a fault."""
    yield from _doubles(lock)
    yield from _requirements(lock)


def _doubles(lock: Lock) -> Iterator[str]:
    provided = {
        canonicalize_name(distribution.partition("==")[0]): package.name
        for package in lock.conda
        for distribution in package.distributions
    }
    for pip in lock.pip:
        name = canonicalize_name(pip.name)
        if name in provided:
            yield f"{pip.name} is locked twice: by pip, and by the conda package {provided[name]}"


def _requirements(lock: Lock) -> Iterator[str]:
    versions = {package.name: package.version for package in lock.pip}
    for package in lock.conda:
        for distribution in package.distributions:
            name, _, version = distribution.partition("==")
            versions[canonicalize_name(name)] = version
    for pip in lock.pip:
        for text in pip.requires:
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                yield f"{pip.name} {pip.version} requires `{text}`, which is not a requirement: {error}"
                continue
            name = canonicalize_name(requirement.name)
            if name not in versions:
                yield f"{pip.name} {pip.version} requires {text}, which is not in the lock"
            elif versions[name] and not requirement.specifier.contains(versions[name], prereleases=True):
                yield f"{pip.name} {pip.version} requires {text}, but {name} {versions[name]} is locked"
