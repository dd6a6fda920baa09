"""What the indexes in use have, looked up for a hint: names that they list, releases of one name.

An index whose root listing (PEP 503, PEP 691) is small is asked for it; a large one, such as PyPI, is not. Nothing here
raises: where an index gives no answer, there is no hint.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from envmgr.errors import PipError
from envmgr.pypi import compilation, http, nearest
from envmgr.pypi.compilation import Question
from envmgr.pypi.uv import Uv
from envmgr.urls import path_of_file_url

_LARGEST = 1024 * 1024  # bytes of a listing; PyPI's has 40 million


def listed(uv: Uv) -> frozenset[str]:
    """Return the names that the configured indexes list, those of large and unreachable ones left out."""
    urls = () if uv.offline else uv.indexes.index_urls()
    bare = (re.sub(r"^[A-Za-z0-9._-]+=", "", url) for url, _ in urls)  # uv's variables may name an index: NAME=URL
    return frozenset(name for url in bare if "://" in url for name in _names(url, uv))


def known_well(name: str, uv: Uv, question: Question) -> tuple[str, ...]:
    """Return names of much used distributions that look like `name` and that an index in use has."""
    return tuple(each for each in nearest.known_well(name) if newest(each, uv, question, most=1))


def newest(name: str, uv: Uv, question: Question, *, most: int = 6) -> tuple[str, ...]:
    """Return the newest releases of `name` that could answer for the target of `question`, the newest first."""
    alone = replace(
        question, requirements=(), stubs={}, locked=(), constraints=(), pinned=(), blocked={}, hashes={},
        builds=compilation.Builds(), options=replace(question.options, no_deps=True),
    )  # fmt: skip
    found: list[str] = []
    for _ in range(most):
        below = f"<{found[-1]}" if found else ""
        try:
            node = compilation.graph(uv, replace(alone, requirements=(f"{name}{below}",))).get(name)
        except PipError:
            break
        if node is None or node.version is None:
            break
        found.append(node.version)
    return tuple(found)


def pinned_to_others(name: str, uv: Uv) -> str | None:
    """Return the name of an index that has `name`, and that answers for the packages pinned to it only."""
    for index in () if uv.offline else uv.indexes.pinned:
        url = f"{uv.indexes.with_user(index).rstrip('/')}/{name}"
        directory = path_of_file_url(url)
        try:
            if directory is not None:
                if directory.is_dir():
                    return index.name
                continue
            with http.opener(uv).open(http.request(url), timeout=http.SECONDS):
                return index.name
        except (OSError, ValueError):
            continue  # only a hint is wanted
    return None


def _names(url: str, uv: Uv) -> Iterator[str]:
    directory = path_of_file_url(url)
    try:
        if directory is not None:
            yield from _below(directory)
            return
        with http.opener(uv).open(http.request(url), timeout=http.SECONDS) as answer:
            if int(answer.headers.get("Content-Length") or 0) > _LARGEST:
                return
            data = answer.read(_LARGEST + 1)  # it may not say its length
        if len(data) > _LARGEST:
            return
        text = data.decode("utf-8", "replace")
        if "json" in answer.headers.get("Content-Type", ""):
            projects = json.loads(text)["projects"]
            yield from (str(each["name"]) for each in projects)
        else:
            yield from re.findall(r"<a\b[^>]*>\s*([A-Za-z0-9._-]+)\s*</a>", text, re.IGNORECASE)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return  # only a hint is wanted


def _below(directory: Path) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for number, entry in enumerate(entries):
            if number > _LARGEST // 32:
                return
            if entry.is_dir():
                yield entry.name
