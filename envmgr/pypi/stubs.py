"""Stub wheels: how the pip resolution is bound to what conda provides.

Constraints on versions are not enough (see the design): given a version that the index lacks, uv walks back to an
ancient release of whatever requires it. A stub has exactly conda's name and version and needs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from envmgr.errors import StoreError
from envmgr.pypi.provided import Distribution
from envmgr.pypi.target import Target
from envmgr.urls import file_url

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(provided: Iterable[Distribution], target: Target, directory: Path) -> dict[str, str]:
    """Write a stub wheel for each distribution below `directory`; return name → URL constraint (`name @ file://…`).

    Same input, same bytes, same place: uv's own cache of them stays warm. Raises StoreError.
    """
    constraints = {}
    for distribution in provided:
        text = metadata(distribution, target)
        constraints[distribution.name] = _constraint(distribution.name, distribution.version, text, directory)
    return constraints


def placeholder(name: str, directory: Path) -> str:
    """Return the URL constraint that binds `name` to a version that nothing has, so that no index is asked for it."""
    version = "0+unavailable"
    return _constraint(name, version, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", directory)


def metadata(distribution: Distribution, target: Target) -> str:
    """Return the stub's METADATA: no unconditional requirement, the extras with what they need on this target."""
    lines = ["Metadata-Version: 2.1", f"Name: {distribution.name}", f"Version: {distribution.version}"]
    lines += [f"Provides-Extra: {extra}" for extra in distribution.extras]
    for text in distribution.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # conda installed it so; only what an extra would add is ours to resolve
        if requirement.marker is None or target.wants(requirement):
            continue
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        for extra in distribution.extras:
            if target.wants(requirement, extra):
                lines.append(f"Requires-Dist: {requirement.name}{extras}{requirement.specifier} ; extra == '{extra}'")
    return "\n".join(lines) + "\n"


def _constraint(name: str, version: str, text: str, directory: Path) -> str:
    stem = f"{name.replace('-', '_')}-{version}"
    return f"{name} @ {file_url(_write(_wheel(stem, text), stem, directory))}"


def _wheel(stem: str, text: str) -> bytes:
    dist_info = f"{stem}.dist-info"
    members = {
        f"{dist_info}/METADATA": text.encode(),
        f"{dist_info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: envmgr\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in members.items()
    )
    members[f"{dist_info}/RECORD"] = f"{record}{dist_info}/RECORD,,\n".encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in members.items():
            zipped.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return archive.getvalue()


def _write(data: bytes, stem: str, directory: Path) -> Path:
    place = directory / hashlib.sha256(data).hexdigest()[:16]
    path = place / f"{stem}-py3-none-any.whl"
    try:
        if path.is_file() and path.read_bytes() == data:
            return path
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"{place} cannot be written: {error.strerror}") from error
    return path
