"""pylock.toml (PEP 751): the pip view of both halves, each distribution with the wheel that an index has of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import parse_qsl

from envmgr.lock.model import PipPackage
from envmgr.urls import path_of_file_url, without_credentials


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
        lines += ["", "[[packages]]", f"name = {_text(package.name)}"]
        if package.kind not in ("directory", "editable"):  # theirs may change
            lines.append(f"version = {_text(package.version)}")
        if package.index_url:
            lines.append(f"index = {_text(without_credentials(package.index_url))}")
        if package.kind != "wheel":
            lines.append(inline_source(package))
            continue
        size = "" if package.size is None else f", size = {package.size}"
        lines += [
            "",
            "[[packages.wheels]]",
            f"name = {_text(package.filename)}",
            f"url = {_text(without_credentials(package.url))}{size and chr(10)}{size[2:]}",
            f"hashes = {{ sha256 = {_text(package.sha256)} }}",
        ]
    return "\n".join(lines) + "\n"


def inline_source(package: PipPackage) -> str:
    """Return where a package comes from, as one key of its `[[packages]]` table."""
    url, _, fragment = package.url.partition("#")
    subdirectory = dict(parse_qsl(fragment)).get("subdirectory")
    below = f", subdirectory = {_text(subdirectory)}" if subdirectory else ""
    if package.kind == "vcs":
        url, _, commit = url.removeprefix("git+").rpartition("@")
        revision = f", requested-revision = {_text(package.revision)}" if package.revision else ""
        return f'vcs = {{ type = "git", url = {_text(url)}{revision}, commit-id = {_text(commit)}{below} }}'
    if package.kind in ("directory", "editable"):
        editable = ", editable = true" if package.kind == "editable" else ""
        return f"directory = {{ path = {_text(str(path_of_file_url(url)))}{editable}{below} }}"
    size = "" if package.size is None else f", size = {package.size}"
    hashes = f"hashes = {{ sha256 = {_text(package.sha256)} }}"
    if package.kind == "archive":
        path = path_of_file_url(url)
        where = f"url = {_text(url)}" if path is None else f"path = {_text(str(path))}"
        return f"archive = {{ {where}{size}{below}, {hashes} }}"
    artifact = f"{{ name = {_text(package.filename)}, url = {_text(url)}{size}, {hashes} }}"
    return f"sdist = {artifact}" if package.kind == "sdist" else f"wheels = [{artifact}]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
