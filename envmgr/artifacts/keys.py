"""The names of cached artifacts: one safe path component each, their sha256 included."""

from __future__ import annotations

import re

from envmgr.errors import CorruptPackage
from envmgr.lock.model import CondaPackage
from envmgr.urls import redact

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]*-[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VERSION_OR_BUILD = re.compile(r"[A-Za-z0-9_.+!~-]+")
_LONGEST_STEM = 150  # characters, so that every name fits the 255 bytes of a directory entry


def key_of(package: CondaPackage) -> str:
    """Return the name of a package's directory in every cache; raises CorruptPackage for a part that is unsafe."""
    if _SHA256.fullmatch(package.sha256) is None:
        raise CorruptPackage(
            f"{redact(package.url)}: expected a sha256 of 64 hexadecimal digits, found `{package.sha256}`"
        )
    return f"{stem_of(package)}-{package.sha256}"


def stem_of(package: CondaPackage) -> str:
    """Return the key without the hash; raises as `key_of` does."""
    for key, pattern in (("name", _NAME), ("version", _VERSION_OR_BUILD), ("build", _VERSION_OR_BUILD)):
        value = getattr(package, key)
        if pattern.fullmatch(value) is None or len(value) > 200:
            raise CorruptPackage(f"{redact(package.url)}: the {key} `{value[:80]}` cannot be part of a file name")
    return package.dist_name[:_LONGEST_STEM]
