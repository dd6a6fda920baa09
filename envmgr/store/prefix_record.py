"""The prefix record of one package (CEP 32), byte for byte as rattler writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any

from envmgr.lock.model import CondaPackage

# What rattler keeps of a package record beside the fields of a lock entry (`solve.records`)
_OTHER = (
    *("arch", "attestations_sha256", "extra_depends", "flags", "indexed_timestamp"),
    *("legacy_bz2_md5", "legacy_bz2_size", "platform"),
)
_VERSION = re.compile(r"[0-9][0-9a-z]*(?:[._][0-9a-z]+)*")
_URL = re.compile(r"(?:https?|file)://[a-z0-9.-]*/[A-Za-z0-9._~!/-]*")


def write(package: CondaPackage, directory: Path, paths: Sequence[bytes], *, is_linked: bool) -> bytes:
    """Return the record of a package that was installed from the extracted `directory`.

    `paths` are the pieces from `files` to `paths_data`. `is_linked` says whether its files are hard links. Raises
    ChannelError for a lock entry that is no package record.
    """
    source = json.dumps(str(directory))
    head = f'{{\n{_head(package)}\n  "extracted_package_dir": {source},\n'
    # rattler's own, for it refuses those that py-rattler 0.28 hands to it
    head += f'  "requested_specs": {json.dumps(package.requested)},\n'
    link = f'  "link": {{\n    "source": {source},\n    "type": {1 if is_linked else 3}\n  }}\n}}'
    return b"".join((head.encode(), *paths, link.encode()))


def _head(package: CondaPackage) -> str:
    """Return the lines of the package record."""
    other: Mapping[str, Any] = json.loads(package.other) if package.other else {}
    stem = f"{package.name}-{package.version}-{package.build}"
    if (
        _VERSION.fullmatch(package.version) is None
        or _URL.fullmatch(package.url) is None
        or "/." in package.url
        or package.filename not in {f"{stem}.conda", f"{stem}.tar.bz2"}
        or package.noarch not in {None, "python", "generic"}
        or other.get("extra_depends")
    ):
        return _head_of_rattler(package)
    fields: dict[str, Any] = {
        "build": package.build,
        "build_number": package.build_number,
        "constrains": package.constrains or None,
        "depends": package.depends,
        "features": package.features,
        "license": package.license,
        "license_family": package.license_family,
        "md5": package.md5 or None,
        "name": package.name,
        "noarch": package.noarch,
        "python_site_packages_path": package.python_site_packages_path,
        "sha256": package.sha256 or None,
        "size": package.size,
        "subdir": package.subdir,
        "timestamp": package.timestamp,
        "track_features": " ".join(package.track_features) or None,
        "version": package.version,
    }
    if other:
        fields |= {key: other[key] for key in _OTHER if other.get(key) not in (None, [])}
        fields = dict(sorted(fields.items()))
    fields |= {"fn": package.filename, "url": package.url, "channel": f"{package.channel}/"}
    return _lines(fields)


def _head_of_rattler(package: CondaPackage) -> str:
    from envmgr.solve.records import record_of_package  # start-up time: few are so unusual that only rattler knows

    return _lines(json.loads(record_of_package(package).to_json()))


def _lines(fields: Mapping[str, Any]) -> str:
    return "\n".join(f'  "{key}": {_value(value)},' for key, value in fields.items() if value is not None)


def _value(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    if type(value) is int:
        return str(value)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return "[\n    " + ",\n    ".join(map(quoted, value)) + "\n  ]" if value else "[]"
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
