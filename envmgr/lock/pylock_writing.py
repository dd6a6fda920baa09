"""pylock.toml (PEP 751): the pip view of both halves, each distribution with the wheel that an index has of it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from envmgr.lock.model import PipPackage
from envmgr.urls import without_credentials


def dumps(packages: Iterable[PipPackage], *, requires_python: str, environment: str) -> str:
    """Return the lock of `packages`, which is for the machines of the PEP 508 marker `environment` alone."""
    lines = [
        'lock-version = "1.0"',
        f"environments = [{_text(environment)}]",
        f"requires-python = {_text(requires_python)}",
        'created-by = "envmgr"',
    ]
    found = sorted(packages, key=lambda package: package.name)
    if not found:
        lines.append("packages = []")
    for package in found:
        lines += ["", "[[packages]]", f"name = {_text(package.name)}", f"version = {_text(package.version)}"]
        if package.index_url:
            lines.append(f"index = {_text(without_credentials(package.index_url))}")
        size = "" if package.size is None else f", size = {package.size}"
        lines += [
            "",
            "[[packages.wheels]]",
            f"name = {_text(package.filename)}",
            f"url = {_text(without_credentials(package.url))}{size and chr(10)}{size[2:]}",
            f"hashes = {{ sha256 = {_text(package.sha256)} }}",
        ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
