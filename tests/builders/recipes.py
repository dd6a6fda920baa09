"""Directories of recipes under the test's control, and the channels that are built from them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

from envmgr.channels.building import build
from envmgr.channels.built import BuildReport
from envmgr.channels.model import Channel
from envmgr.reporting import Progress, SilentReporter
from envmgr.settings import Settings


class CountingReporter(SilentReporter):
    """A reporter that remembers which phases were started, with their totals, and the notices."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, str, int | None]] = []
        self.notices: list[str] = []

    def start(self, phase: str, text: str, *, total: int | None = None, unit: str = "") -> Progress:
        self.phases.append((phase, text, total))
        return SilentReporter().start("build", text)

    def notice(self, text: str) -> None:
        self.notices.append(text)


class RecipeChannel:
    """A channel of recipes in `directory`/recipes, built into the cache of `settings`."""

    def __init__(self, directory: Path, settings: Settings, name: str = "ours") -> None:
        self.recipes = directory / "recipes"
        self.recipes.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.path = settings.cache / "channels" / "0123456789ab" / name
        self.channel = Channel(name=name, url=self.path.as_uri(), recipes=self.recipes)

    def add(self, name: str, recipe: str | None = None, files: Mapping[str, str | bytes] | None = None) -> Path:
        """Write a recipe; without a text, one of a noarch package whose payload is the directory `prefix`."""
        directory = self.recipes / name
        directory.mkdir(exist_ok=True)
        if recipe is None:
            recipe = (
                f"package: {{name: {name}, version: '1.0'}}\nbuild: {{noarch: generic}}\n"
                "about: {license: MIT}\nextra: {payload: {files: prefix, placeholder: '@PREFIX@'}}\n"
            )
            files = files or {f"prefix/share/{name}.txt": f"this is {name}\n"}
        (directory / "recipe.yaml").write_text(recipe)
        for path, content in (files or {}).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return directory

    def build(self, only: Sequence[str] | None = None) -> BuildReport:
        return build(self.channel, settings=self.settings, reporter=SilentReporter(), only=only)

    def index(self, subdir: str = "noarch") -> dict[str, dict[str, Any]]:
        """Return the records of the index: file name → record."""
        document = json.loads((self.path / subdir / "repodata.json").read_text())
        return dict(document["packages.conda"])

    def record(self, name: str, subdir: str = "noarch") -> dict[str, Any]:
        return next(record for record in self.index(subdir).values() if record["name"] == name)

    def artifact(self, name: str, subdir: str = "noarch") -> Path:
        file_name = next(file_name for file_name, record in self.index(subdir).items() if record["name"] == name)
        return self.path / subdir / file_name


def read_conda(path: Path) -> dict[str, bytes]:
    """Return the members of a .conda artifact, info included; a symlink's content is `→ target`."""
    members = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith(".tar.zst"):
                continue
            data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive.read(name))).read()
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar:
                    content = None if member.issym() else tar.extractfile(member)
                    members[member.name] = content.read() if content else f"→ {member.linkname}".encode()
    return members
