"""What people do inside an environment, past envmgr: `pip install`, edits, files of their own."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

SITE = "lib/python3.11/site-packages"


def install(
    prefix: Path,
    name: str,
    version: str = "1.0",
    *,
    rows: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
    site: str = SITE,
) -> None:
    """Do what a foreign `pip install` does; `files` by path relative to site-packages, `rows` more lines of RECORD."""
    info = f"{name}-{version}.dist-info"
    payload = {
        **({f"{name.lower()}.py": f"version = {version!r}\n"} if files is None else files),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/INSTALLER": "pip\n",
        f"{info}/REQUESTED": "",
    }
    for path, text in payload.items():
        place = prefix / site / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(text)
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in payload.items()]
    (prefix / site / info / "RECORD").write_text("\n".join([*record, f"{info}/RECORD,,", *rows]) + "\n")


def replace(path: Path, text: str) -> None:
    """Edit a file as most editors do: another file takes its place, and no hardlink sees it."""
    path.unlink()
    path.write_text(text)


def put(prefix: Path, files: Mapping[str, str]) -> None:
    """Write files of nobody."""
    for path, text in files.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(text)


def tree(prefix: Path, *, below: str = "") -> dict[str, str]:
    """Return the text of every file below, by path."""
    found = {}
    for directory, _, names in os.walk(prefix / below):
        for name in names:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(prefix))] = path.read_text()
    return found


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
