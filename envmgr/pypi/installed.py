"""What the conda packages of a prefix provide of the Python world, read from their records and the METADATA there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.lock.model import CondaPackage

_METADATA = re.compile(r"(?:lib/python[^/]+|Lib)/site-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)")
_LIMIT = 8 * 1024 * 1024  # bytes


def with_distributions(prefix: Path, packages: Sequence[CondaPackage]) -> tuple[CondaPackage, ...]:
    """Return the packages with the `distributions` that each brought into `prefix`; what cannot be read brought none.

    A distribution that several packages bring is that of its namesake, as in `provided`.
    """
    found: dict[str, tuple[bool, str, str]] = {}
    for package in packages:
        for name, version in _distributions(prefix, package):
            rank = (canonicalize_name(package.name) != name, package.name, f"{name}=={version}")
            if name not in found or rank < found[name]:
                found[name] = rank
    owned: dict[str, list[str]] = {}
    for _, owner, text in found.values():
        owned.setdefault(owner, []).append(text)
    return tuple(package._replace(distributions=tuple(sorted(owned.get(package.name, ())))) for package in packages)


def _distributions(prefix: Path, package: CondaPackage) -> Iterator[tuple[str, str]]:
    try:
        record = json.loads((prefix / "conda-meta" / f"{package.dist_name}.json").read_bytes())
        paths = [path for path in record.get("files") or () if isinstance(path, str) and _METADATA.fullmatch(path)]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return
    for path in sorted(paths):
        try:
            with (prefix / path).open("rb") as stream:
                text = stream.read(_LIMIT).decode("utf-8", "replace")
            message = HeaderParser().parsestr(text, headersonly=True)
            yield canonicalize_name(str(message["Name"]).strip()), str(Version(str(message["Version"]).strip()))
        except (OSError, InvalidVersion):  # no name that an index could know
            continue
