"""Real channels in a temporary directory, indexed without any network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from builders.packages import Package
from envmgr.lock.model import CondaPackage


class LocalChannel:
    """A channel directory: `add` packages, then `index` writes each subdir's repodata.json."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.records: dict[str, dict[str, dict[str, Any]]] = {"noarch": {}, "linux-64": {}}

    @property
    def url(self) -> str:
        return self.directory.as_uri()

    def add(self, *packages: Package, extension: str = ".conda", **overrides: Any) -> LocalChannel:
        """Write the artifacts and remember their repodata records; `overrides` change the records (to lie)."""
        for package in packages:
            path = package.write(self.directory, extension=extension)
            data = path.read_bytes()
            record = package.index_json() | {
                "sha256": hashlib.sha256(data).hexdigest(),
                "md5": hashlib.md5(data).hexdigest(),
                "size": len(data),
            }
            self.records.setdefault(package.subdir, {})[path.name] = record | overrides
        return self.index()

    def index(self) -> LocalChannel:
        for subdir, records in self.records.items():
            directory = self.directory / subdir
            directory.mkdir(parents=True, exist_ok=True)
            document = {
                "info": {"subdir": subdir},
                "packages": {name: record for name, record in records.items() if name.endswith(".tar.bz2")},
                "packages.conda": {name: record for name, record in records.items() if name.endswith(".conda")},
                "repodata_version": 1,
            }
            (directory / "repodata.json").write_text(json.dumps(document, sort_keys=True))
        return self

    def package(self, name: str) -> CondaPackage:
        """Return the lock entry of the newest-added artifact of that name."""
        for subdir, records in self.records.items():
            for filename, record in reversed(records.items()):
                if record["name"] == name:
                    return CondaPackage(
                        name=name,
                        version=record["version"],
                        build=record["build"],
                        build_number=record["build_number"],
                        subdir=subdir,
                        channel=self.url,
                        url=f"{self.url}/{subdir}/{filename}",
                        filename=filename,
                        sha256=record["sha256"],
                        md5=record["md5"],
                        size=record["size"],
                        timestamp=record.get("timestamp"),
                        depends=tuple(record["depends"]),
                        constrains=tuple(record["constrains"]),
                        noarch=record.get("noarch"),
                    )
        raise KeyError(name)
