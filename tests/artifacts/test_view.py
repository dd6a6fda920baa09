"""Views: rattler installs from them with hard links, and neither writes to the cache nor heals behind our back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import rattler
from rattler.exceptions import InstallerError
from rattler.package_cache import PackageCache

from builders.channels import LocalChannel
from builders.packages import Package
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.artifacts.view import view
from envmgr.errors import CorruptPackage, StoreError
from envmgr.lock.model import CondaPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings

MakeChannel = Callable[..., LocalChannel]

TOOL = Package(
    name="tool",
    version="1!1.2",
    files={"bin/tool": "#!/opt/placeholder/bin/python\n", "lib/data": b"\0" * 1000},
    symlinks={"lib/link": "data"},
    placeholders={"bin/tool": ("/opt/placeholder", "text")},
)


@pytest.fixture
def cache(settings: Settings) -> ArtifactCache:
    return ArtifactCache(settings)


@pytest.fixture
def channel(make_channel: MakeChannel) -> LocalChannel:
    return make_channel().add(TOOL)


@pytest.fixture
def artifact(cache: ArtifactCache, channel: LocalChannel) -> Artifact:
    return fetch(cache, channel)


def fetch(cache: ArtifactCache, channel: LocalChannel) -> Artifact:
    (artifact,) = cache.fetch([channel.package("tool")], channels=(), reporter=SilentReporter())
    return artifact


def record(package: CondaPackage) -> rattler.RepoDataRecord:
    return rattler.RepoDataRecord(
        rattler.PackageRecord(
            name=package.name,
            version=package.version,
            build=rattler.BuildString(package.build),
            build_number=package.build_number,
            subdir=package.subdir,
            arch=None,
            platform=None,
            noarch=rattler.NoArchType("generic"),
            sha256=bytes.fromhex(package.sha256),
        ),
        file_name=package.filename,
        url=package.url,
        channel=package.channel,
    )


def install(directory: Path, prefix: Path, package: CondaPackage) -> None:
    asyncio.run(
        rattler.install(
            [record(package)],
            prefix,
            package_cache=PackageCache(directory),
            alternative_target_prefix=Path("/final/prefix"),
        )
    )


def listing(directory: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path.relative_to(directory)): (path.lstat().st_ino, path.lstat().st_mtime) for path in directory.rglob("*")
    }


def test_installation_from_a_view_hard_links_from_the_cache_and_writes_nothing_into_it(
    cache: ArtifactCache, artifact: Artifact, tmp_path: Path
) -> None:
    before = listing(cache.directory)
    with view([artifact]) as directory:
        install(directory, tmp_path / "prefix", artifact.package)
    installed, cached = tmp_path / "prefix" / "lib" / "data", artifact.directory / "lib" / "data"
    assert installed.stat().st_ino == cached.stat().st_ino or installed.stat().st_nlink == 1  # reflinked
    assert (tmp_path / "prefix" / "bin" / "tool").read_text() == "#!/final/prefix/bin/python\n"
    assert os.readlink(tmp_path / "prefix" / "lib" / "link") == "data"
    assert (tmp_path / "prefix" / "conda-meta" / "tool-1!1.2-0.json").is_file()
    assert listing(cache.directory) == before
    assert not directory.exists()
    assert cache.verify(artifact) == ()


def test_view_is_private_and_outside_of_the_cache(cache: ArtifactCache, artifact: Artifact) -> None:
    with view([artifact]) as directory:
        assert directory.parent in (Path("/dev/shm"), Path(tempfile.gettempdir()))
        assert directory.name.startswith("envmgr-view-")
        assert directory.stat().st_mode & 0o077 == 0
        assert os.readlink(directory / "tool-1!1.2-0") == str(artifact.directory)


def test_view_is_removed_when_the_installation_fails(artifact: Artifact) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with view([artifact]) as directory:
            seen.append(directory)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not seen[0].exists()
    assert (artifact.directory / "lib" / "data").exists()


def test_missing_file_of_an_entry_fails_the_installation_and_is_healed_by_a_fetch(
    cache: ArtifactCache, channel: LocalChannel, artifact: Artifact, tmp_path: Path
) -> None:
    (artifact.directory / "lib" / "data").unlink()
    before = listing(cache.directory)
    with pytest.raises(CorruptPackage, match="damaged in the cache: tool"), view([artifact]) as directory:
        install(directory, tmp_path / "prefix", artifact.package)
    assert listing(cache.directory) == before
    cache.discard(artifact)
    healed = fetch(cache, channel)
    with view([healed]) as directory:
        install(directory, tmp_path / "second", healed.package)
    assert (tmp_path / "second" / "lib" / "data").stat().st_size == 1000


def test_entry_that_rattler_replaces_by_itself_is_reported_and_the_cache_left_alone(
    cache: ArtifactCache, artifact: Artifact, tmp_path: Path
) -> None:
    (artifact.directory / "info" / "index.json").write_text("{")
    before = listing(cache.directory)
    with (
        pytest.raises(CorruptPackage, match=r"damaged in the cache: tool-1!1\.2-0") as raised,
        view([artifact]) as directory,
    ):
        install(directory, tmp_path / "prefix", artifact.package)
    assert raised.value.details["packages"] == ["tool-1!1.2-0"]
    assert listing(cache.directory) == before


def test_failure_that_is_not_the_fault_of_the_cache_passes_through(artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "prefix").write_text("in the way")
    with pytest.raises(InstallerError), view([artifact]) as directory:
        install(directory, tmp_path / "prefix", artifact.package)


def test_view_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(
    cache: ArtifactCache, artifact: Artifact
) -> None:
    script = "import tempfile; from envmgr.leases import process_tag; "
    script += "print(tempfile.mkdtemp(prefix=f'envmgr-view-{process_tag()}-'), end='')"
    left = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    with view([artifact]) as directory:
        assert cache.sweep() >= 1
        assert directory.exists()
        assert not Path(left).exists()


def test_two_artifacts_of_one_name_are_an_error(artifact: Artifact) -> None:
    with pytest.raises(StoreError, match=r"tool-1!1\.2-0 cannot be made"), view([artifact, artifact]):
        pass


def test_view_of_many_artifacts_takes_milliseconds(artifact: Artifact) -> None:
    many = [artifact._replace(package=artifact.package._replace(name=f"tool{number}")) for number in range(130)]
    with view(many) as directory:
        assert len(list(directory.iterdir())) == 130
