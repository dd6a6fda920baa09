"""Writing one `.conda` artifact from files and metadata: same input, same bytes.

Implements the layout of CEP 35 (`.conda`), with `info/index.json`, `paths.json` (CEP 34), `link.json` for noarch
python packages and `run_exports.json` (CEP 12).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# 255 characters, as conda-build writes: a binary can only be patched to a prefix that is not longer.
PLACEHOLDER = ("/opt/envmgr" + "_placehold" * 25)[:255]
_MARK = PLACEHOLDER.encode()
_EPOCH = 1_577_836_800  # 2020-01-01, seconds: artifacts carry no clock
_ZIP_EPOCH = (2020, 1, 1, 0, 0, 0)
_LEVEL = 3


Read = Callable[[], bytes]


class File(NamedTuple):
    """One file of a package; `path` is relative to the prefix and uses `/`, `link` is a symlink's target."""

    path: str
    read: Read
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What `info/` says of a package; strings are as the formats want them."""

    name: str
    version: str
    build: str
    build_number: int = 0
    subdir: str
    noarch: str | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    track_features: tuple[str, ...] = ()
    license: str | None = None
    python_site_packages_path: str | None = None
    entry_points: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    run_exports: Mapping[str, Any] = field(default_factory=dict)
    info_files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def file_name(self) -> str:
        return f"{self.stem}.conda"

    def index(self) -> dict[str, Any]:
        """Return the document of `info/index.json`."""
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.build_number,
            "subdir": self.subdir,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "timestamp": _EPOCH * 1000,
        }
        optional = {
            "noarch": self.noarch,
            "license": self.license,
            "track_features": " ".join(self.track_features),
            "python_site_packages_path": self.python_site_packages_path,
        }
        return document | {key: value for key, value in optional.items() if value}


def is_safe_path(path: str) -> bool:
    """Whether `path` stays inside the directory it is relative to, on every platform."""
    pieces = path.split("/")
    return bool(path) and "\\" not in path and "\0" not in path and not any(p in {"", ".", ".."} for p in pieces)


def write(directory: Path, metadata: Metadata, files: Iterable[File], *, threads: int = 1) -> Path:
    """Write `directory/<name>-<version>-<build>.conda` and return its path.

    Raises ValueError for a path or symlink that leaves the prefix, for two files of one path, and for files below
    `info/`, which the format keeps for itself.
    """
    target = directory / metadata.file_name
    ordered = sorted(files, key=lambda file: file.path)
    _check(ordered)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("metadata.json", _ZIP_EPOCH), b'{"conda_pkg_format_version": 2}')
        with _component(archive, f"pkg-{metadata.stem}.tar.zst", threads) as tar:
            entries = [_pack(tar, file) for file in ordered]
        with _component(archive, f"info-{metadata.stem}.tar.zst", threads) as tar:
            for name, data in sorted(_info(metadata, entries).items()):
                _add(tar, f"info/{name}", data)
    return target


def _check(ordered: list[File]) -> None:
    seen: set[str] = set()
    for file in ordered:
        if not is_safe_path(file.path):
            raise ValueError(f"`{file.path}` is not a path inside the prefix")
        if file.path.split("/")[0] == "info":
            raise ValueError(f"`{file.path}`: the directory `info` belongs to the package format")
        if file.path in seen:
            raise ValueError(f"`{file.path}` is packed twice")
        if file.link is not None and not _link_stays_inside(file):
            raise ValueError(f"`{file.path}` is a link to `{file.link}`, outside the prefix")
        seen.add(file.path)
    for path in seen:
        above = next((str(parent) for parent in PurePosixPath(path).parents if str(parent) in seen), None)
        if above is not None:
            raise ValueError(f"`{above}` is packed as a file and as a directory")


def _link_stays_inside(file: File) -> bool:
    assert file.link is not None
    if not file.link or file.link.startswith("/"):
        return False
    depth = file.path.count("/")
    for piece in file.link.split("/"):
        depth += -1 if piece == ".." else 0 if piece in {"", "."} else 1
        if depth < 0:
            return False
    return True


def _pack(tar: tarfile.TarFile, file: File) -> dict[str, Any]:
    if file.link is not None:
        member = tarfile.TarInfo(file.path)
        member.type = tarfile.SYMTYPE
        member.linkname = file.link
        member.mtime = _EPOCH
        member.mode = 0o777
        tar.addfile(member)
        empty = hashlib.sha256(b"").hexdigest()
        return {"_path": file.path, "path_type": "softlink", "sha256": empty, "size_in_bytes": 0}
    data = file.read()
    _add(tar, file.path, data, executable=file.executable)
    entry: dict[str, Any] = {
        "_path": file.path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if _MARK in data:
        entry["prefix_placeholder"] = PLACEHOLDER
        entry["file_mode"] = "binary" if b"\0" in data else "text"
    return entry


def _info(metadata: Metadata, entries: list[dict[str, Any]]) -> dict[str, bytes]:
    files: dict[str, bytes] = dict(metadata.info_files)
    files["index.json"] = _json(metadata.index())
    files["paths.json"] = _json({"paths": entries, "paths_version": 1})
    files["files"] = "".join(f"{entry['_path']}\n" for entry in entries).encode()
    files["about.json"] = _json(metadata.about)
    if metadata.run_exports:
        files["run_exports.json"] = _json(metadata.run_exports)
    if metadata.noarch == "python":
        noarch: dict[str, Any] = {"type": "python"}
        if metadata.entry_points:
            noarch["entry_points"] = list(metadata.entry_points)
        files["link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
    return files


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes, *, executable: bool = False) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o755 if executable else 0o644
    member.mtime = _EPOCH
    tar.addfile(member, io.BytesIO(data))


@contextlib.contextmanager
def _component(archive: zipfile.ZipFile, name: str, threads: int) -> Iterator[tarfile.TarFile]:
    """Open a tar inside the zip for writing: tar → zstd → zip, without a temporary file."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        # A worker count of at least one makes the bytes independent of how many there are.
        zstd.CompressionParameter.nb_workers: max(threads, 1),
    }
    with (
        archive.open(zipfile.ZipInfo(name, _ZIP_EPOCH), "w", force_zip64=True) as member,
        zstd.ZstdFile(member, mode="w", options=options) as stream,
        tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar
