"""Small real conda packages, byte for byte under the test's control, hostile ones included."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(kw_only=True)
class Package:
    """What goes into one artifact. `files` maps paths in the prefix to contents (str targets in `symlinks`).

    `paths` overrides what info/paths.json says, `index` adds to or overrides keys of info/index.json,
    `info` adds raw files below info/, `placeholders` maps a path to (placeholder, "text" or "binary"), `members`
    are raw tar members (with their data) that the payload begins with, for what no honest tool would pack.
    """

    name: str
    version: str = "1.0"
    build: str = "0"
    build_number: int = 0
    subdir: str = "noarch"
    noarch: str | None = "generic"
    depends: Sequence[str] = ()
    constrains: Sequence[str] = ()
    timestamp: int | None = 1_600_000_000_000
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    symlinks: Mapping[str, str] = field(default_factory=dict)
    executable: Sequence[str] = ()
    placeholders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    paths: list[dict[str, Any]] | None = None
    index: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, bytes | str] = field(default_factory=dict)
    entry_points: Sequence[str] = ()
    members: Sequence[tuple[tarfile.TarInfo, bytes]] = ()

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    def index_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.build_number,
            "subdir": self.subdir,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
        }
        if self.subdir == "noarch" and self.noarch:
            document["noarch"] = self.noarch
        if self.timestamp is not None:
            document["timestamp"] = self.timestamp
        document.update(self.index)
        return document

    def paths_json(self) -> dict[str, Any]:
        if self.paths is not None:
            return {"paths": self.paths, "paths_version": 1}
        entries: list[dict[str, Any]] = []
        for path, content in sorted(self.files.items()):
            data = content.encode() if isinstance(content, str) else content
            entry: dict[str, Any] = {
                "_path": path,
                "path_type": "hardlink",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_in_bytes": len(data),
            }
            if path in self.placeholders:
                entry["prefix_placeholder"], entry["file_mode"] = self.placeholders[path]
            entries.append(entry)
        for path in sorted(self.symlinks):
            entries.append({"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(),
                            "size_in_bytes": 0})  # fmt: skip
        return {"paths": entries, "paths_version": 1}

    def info_files(self) -> dict[str, bytes]:
        files = {
            "info/index.json": json.dumps(self.index_json()).encode(),
            "info/paths.json": json.dumps(self.paths_json()).encode(),
            "info/files": "".join(f"{path}\n" for path in sorted([*self.files, *self.symlinks])).encode(),
        }
        if self.noarch == "python" and self.subdir == "noarch":
            noarch: dict[str, Any] = {"type": "python"}
            if self.entry_points:
                noarch["entry_points"] = list(self.entry_points)
            files["info/link.json"] = json.dumps({"noarch": noarch, "package_metadata_version": 1}).encode()
        for name, content in self.info.items():
            files[f"info/{name}"] = content.encode() if isinstance(content, str) else content
        return files

    def write(self, channel: Path, *, extension: str = ".conda") -> Path:
        """Write the artifact below `channel`/subdir and return its path."""
        directory = channel / self.subdir
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.stem}{extension}"
        path.write_bytes(self._conda() if extension == ".conda" else self._tar_bz2())
        return path

    def _members(self, tar: tarfile.TarFile) -> None:
        for raw, data in self.members:
            tar.addfile(raw, io.BytesIO(data) if raw.isreg() else None)
        for name, content in sorted(self.files.items()):
            _add(tar, name, content.encode() if isinstance(content, str) else content,
                 mode=0o755 if name in self.executable else 0o644)  # fmt: skip
        for name, target in sorted(self.symlinks.items()):
            member = tarfile.TarInfo(name)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            tar.addfile(member)

    def _conda(self) -> bytes:
        payload, info = io.BytesIO(), io.BytesIO()
        with tarfile.open(fileobj=payload, mode="w") as tar:
            self._members(tar)
        with tarfile.open(fileobj=info, mode="w") as tar:
            for name, data in sorted(self.info_files().items()):
                _add(tar, name, data)
        compress = zstandard.ZstdCompressor(level=1).compress
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
            for name, data in (
                ("metadata.json", b'{"conda_pkg_format_version": 2}'),
                (f"pkg-{self.stem}.tar.zst", compress(payload.getvalue())),
                (f"info-{self.stem}.tar.zst", compress(info.getvalue())),
            ):
                zipped.writestr(zipfile.ZipInfo(name, EPOCH), data)
        return archive.getvalue()

    def _tar_bz2(self) -> bytes:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:bz2") as tar:
            for name, data in sorted(self.info_files().items()):
                _add(tar, name, data)
            self._members(tar)
        return archive.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = mode
    tar.addfile(member, io.BytesIO(data))
