"""pylock.toml (PEP 751) as what is wanted: each package exactly as it is locked there.

Which package is wanted depends on the target, so each keeps its marker and its entry; what the lock says of extras
and dependency groups is settled here, since those are chosen.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker
from packaging.utils import canonicalize_name

from envmgr.spec import pip_files
from envmgr.spec.faults import Faults, SpecFault, shown
from envmgr.spec.files import base_of
from envmgr.spec.machine_markers import ALWAYS, NEVER, always_holds, may_hold
from envmgr.spec.model import EnvironmentSpec, Origin, Requirement
from envmgr.urls import file_url, is_url, path_of_file_url, redact, without_literal_credentials

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SOURCES = ("vcs", "directory", "archive", "sdist", "wheels")
_CHOSEN = re.compile(
    r"""(?P<quote>["'])(?P<name>[^"']+)(?P=quote)\s+(?P<no>not\s+)?in\s+(?P<kind>extras|dependency_groups)"""
)


def read(
    text: str, *, source: str, platform: str, extras: Sequence[str] = (), groups: Sequence[str] | None = None
) -> EnvironmentSpec:
    """Return what the lock in `text` has for `platform` (a subdir), with `extras` and dependency `groups` (None: those
    that it names as its default).

    Raises one SpecError that names every fault: another version of the format, another platform, an extra or a group
    that it has not, an entry that has no source.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    lock = _Lock(text, source, label, faults)
    found = EnvironmentSpec(
        dependencies=lock.python(),
        pip=tuple(lock.requirements(platform, extras, groups)),
        pip_base=base_of(source),
        sources=(label,),
    )
    faults.raise_if_any()
    return found


class _Lock:
    def __init__(self, text: str, source: str, label: str, faults: Faults) -> None:
        self.source, self.label, self.faults = source, label, faults
        self.lines = text.splitlines()
        self.document: Mapping[str, Any] = {}
        try:
            self.document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            faults.add(None, f"not TOML: {error}")
            return
        version = str(self.document.get("lock-version", ""))
        if version.partition(".")[0] != "1":
            faults.add(self._line("lock-version"), f"lock-version {shown(version)} is not known; this envmgr reads 1.0")

    def python(self) -> tuple[Any, ...]:
        text = self.document.get("requires-python")
        if not isinstance(text, str) or not text.strip():
            return ()
        line = self._line("requires-python")
        try:
            return (pip_files.python(text, Origin(source=self.label, line=line)),)
        except SpecFault as fault:
            self.faults.add_fault(line, fault)
            return ()

    def requirements(self, platform: str, extras: Sequence[str], groups: Sequence[str] | None) -> Iterator[Requirement]:
        packages = self.document.get("packages", [])
        if self.faults.found:
            return
        if not isinstance(packages, list) or not all(isinstance(entry, Mapping) for entry in packages):
            self.faults.add(self._line("packages"), "`packages`: expected tables `[[packages]]`")
            return
        chosen = {
            "extras": set(self._chosen(extras, "extras", "extra")),
            "dependency_groups": set(self._chosen(
                self.document.get("default-groups", ()) if groups is None else groups, "dependency-groups",
                "dependency group",
            )),
        }  # fmt: skip
        if not any(may_hold(marker, platform) for marker in self.document.get("environments", ()) or [""]):
            self.faults.add(
                self._line("environments"), f"the lock is for other machines, not for {platform}",
                "lock it for this platform with the tool that wrote it",
            )  # fmt: skip
            return
        for index, entry in enumerate(packages):
            yield from self._package(entry, f"packages[{index}]", platform, chosen)

    def _chosen(self, names: Iterable[str], key: str, what: str) -> Iterator[str]:
        there = [canonicalize_name(str(name)) for name in self.document.get(key, ())]
        for name in map(canonicalize_name, names):
            if name in there or (key == "dependency-groups" and name in self.document.get("default-groups", ())):
                yield name
                continue
            near = difflib.get_close_matches(name, there, n=1)
            mend = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(there) or 'none'}"
            self.faults.add(None, f"the lock has no {what} {shown(name)}", mend)

    def _package(
        self, entry: Mapping[str, Any], where: str, platform: str, chosen: Mapping[str, set[str]]
    ) -> Iterator[Requirement]:
        name = entry.get("name")
        line = self._line(f'"{name}"') or self._line(f"'{name}'")
        if not isinstance(name, str) or not name:
            self.faults.add(line, f"{where}: there is no `name`")
            return
        if not any(entry.get(key) for key in _SOURCES):
            self.faults.add(line, f"{where}: {shown(name)} has no source: expected one of {', '.join(_SOURCES)}")
            return
        try:
            marker = _settled(str(entry.get("marker", "")), chosen)
            if not may_hold(marker, platform):
                return
        except (InvalidMarker, RecursionError):
            self.faults.add(line, f"{where}: {shown(str(entry['marker']))} is no marker (PEP 508)")
            return
        yield self._requirement(entry, canonicalize_name(name), marker, Origin(source=self.label, line=line))

    def _requirement(self, entry: Mapping[str, Any], name: str, marker: str, origin: Origin) -> Requirement:
        base = base_of(self.source)
        placed = {**entry, **{key: _placed(entry[key], base) for key in _SOURCES if key in entry}}
        behind = f" ; {marker}" if marker else ""
        content = json.dumps(placed, default=str, sort_keys=True)
        url, is_editable = _url(placed)
        if url is None:
            text = f"{name}=={entry['version']}{behind}" if entry.get("version") else f"{name}{behind}"
            return Requirement(text=text, name=name, origin=origin, entry=content)
        where = without_literal_credentials(url)
        path = path_of_file_url(url.partition("#")[0])
        if path is not None and base:
            relative = os.path.relpath(path, base)
            where = relative if relative.startswith(".") else f"./{relative}"
        text = f"{'-e ' if is_editable else ''}{name} @ {where}{behind}"
        return Requirement(
            text=text, name=name, origin=origin, url=url, marker=marker, is_editable=is_editable, entry=content
        )

    def _line(self, text: str) -> int | None:
        """Return the first line with a text: tomllib tells none."""
        return next((number for number, line in enumerate(self.lines, start=1) if text in line), None)


def _placed(source: Any, base: str) -> Any:
    """Return a source with its relative path made absolute."""
    if isinstance(source, list):
        return [_placed(each, base) for each in source]
    if isinstance(source, Mapping) and "path" in source and not source.get("url"):
        return {**source, "path": str(Path(base, str(source["path"])))}
    return source


def _url(entry: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return the PEP 508 URL of an entry that is no package of an index, and whether it is editable."""
    for key in ("vcs", "directory", "archive"):
        source = entry.get(key)
        if not isinstance(source, Mapping):
            continue
        where = str(source.get("url") or "")
        if not is_url(where):
            where = file_url(Path(str(source.get("path", ""))).absolute())
        where = f"git+{where}@{source.get('commit-id', '')}" if key == "vcs" else where
        subdirectory = source.get("subdirectory")
        return where + (f"#subdirectory={subdirectory}" if subdirectory else ""), bool(source.get("editable"))
    return None, False


def _settled(marker: str, chosen: Mapping[str, set[str]]) -> str:
    """Return a marker without what it says of extras and dependency groups: those are chosen."""

    def value(match: re.Match[str]) -> str:
        is_in = canonicalize_name(match["name"]) in chosen[match["kind"]]
        return ALWAYS if is_in != bool(match["no"]) else NEVER

    text = _CHOSEN.sub(value, marker)
    if text == marker or "full_version" in text or "implementation_version" in text:
        return text
    return "" if always_holds(text) else text
