"""Small real wheels, byte for byte under the test's control, hostile ones included."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(kw_only=True)
class Wheel:
    """What goes into one wheel (PEP 427). `files` maps archive names to contents; `scripts` become console scripts
    of the form `name = module:function`; `data` maps paths below `<name>-<version>.data/` to contents.

    `extras` maps an extra to its requirements; `record` replaces the honest RECORD.
    """

    name: str
    version: str = "1.0"
    tag: str = "py3-none-any"
    requires: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    requires_python: str | None = None
    files: Mapping[str, bytes | str] | None = None
    data: Mapping[str, bytes | str] = field(default_factory=dict)
    scripts: Sequence[str] = ()
    record: str | None = None

    @property
    def module(self) -> str:
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def filename(self) -> str:
        return f"{self.module}-{self.version}-{self.tag}.whl"

    @property
    def dist_info(self) -> str:
        return f"{self.module}-{self.version}.dist-info"

    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Requires-Dist: {text}" for text in self.requires]
        for extra, requirements in self.extras.items():
            lines.append(f"Provides-Extra: {extra}")
            for text in requirements:
                requirement, _, marker = text.partition(";")
                condition = f"({marker.strip()}) and extra == '{extra}'" if marker else f"extra == '{extra}'"
                lines.append(f"Requires-Dist: {requirement.strip()} ; {condition}")
        return "\n".join(lines) + "\n"

    def members(self) -> dict[str, bytes]:
        payload = self.files
        if payload is None:
            payload = {
                f"{self.module}/__init__.py": f"__version__ = {self.version!r}\n\n\ndef main():\n    print('ok')\n"
            }
        members = {name: _bytes(content) for name, content in payload.items()}
        members |= {f"{self.module}-{self.version}.data/{name}": _bytes(text) for name, text in self.data.items()}
        members[f"{self.dist_info}/METADATA"] = self.metadata().encode()
        members[f"{self.dist_info}/WHEEL"] = (
            f"Wheel-Version: 1.0\nGenerator: builder\nRoot-Is-Purelib: true\nTag: {self.tag}\n".encode()
        )
        if self.scripts:
            text = "[console_scripts]\n" + "".join(f"{script}\n" for script in self.scripts)
            members[f"{self.dist_info}/entry_points.txt"] = text.encode()
        return members

    def content(self) -> bytes:
        members = self.members()
        record = self.record
        if record is None:
            record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items())
            record += f"{self.dist_info}/RECORD,,\n"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, data in {**members, f"{self.dist_info}/RECORD": record.encode()}.items():
                member = zipfile.ZipInfo(name, EPOCH)
                member.external_attr = 0o644 << 16
                zipped.writestr(member, data)
        return archive.getvalue()

    def write(self, directory: Path) -> Path:
        """Write the wheel into `directory` and return its path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / self.filename
        path.write_bytes(self.content())
        return path


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
