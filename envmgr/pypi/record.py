"""RECORD: what a distribution installed, with hashes and sizes (PEP 376, PEP 627)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import posixpath
from pathlib import Path

from envmgr.errors import PipError
from envmgr.relative_paths import joined


class Record:
    """The RECORD of one distribution below `root`; changes are kept until `write`.

    `files` are paths relative to `root`. Reading raises PipError for a RECORD that cannot be read or that names a
    path outside `root`.
    """

    def __init__(self, path: Path, *, root: Path, rows: dict[str, tuple[str, str]]) -> None:
        self.path = path
        self.root = root
        self._rows = rows
        self._changed = False

    @classmethod
    def read(cls, path: Path, *, root: Path) -> Record:
        site_packages = path.parent.parent.relative_to(root).as_posix()
        rows: dict[str, tuple[str, str]] = {}
        try:
            lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        except (UnicodeDecodeError, csv.Error) as error:
            raise PipError(f"{path.parent.name}/RECORD cannot be read: {error}") from error
        for line in lines:
            if not line:
                continue
            name, digest, size = (*line, "", "")[:3]
            relative = joined(site_packages, name)
            if relative.startswith(("/", "../")) or relative == "..":
                raise PipError(f"{path.parent.name}/RECORD lists `{name}`, which is outside the environment")
            rows[relative] = (digest, size)
        return cls(path, root=root, rows=rows)

    @property
    def dist_info(self) -> Path:
        return self.path.parent

    @property
    def dist_info_path(self) -> str:
        """The dist-info directory, relative to the root."""
        return self.dist_info.relative_to(self.root).as_posix()

    @property
    def files(self) -> frozenset[str]:
        return frozenset(self._rows)

    def digest(self, path: str) -> str:
        """Return the hash that is recorded for a path (`sha256=…`), or an empty string."""
        return self._rows[path][0]

    def modules_digest(self) -> str:
        """Return a sha256 (hexadecimal) of the paths and hashes of all Python files."""
        rows = [f"{path} {digest}" for path, (digest, _) in sorted(self._rows.items()) if path.endswith(".py")]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def include(self, path: str) -> None:
        """Record a file that exists, with its hash and size as they are now."""
        data = (self.root / path).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self._rows[path] = (f"sha256={digest}", str(len(data)))
        self._changed = True

    def complete(self) -> None:
        """Fill in the hashes and sizes that are missing; RECORD itself has none (PEP 376)."""
        itself = f"{self.dist_info_path}/RECORD"
        for path, (digest, _) in list(self._rows.items()):
            if not digest and path != itself:
                self.include(path)

    def add(self, name: str, data: bytes) -> None:
        """Write a file into dist-info, unless it is there, and record it."""
        path = f"{self.dist_info_path}/{name}"
        if path not in self._rows:
            (self.dist_info / name).write_bytes(data)
            self.include(path)

    def drop(self, name: str) -> None:
        """Remove a file from dist-info and from the record, if it is there."""
        (self.dist_info / name).unlink(missing_ok=True)
        if self._rows.pop(f"{self.dist_info_path}/{name}", None) is not None:
            self._changed = True

    def write(self) -> None:
        """Write the record if it changed, as a new file: the old one may be a hardlink into a cache."""
        if not self._changed:
            return
        site_packages = posixpath.dirname(self.dist_info_path)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        below = site_packages + "/"
        for path in sorted(self._rows):
            name = path[len(below) :] if path.startswith(below) else posixpath.relpath(path, site_packages)
            writer.writerow((name, *self._rows[path]))
        replace_file(self.path, text.getvalue().encode())
        self._changed = False


def replace_file(path: Path, data: bytes) -> None:
    """Put a new file with the same mode in place of `path`, leaving other links to the old one as they are.

    Not by a rename over it, before which ext4 writes the data to the disk: nobody reads a staged tree meanwhile.
    """
    mode = path.stat().st_mode & 0o7777
    path.unlink()
    path.write_bytes(data)
    os.chmod(path, mode)
