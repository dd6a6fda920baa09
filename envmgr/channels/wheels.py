"""Wheels as payload: fetched by name with pip, kept in the cache, and laid out as an installer would.

Implements the wheel layout of PEP 427 and `RECORD` and `INSTALLER` of PEP 376 and PEP 627, so that pip sees what
conda installed.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import csv
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envmgr.channels.artifact import PLACEHOLDER, File, Read, is_safe_path
from envmgr.channels.payloads import Selection

_ENTRY_POINT = re.compile(r"(?P<module>[\w.]+)\s*:\s*(?P<object>[\w.]+)\s*(?:\[.*\])?")
_MARK = PLACEHOLDER.encode()
_SCRIPT = """\
#!{prefix}/bin/python
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {first}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({object}())
"""


class BadWheel(ValueError):
    """A wheel contradicts its format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One open wheel file; `dist_info` is its metadata directory, without a trailing slash."""

    archive: zipfile.ZipFile
    file_name: str
    name: str
    version: str
    dist_info: str
    members: tuple[zipfile.ZipInfo, ...]
    entry_points: tuple[tuple[str, str], ...]

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[Wheel]:
        """Open the wheel at `path` for as long as the context lasts.

        Raises BadWheel when it is no zip, a member leaves the archive's root, or there is not exactly one
        `.dist-info` directory.
        """
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, InvalidWheelFilename, OSError) as error:
            raise BadWheel(f"{path.name} cannot be read as a wheel: {error}") from error
        with archive:
            members = tuple(member for member in archive.infolist() if not member.is_dir())
            dist_info = _dist_info(members, path.name)
            yield cls(
                archive=archive,
                file_name=path.name,
                name=canonicalize_name(name),
                version=str(version),
                dist_info=dist_info,
                members=members,
                entry_points=_console_scripts(archive, dist_info, path.name),
            )

    def content(self, member: zipfile.ZipInfo) -> bytes:
        """Return the bytes of a member.

        Raises BadWheel when its checksum is wrong.
        """
        return _content(self.archive, member, self.file_name)

    def licenses(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and text of the licence files that the wheel carries."""
        for member in self.members:
            folder, _, name = member.filename.partition("/")
            if folder == self.dist_info and re.match(r"(licen[cs]es?/|licen[cs]e|copying|notice)", name, re.IGNORECASE):
                yield re.sub(r"^licen[cs]es?/", "", name, flags=re.IGNORECASE), self.content(member)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, where: str) -> bytes:
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        name = member if isinstance(member, str) else member.filename
        raise BadWheel(f"{where}: `{name}` cannot be read: {error}") from error


def _dist_info(members: tuple[zipfile.ZipInfo, ...], where: str) -> str:
    bad = next((member.filename for member in members if not is_safe_path(member.filename)), None)
    if bad is not None:
        raise BadWheel(f"{where}: the member `{bad}` would be written outside the prefix")
    roots = {member.filename.split("/")[0] for member in members}
    found = [root for root in roots if root.endswith(".dist-info")]
    if len(found) != 1:
        raise BadWheel(f"{where}: expected one .dist-info directory, found {len(found)}")
    return found[0]


def _console_scripts(archive: zipfile.ZipFile, dist_info: str, where: str) -> tuple[tuple[str, str], ...]:
    member = f"{dist_info}/entry_points.txt"
    if member not in archive.NameToInfo:
        return ()
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names are case-sensitive
    try:
        parser.read_string(_content(archive, member, where).decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        raise BadWheel(f"{where}: entry_points.txt cannot be read: {error}") from error
    scripts = parser["console_scripts"].items() if parser.has_section("console_scripts") else ()
    return tuple(sorted((name.strip(), value.strip()) for name, value in scripts))


def selected(wheel: Wheel, selection: Selection) -> Iterator[File]:
    """Yield the selected files of a wheel, placed below the prefix, without installing the distribution."""
    for member in wheel.members:
        target = selection.place(member.filename)
        if target is not None:
            yield _file(wheel, member, target)


def installed(wheel: Wheel, selection: Selection, *, site_packages: str, noarch: bool) -> Iterator[File]:
    """Yield the files of an installed distribution, for `site_packages` relative to the prefix.

    For a noarch package they go to `site-packages` and `python-scripts`, where conda expects them, and its entry
    points are left to link.json. Raises BadWheel for an entry point that is none.
    """
    library = "site-packages" if noarch else site_packages
    scripts = "python-scripts" if noarch else "bin"
    record = f"{wheel.dist_info}/RECORD"
    known = _known_hashes(wheel, record)
    rows: list[tuple[str, Read, tuple[str, str] | None]] = []
    for member in wheel.members:
        path = selection.place(member.filename)
        if path is None or member.filename in {record, f"{record}.jws", f"{record}.p7s"}:
            continue
        file = _file(wheel, member, _installed_path(path, library=library, scripts=scripts))
        row = known.get(member.filename)
        if file.path.startswith(f"{scripts}/"):
            file, row = File(file.path, _script_reader(wheel, member), executable=True), None
        rows.append((file.path, file.read, row))
        yield file
    extra = [File(f"{library}/{wheel.dist_info}/INSTALLER", _constant(b"conda\n"))]
    if not noarch:
        extra += [File(f"{scripts}/{name}", _constant(_script(wheel, name, value)), executable=True)
                  for name, value in wheel.entry_points]  # fmt: skip
    yield from extra
    rows += [(file.path, file.read, None) for file in extra]
    if noarch:
        rows += [(f"{scripts}/{name}", lambda: _MARK, None) for name, _ in wheel.entry_points]
    yield File(f"{library}/{record}", lambda: _record(rows, record, library, scripts))


def _installed_path(path: str, *, library: str, scripts: str) -> str:
    match = re.fullmatch(r"[^/]+\.data/(?P<scheme>[^/]+)/(?P<rest>.+)", path)
    if match is None:
        return f"{library}/{path}"
    roots = {"purelib": library, "platlib": library, "scripts": scripts, "headers": "include", "data": ""}
    if match["scheme"] not in roots:
        raise BadWheel(f"`{path}`: unknown scheme `{match['scheme']}` (PEP 427)")
    root = roots[match["scheme"]]
    return f"{root}/{match['rest']}" if root else match["rest"]


def _file(wheel: Wheel, member: zipfile.ZipInfo, target: str) -> File:
    def read() -> bytes:
        return wheel.content(member)

    return File(target, read, executable=bool((member.external_attr >> 16) & 0o111))


def _script_reader(wheel: Wheel, member: zipfile.ZipInfo) -> Read:
    def read() -> bytes:
        data = wheel.content(member)
        return re.sub(rb"\A#!python[^\n]*", f"#!{PLACEHOLDER}/bin/python".encode(), data)

    return read


def _constant(data: bytes) -> Read:
    return lambda: data


def _script(wheel: Wheel, name: str, value: str) -> bytes:
    match = _ENTRY_POINT.fullmatch(value)
    if match is None or "/" in name or name in {"", ".", ".."}:
        raise BadWheel(f"{wheel.file_name}: `{name} = {value}` is not an entry point")
    text = _SCRIPT.format(
        prefix=PLACEHOLDER, module=match["module"], object=match["object"], first=match["object"].split(".")[0]
    )
    return text.encode()


def _known_hashes(wheel: Wheel, record: str) -> dict[str, tuple[str, str]]:
    """Return what the wheel's own RECORD says of its members: name → hash, size."""
    if record not in wheel.archive.NameToInfo:
        raise BadWheel(f"{wheel.file_name}: there is no `{record}` (PEP 427)")
    text = _content(wheel.archive, record, wheel.file_name).decode(errors="replace")
    rows = (row for row in csv.reader(io.StringIO(text)) if len(row) == 3)
    return {name: (digest, size) for name, digest, size in rows if digest}


def _record(rows: list[tuple[str, Read, tuple[str, str] | None]], record: str, library: str, scripts: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for path, read, known in sorted(rows, key=lambda row: row[0]):
        name = os.path.relpath(path, library)
        if scripts == "python-scripts" and path.startswith("python-scripts/"):
            name = "../../../bin/" + path.partition("/")[2]  # where conda installs it
        row = known
        if row is None:
            data = read()
            # PEP 376 lets the hash be absent; installation changes what has a placeholder.
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            row = ("", "") if _MARK in data else (f"sha256={digest}", str(len(data)))
        writer.writerow((name, *row))
    writer.writerow((record, "", ""))
    return text.getvalue().encode()
