"""What the tests of the pip half share: an index, conda artifacts, and a staged interpreter."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi.resolve import PipRequest
from envmgr.settings import Settings
from envmgr.spec.model import Origin, Requirement

Artifact = tuple[CondaPackage, Path]
GLIBC = (VirtualPackage("__glibc", "2.36"),)


class CollectingReporter:
    """A reporter that keeps what was said."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.warnings: list[str] = []

    def start(self, phase: str, text: str, *, total: int | None = None, unit: str = "") -> CollectingReporter:
        return self

    def advance(self, amount: int = 1) -> None:
        pass

    def __enter__(self) -> CollectingReporter:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def reporter() -> CollectingReporter:
    return CollectingReporter()


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


@pytest.fixture
def site(environ: dict[str, str], index: IndexServer) -> dict[str, str]:
    """The variables of a machine whose only configuration is `index`."""
    kept = {
        key: value
        for key, value in environ.items()
        if not key.startswith("PIP_") and not key.lower().endswith("_proxy")
    }
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "UV_HTTP_RETRIES": "0"}


@pytest.fixture
def load(site: dict[str, str]) -> Callable[..., Settings]:
    """Return a function that loads the settings of `site`, with variables changed."""

    def load(**variables: str) -> Settings:
        return Settings.load(site | variables)

    return load


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., Artifact]:
    """Return a function that makes an extracted conda artifact with the dist-info of the given wheels."""

    def make(name: str, version: str = "1.0", *wheels: Wheel, where: str = "site-packages", **fields: Any) -> Artifact:
        files: dict[str, bytes | str] = {}
        for wheel in wheels:
            files |= {f"{where}/{path}": data for path, data in wheel.members().items()}
        files |= fields.pop("files", {})
        package = Package(name=name, version=version, files=files, **fields)
        return extracted(package, tmp_path / "artifacts")

    return make


def extracted(package: Package, below: Path) -> Artifact:
    """Write what `package` extracts to, and return it as the artifacts room hands it over."""
    directory = below / package.stem
    for path, content in {**package.files, **package.info_files()}.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    for path, target in package.symlinks.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).symlink_to(target)
    return conda_package(package.name, package.version, package.build), directory


def conda_package(name: str, version: str = "1.0", build: str = "0") -> CondaPackage:
    filename = f"{name}-{version}-{build}.conda"
    channel = "https://conda.anaconda.org/conda-forge"
    return CondaPackage(
        name=name, version=version, build=build, build_number=0, subdir="noarch", channel=channel,
        url=f"{channel}/noarch/{filename}", filename=filename, sha256="0" * 64,
    )  # fmt: skip


@pytest.fixture
def python(artifact: Callable[..., Artifact]) -> Artifact:
    return artifact("python", "3.12.4")


@pytest.fixture
def request_for(python: Artifact) -> Callable[..., PipRequest]:
    """Return a function that asks for requirement lines, line 5 of environment.yml onwards, beside conda artifacts."""

    def make(lines: Sequence[str], *artifacts: Artifact, **fields: object) -> PipRequest:
        values: Mapping[str, object] = {
            "requirements": tuple(requirement(text, line) for line, text in enumerate(lines, 5)),
            "conda": (python, *artifacts),
            "platform": "linux-64",
            "virtual_packages": GLIBC,
            **fields,
        }
        return PipRequest(**values)  # type: ignore[arg-type]

    return make


def requirement(text: str, line: int = 5) -> Requirement:
    name = re.split(r"[\s;\[<>=!~]", text, maxsplit=1)[0]
    return Requirement(text=text, name=name, origin=Origin(source="environment.yml", line=line))


@pytest.fixture
def make_staging(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a staged conda half whose interpreter is the running one."""

    def make(name: str = "envs/.staging/1") -> Path:
        staging = tmp_path / name
        (staging / "bin").mkdir(parents=True)
        (staging / "conda-meta").mkdir()
        base = Path(getattr(sys, "_base_executable", sys.executable))
        (staging / "bin" / "python").symlink_to(base)
        (staging / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (staging / "lib" / version / "site-packages").mkdir(parents=True)
        return staging

    return make
