"""direct_url.json (PEP 610): where a distribution came from that was asked for by its place."""

from __future__ import annotations

import json

from envmgr.errors import PipError
from envmgr.pypi.record import Record, replace_file

NAME = "direct_url.json"


def read(record: Record) -> str | None:
    """Return what a distribution's direct_url.json says, None where it has none; raises OSError."""
    try:
        return (record.dist_info / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def add_hash(record: Record, sha256: str) -> None:
    """Write the hash of the archive into direct_url.json, as pip does and uv does not; raises PipError."""
    file = record.dist_info / NAME
    try:
        content = json.loads(file.read_bytes())
        archive = content["archive_info"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PipError(f"{record.dist_info.name}/{NAME} is not one of an archive (PEP 610): {error!r}") from error
    archive |= {"hash": f"sha256={sha256}", "hashes": {"sha256": sha256}}
    replace_file(file, json.dumps(content, sort_keys=True).encode())
    record.include(f"{record.dist_info_path}/{NAME}")
