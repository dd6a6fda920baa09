"""What an extracted artifact says about itself: info/index.json, info/paths.json or its forerunners, info/link.json."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.artifacts.trees import Tree

DEFAULT_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"
_LARGEST = 64 * 1024 * 1024  # bytes of one info file; paths.json of 100,000 paths has 20 MiB
_KINDS = ("hardlink", "softlink", "directory")


class Faulty(Exception):
    """A file of the artifact cannot be used; turned into CorruptPackage where the artifact is known."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} {what}")
        self.path = path
        self.what = what


class ListedPath(NamedTuple):
    """One path that the artifact says it installs; `kind` is hardlink, softlink or directory.

    With `no_link`, its contents are copied into every prefix.
    """

    path: str
    kind: str
    size: int | None
    sha256: str | None
    placeholder: str | None
    file_mode: str | None
    no_link: bool = False


def read_index(directory: Path, tree: Tree) -> dict[str, Any]:
    """Return info/index.json; raises Faulty where it is absent or no mapping."""
    document = _read_json(directory, tree, "info/index.json")
    if document is None:
        raise Faulty("info/index.json", "is missing")
    return document


def read_listing(directory: Path, tree: Tree) -> list[ListedPath]:
    """Return what info/paths.json lists or, in artifacts older than it, info/files; raises Faulty."""
    document = _read_json(directory, tree, "info/paths.json")
    if document is None:
        return _read_old_listing(directory, tree)
    entries = document.get("paths")
    if not isinstance(entries, list):
        raise Faulty("info/paths.json", "has no list `paths`")
    return [_listed_path(entry, position) for position, entry in enumerate(entries)]


def read_entry_points(directory: Path, tree: Tree) -> list[str]:
    """Return the entry points of info/link.json (noarch python, CEP 20); raises Faulty."""
    document = _read_json(directory, tree, "info/link.json") or {}
    noarch = document.get("noarch")
    points = noarch.get("entry_points", []) if isinstance(noarch, dict) else []
    if points is None:
        return []
    if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
        raise Faulty("info/link.json", "has `entry_points` that are not a list of text")
    return points


def _read_json(directory: Path, tree: Tree, path: str) -> dict[str, Any] | None:
    text = _read_text(directory, tree, path)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Faulty(path, f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Faulty(path, f"is not a mapping but {type(document).__name__}")
    return document


def _read_text(directory: Path, tree: Tree, path: str) -> str | None:
    if path in tree.links or path in tree.directories:
        raise Faulty(path, "is not a regular file")
    size = tree.files.get(path)
    if size is None:
        return None
    if size > _LARGEST:
        raise Faulty(path, f"has {size} bytes; at most {_LARGEST} are read")
    try:
        return (directory / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Faulty(path, f"is not UTF-8: {error}") from error


def _listed_path(entry: object, position: int) -> ListedPath:
    where = f"paths[{position}]"
    if not isinstance(entry, dict):
        raise Faulty("info/paths.json", f"has no mapping in {where}")
    get: Any = entry.get
    listed = ListedPath(
        get("_path"),
        get("path_type"),
        get("size_in_bytes"),
        get("sha256"),
        get("prefix_placeholder"),
        get("file_mode"),
        get("no_link") is True,
    )
    path, kind, size, sha256, placeholder, mode, _ = listed
    if type(path) is not str:
        raise Faulty("info/paths.json", f"has no text `_path` in {where}")
    if kind not in _KINDS:
        raise Faulty("info/paths.json", f"has path_type `{kind}` in {where}; expected hardlink, softlink or directory")
    if not (size is None or type(size) is int) or not all(
        value is None or type(value) is str for value in (sha256, placeholder, mode)
    ):
        raise Faulty("info/paths.json", f"has a value of the wrong type in {where}")
    return listed


def _read_old_listing(directory: Path, tree: Tree) -> list[ListedPath]:
    text = _read_text(directory, tree, "info/files")
    if text is None:
        raise Faulty("info/paths.json", "is missing, and so is info/files")
    placeholders = _read_has_prefix(directory, tree)
    copied = {
        line.strip()
        for name in ("info/no_link", "info/no_softlink")
        for line in (_read_text(directory, tree, name) or "").splitlines()
    }
    listing = []
    for line in text.splitlines():
        path = line.strip()
        if not path:
            continue
        kind = "softlink" if path in tree.links else "directory" if path in tree.directories else "hardlink"
        placeholder, mode = placeholders.get(path, (None, None))
        listing.append(ListedPath(path, kind, None, None, placeholder, mode, path in copied))
    listed = {entry.path for entry in listing}
    for path in placeholders.keys() - listed:
        raise Faulty("info/has_prefix", f"names `{path}`, which info/files does not list")
    return listing


def _read_has_prefix(directory: Path, tree: Tree) -> dict[str, tuple[str, str]]:
    """Read `PATH`, or `PLACEHOLDER MODE PATH` where each may be quoted, a line (conda-build 1)."""
    placeholders = {}
    for line in (_read_text(directory, tree, "info/has_prefix") or "").splitlines():
        try:
            pieces = [piece.strip("\"'") for piece in shlex.split(line, posix=False)]
        except ValueError as error:
            raise Faulty("info/has_prefix", f"has a line that cannot be read: {line[:80]}") from error
        if len(pieces) == 1:
            placeholders[pieces[0]] = (DEFAULT_PLACEHOLDER, "text")
        elif len(pieces) == 3:
            placeholders[pieces[2]] = (pieces[0], pieces[1])
        elif pieces:
            raise Faulty("info/has_prefix", f"has a line that cannot be read: {line[:80]}")
    return placeholders
