"""Real packages of ten years, and the odd ones of other tools' test suites: all cached, or refused with a reason."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from envmgr.artifacts.cache import ArtifactCache
from envmgr.errors import PackageError
from envmgr.lock.model import CondaPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings

# What a person would say about each archive that is refused.
REFUSED = {
    # the listing was made before the files got another name; none of them is in the archive
    "suites/conda__conda-build/archives/flask-0.11.1-py_0.tar.bz2": "is listed, but not in the package",
    # transmuted by a tool that lost the symbolic links: hard links without a target, and copies of the files
    "suites/conda__conda/linux-64/zlib-1.2.11-h7b6447c_3.conda": "hard link listed for lib/libz.so.1",
    "suites/conda__conda/osx-64/zlib-1.2.11-h1de35cc_3.conda": "hard link listed for lib/libz.1.dylib",
    "suites/conda__conda/linux-64/zlib-1.2.11-h7b6447c_3.tar.bz2": "is listed as a symbolic link, but is none",
    "suites/conda__conda/osx-64/zlib-1.2.11-h1de35cc_3.tar.bz2": "is listed as a symbolic link, but is none",
    # nothing but an index
    "suites/conda__rattler/sparse/info-only-1.0.0-0.conda": "`info/paths.json` is missing, and so is info/files",
}
# The one whose listing gives the wrong sha256 of a file: its archive is what the channel promised, so it is cached,
# and found by `verify`.
LYING = {"zip64-extra-field-test.conda": "`lib/hello.txt` has sha256 a948904f"}


def index_of(archive: Path) -> dict[str, Any] | None:
    """Return info/index.json as Python's own readers find it, or None for an archive that is no conda package."""
    data = archive.read_bytes()
    if archive.name.endswith(".conda"):
        with zipfile.ZipFile(archive) as zipped:
            names = [name for name in zipped.namelist() if name.startswith("info-")]
            if not names:
                return None
            data = zstandard.ZstdDecompressor().stream_reader(zipped.read(names[0])).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.name.removeprefix("./") == "info/index.json":
                file = tar.extractfile(member)
                assert file is not None
                document: dict[str, Any] = json.load(file)
                return document
    return None


def record(archive: Path, index: dict[str, Any]) -> CondaPackage:
    return CondaPackage(
        name=index["name"],
        version=str(index["version"]),
        build=index["build"],
        build_number=index["build_number"],
        subdir=index.get("subdir") or "linux-64",
        channel=archive.parent.parent.as_uri(),
        url=archive.as_uri(),
        filename=archive.name,
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        size=archive.stat().st_size,
        noarch=index.get("noarch"),
    )


@pytest.mark.slow
def test_real_archives_are_cached_or_refused_for_the_reason_a_person_would_give(
    shared_data: Path, settings: Settings
) -> None:
    root = shared_data / "archives"
    archives = [line.split("\t")[0] for line in (root / "MANIFEST.tsv").read_text().splitlines()[1:]]
    packages = {name: record(root / name, index) for name in archives if (index := index_of(root / name)) is not None}
    assert len(packages) > 280
    cache = ArtifactCache(settings)
    sound = [package for name, package in packages.items() if name not in REFUSED]
    artifacts = cache.fetch(sound, channels=(), reporter=SilentReporter())
    assert [artifact.package.sha256 for artifact in artifacts] == [package.sha256 for package in sound]
    for name, reason in REFUSED.items():
        with pytest.raises(PackageError) as raised:
            cache.fetch([packages[name]], channels=(), reporter=SilentReporter())
        assert reason in raised.value.message, name
        assert "\n  and" not in raised.value.message or len(raised.value.message) < 2000
    unsound = {artifact.package.filename: faults for artifact in artifacts if (faults := cache.verify(artifact))}
    assert {name: fault[: len(LYING[name])] for name, (fault,) in unsound.items()} == LYING
