"""The artifact cache: what is published, found, healed, swept and removed, and what no channel can do to it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from builders.servers import FileServer
from envmgr.artifacts.cache import Artifact, ArtifactCache, key_of
from envmgr.artifacts.unpackers import unpackers
from envmgr.errors import (
    ChannelError,
    ChecksumMismatch,
    CorruptPackage,
    EnvmgrError,
    ReadOnlyStore,
    StoreError,
)
from envmgr.leases import process_tag
from envmgr.lock.model import CondaPackage
from envmgr.reporting import Phase, Progress, SilentReporter, Unit
from envmgr.settings import Settings

MakeChannel = Callable[..., LocalChannel]

TOOL = Package(
    name="tool",
    version="1.2",
    subdir="linux-64",
    files={
        "bin/tool": "#!/opt/placeholder/bin/python\n",
        "bin/.tool-post-link.sh": "exit 1\n",
        "etc/conda/activate.d/tool.sh": "export TOOL=1\n",
        "lib/python3.11/site-packages/tool/__init__.py": "",
        "lib/python3.11/site-packages/tool-1.2.dist-info/METADATA": "Name: tool\n",
        "lib/python3.11/site-packages/old.egg-info": "Name: old\n",
        "lib/libtool.so.1": b"\x7fELF",
    },
    symlinks={"lib/libtool.so": "libtool.so.1"},
    executable=["bin/tool"],
    placeholders={"bin/tool": ("/opt/placeholder", "text")},
)
PURE = Package(
    name="pure",
    noarch="python",
    files={"site-packages/pure.py": "def main(): pass\n", "python-scripts/pure-old": "#!python\n", "share/doc": "x"},
    entry_points=["pure = pure:main"],
)


@pytest.fixture
def cache(settings: Settings) -> ArtifactCache:
    return ArtifactCache(settings)


@pytest.fixture
def channel(make_channel: MakeChannel) -> LocalChannel:
    return make_channel().add(TOOL, PURE)


@pytest.fixture
def server(channel: LocalChannel) -> Iterator[FileServer]:
    with FileServer(channel.directory) as running:
        yield running


def fetch(cache: ArtifactCache, *packages: CondaPackage) -> tuple[Artifact, ...]:
    return cache.fetch(packages, channels=(), reporter=SilentReporter())


def served(server: FileServer, package: CondaPackage) -> CondaPackage:
    return package._replace(channel=server.url, url=f"{server.url}/{package.subdir}/{package.filename}")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_fetched_artifact_is_the_archive_extracted_under_its_hash(
    cache: ArtifactCache, make_channel: MakeChannel, extension: str
) -> None:
    package = make_channel().add(TOOL, extension=extension).package("tool")
    (artifact,) = fetch(cache, package)
    assert artifact.directory == cache.directory / f"tool-1.2-0-{package.sha256}"
    assert (artifact.directory / "bin" / "tool").read_text() == "#!/opt/placeholder/bin/python\n"
    assert (artifact.directory / "bin" / "tool").stat().st_mode & 0o111 == 0o111
    assert os.readlink(artifact.directory / "lib" / "libtool.so") == "libtool.so.1"
    assert sorted(path.name for path in cache.directory.iterdir()) == [
        artifact.directory.name,
        f"{artifact.directory.name}.json",
        f"{artifact.directory.name}.plan",
    ]


def test_manifest_tells_what_an_installation_needs(cache: ArtifactCache, channel: LocalChannel) -> None:
    tool, pure = fetch(cache, channel.package("tool"), channel.package("pure"))
    manifest = tool.manifest
    assert manifest.paths == tuple(sorted([*TOOL.files, *TOOL.symlinks]))
    assert manifest.links == ("lib/libtool.so",)
    assert manifest.placeholders == ("bin/tool",)
    assert manifest.link_scripts == ("post-link",)
    assert manifest.activation == ("etc/conda/activate.d/tool.sh",)
    assert manifest.python_distributions == (
        "lib/python3.11/site-packages/old.egg-info",
        "lib/python3.11/site-packages/tool-1.2.dist-info",
    )
    assert manifest.bytes == sum(
        len(data) for path, data in contents(tool.directory).items() if path != "lib/libtool.so"
    )
    assert pure.manifest.noarch == "python"
    assert pure.manifest.prefix_paths("lib/python3.11/site-packages") == (
        "bin/pure-old",
        "share/doc",
        "lib/python3.11/site-packages/pure.py",
        "bin/pure",
    )


def test_artifacts_come_in_the_order_asked_for_and_only_once_over_the_line(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    packages = [served(server, channel.package(name)) for name in ("tool", "pure")]
    assert cache.missing(packages) == tuple(packages)
    assert [artifact.package for artifact in fetch(cache, *packages)] == packages
    assert cache.missing(packages) == ()
    assert [artifact.package for artifact in fetch(cache, *reversed(packages))] == packages[::-1]
    assert len(server.requests) == 2


class Counting(SilentReporter):
    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        assert (phase, unit) == ("fetch", "bytes")
        self.total = total
        return self

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("over_http", [False, True])
def test_progress_counts_the_bytes_of_the_archives(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer, over_http: bool
) -> None:
    packages = [channel.package("tool"), channel.package("pure")]
    reporter = Counting()
    cache.fetch(
        [served(server, package) if over_http else package for package in packages], channels=(), reporter=reporter
    )
    assert reporter.total == reporter.done == sum(package.size or 0 for package in packages)


def test_wrong_hash_of_a_local_file_is_refused(cache: ArtifactCache, channel: LocalChannel) -> None:
    with pytest.raises(ChecksumMismatch, match=f"expected sha256 {'0' * 64}, found [0-9a-f]{{64}}"):
        fetch(cache, channel.package("tool")._replace(sha256="0" * 64))
    assert list(cache.directory.iterdir()) == []


def test_wrong_hash_over_http_is_refused(cache: ArtifactCache, channel: LocalChannel, server: FileServer) -> None:
    with pytest.raises(ChecksumMismatch):
        fetch(cache, served(server, channel.package("tool"))._replace(sha256="0" * 64))
    assert list(cache.directory.iterdir()) == []


def test_one_bad_artifact_leaves_the_good_ones_or_nothing_but_never_itself(
    cache: ArtifactCache, channel: LocalChannel
) -> None:
    good, bad = channel.package("tool"), channel.package("pure")._replace(sha256="1" * 64)
    with pytest.raises(ChecksumMismatch):
        fetch(cache, good, bad)
    assert {key for key, _, _ in cache.entries()} <= {key_of(good)}
    assert not list(cache.directory.glob(".tmp-*"))


def test_bytes_after_the_archive_count_for_its_hash(cache: ArtifactCache, channel: LocalChannel) -> None:
    package = channel.package("tool")
    archive = channel.directory / "linux-64" / package.filename
    archive.write_bytes(archive.read_bytes() + b"tail")
    with pytest.raises(ChecksumMismatch, match=f"{archive.stat().st_size} bytes instead of {package.size}"):
        fetch(cache, package)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (artifact,) = fetch(cache, package._replace(sha256=digest))
    assert artifact.manifest.sha256 == digest


def test_record_with_md5_only_is_verified_and_gets_its_sha256(cache: ArtifactCache, channel: LocalChannel) -> None:
    package = channel.package("tool")
    (artifact,) = fetch(cache, package._replace(sha256=""))
    assert artifact.package.sha256 == package.sha256
    assert cache.find(package._replace(sha256="")) == artifact
    with pytest.raises(ChecksumMismatch, match="expected md5 0"):
        fetch(cache, package._replace(sha256="", md5="0" * 32))


@pytest.mark.parametrize(
    "lie",
    [
        {"python_site_packages_path": "../../outside"},
        {"python_site_packages_path": "conda-meta"},
        {"noarch": "python"},
        {"subdir": "noarch"},
    ],
)
@pytest.mark.parametrize("hashes", [{}, {"sha256": ""}])
def test_what_is_cached_is_not_believed_of_another_record(
    cache: ArtifactCache, channel: LocalChannel, lie: dict[str, Any], hashes: dict[str, Any]
) -> None:
    """The bytes are known by their hash; what a second channel says about them is not."""
    fetch(cache, channel.package("tool"))
    with pytest.raises(CorruptPackage, match="tool"):
        fetch(cache, channel.package("tool")._replace(**lie, **hashes))


def test_record_without_any_hash_is_refused(cache: ArtifactCache, channel: LocalChannel) -> None:
    with pytest.raises(ChecksumMismatch, match="neither sha256 nor md5"):
        fetch(cache, channel.package("tool")._replace(sha256="", md5=None))


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("size", [0, 10, 300])
def test_truncated_local_file_is_refused(
    cache: ArtifactCache, make_channel: MakeChannel, extension: str, size: int
) -> None:
    channel = make_channel().add(TOOL, extension=extension)
    package = channel.package("tool")
    archive = channel.directory / "linux-64" / package.filename
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises((CorruptPackage, ChecksumMismatch)) as raised:
        fetch(cache, package)
    assert f"{size} bytes" in raised.value.message
    assert str(package.size) in raised.value.message
    assert list(cache.directory.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"not an archive" * 100, b"PK\x03\x04" + b"\0" * 500, b"BZh9" + b"\0" * 500])
@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_file_that_is_no_archive_is_refused(
    cache: ArtifactCache, tmp_path: Path, channel: LocalChannel, data: bytes, extension: str
) -> None:
    archive = tmp_path / f"tool-1.2-0{extension}"
    archive.write_bytes(data)
    package = channel.package("tool")._replace(url=archive.as_uri(), sha256=hashlib.sha256(data).hexdigest(), size=None)
    with pytest.raises(CorruptPackage):
        fetch(cache, package)
    assert list(cache.directory.iterdir()) == []


def test_absent_local_file_is_a_fault_of_the_channel(cache: ArtifactCache, channel: LocalChannel) -> None:
    package = channel.package("tool")
    (channel.directory / "linux-64" / package.filename).unlink()
    with pytest.raises(ChannelError, match=r"does not exist, but its channel .* lists it"):
        fetch(cache, package)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.conda", "http://127.0.0.1:1/x.zip", "x.conda", "data:x.conda"])
def test_url_that_cannot_be_read_is_an_error(cache: ArtifactCache, channel: LocalChannel, url: str) -> None:
    with pytest.raises(EnvmgrError):
        fetch(cache, channel.package("tool")._replace(url=url))


def test_local_path_with_spaces_and_other_letters_is_read(cache: ArtifactCache, make_channel: MakeChannel) -> None:
    package = make_channel("ein Kanal ✓ %41").add(TOOL).package("tool")
    (artifact,) = fetch(cache, package)
    assert (artifact.directory / "bin" / "tool").is_file()


def test_file_that_the_server_does_not_have_is_not_asked_for_again(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    package = served(server, channel.package("tool"))
    url = package.url.replace("http://", "http://me:secret@").replace("tool-1.2", "absent-1.2")
    with pytest.raises(ChannelError, match="404") as raised:
        fetch(cache, package._replace(url=url))
    assert "secret" not in raised.value.message
    assert len(server.requests) == 1


def test_server_error_that_passes_is_waited_out(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    package = served(server, channel.package("tool"))
    server.faults[f"/linux-64/{package.filename}"] = ["500", "503"]
    (artifact,) = fetch(cache, package)
    assert artifact.package == package
    assert len(server.requests) == 3


def test_line_that_breaks_is_tried_again_and_progress_never_runs_over(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    package = served(server, channel.package("tool"))
    server.faults[f"/linux-64/{package.filename}"] = ["cut 100"]
    reporter = Counting()
    (artifact,) = cache.fetch([package], channels=(), reporter=reporter)
    assert artifact.package == package
    assert reporter.done == package.size
    assert len(server.requests) == 2


def test_line_that_always_breaks_is_a_truncated_package(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    package = served(server, channel.package("tool"))
    server.faults[f"/linux-64/{package.filename}"] = ["cut 100"] * 9
    with pytest.raises(CorruptPackage, match="is truncated, 3 times in a row"):
        fetch(cache, package)
    assert list(cache.directory.iterdir()) == []


def test_redirect_is_followed(cache: ArtifactCache, channel: LocalChannel, server: FileServer) -> None:
    package = served(server, channel.package("tool"))
    server.faults[f"/linux-64/{package.filename}"] = [f"to /linux-64/{package.filename}?again"]
    (artifact,) = fetch(cache, package)
    assert artifact.package == package


def test_offline_names_what_is_missing_and_reads_local_channels(
    settings: Settings, channel: LocalChannel, server: FileServer
) -> None:
    cache = ArtifactCache(settings._replace(offline=True))
    fetch(cache, channel.package("pure"))
    remote = served(server, channel.package("tool"))
    with pytest.raises(ChannelError, match=r"offline, and not in the cache:\n  tool-1\.2-0 \(0\.0 MiB\)") as raised:
        fetch(cache, remote, channel.package("pure"))
    assert raised.value.details["packages"] == ["tool-1.2-0"]
    assert server.requests == []


def test_archive_bomb_is_stopped_on_its_way(tmp_path: Path, make_channel: MakeChannel) -> None:
    channel = make_channel().add(Package(name="bomb", files={"zeros": b"\0" * 30_000_000}))
    package = channel.package("bomb")

    async def unpack() -> None:
        async with unpackers(1) as idle:
            unpacker = await idle.get()
            archive = channel.directory / "noarch" / package.filename
            await unpacker.unpack(archive, tmp_path / "out", package, smallest_bound=1_000_000)

    assert (package.size or 0) < 200_000
    with pytest.raises(CorruptPackage, match="larger than any archive of its size may have"):
        asyncio.run(unpack())


FETCH = """
import json, sys
from envmgr.artifacts.cache import ArtifactCache
from envmgr.lock.model import CondaPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
settings = Settings.load(json.loads(sys.argv[1]))
packages = [CondaPackage(**fields) for fields in json.loads(sys.argv[2])]
artifacts = ArtifactCache(settings).fetch(packages, channels=(), reporter=SilentReporter())
print(*(artifact.directory for artifact in artifacts))
"""


def start_fetch(environ: dict[str, str], *packages: CondaPackage) -> subprocess.Popen[str]:
    arguments = [json.dumps(environ), json.dumps([package._asdict() for package in packages])]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(FETCH), *arguments], stdout=subprocess.PIPE, text=True
    )


def test_processes_that_fetch_the_same_artifacts_all_succeed_and_publish_one(
    cache: ArtifactCache, environ: dict[str, str], channel: LocalChannel
) -> None:
    packages = [channel.package("tool"), channel.package("pure")]
    processes = [start_fetch(environ, *packages) for _ in range(4)]
    outputs = {process.communicate(timeout=60)[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert outputs == {" ".join(str(cache.directory / key_of(package)) for package in packages) + "\n"}
    assert len(list(cache.directory.iterdir())) == 5  # two directories, two manifests, one plan
    assert [cache.verify(artifact) for artifact in fetch(cache, *packages)] == [(), ()]


def test_killed_fetch_leaves_nothing_that_counts_and_the_next_one_cleans_up(
    cache: ArtifactCache, environ: dict[str, str], make_channel: MakeChannel
) -> None:
    channel = make_channel().add(Package(name="big", files={f"share/{n}": os.urandom(50_000) for n in range(400)}))
    package = channel.package("big")
    process = start_fetch(environ, package)
    deadline = time.monotonic() + 30
    while not list(cache.directory.glob(".tmp-*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert cache.missing([package]) in {(package,), ()}
    (artifact,) = fetch(cache, package)
    assert cache.verify(artifact) == ()
    deadline = time.monotonic() + 60
    while list(cache.directory.glob(".tmp-*")) and time.monotonic() < deadline:
        time.sleep(0.05)  # the orphaned unpacking process ends with its input
        cache.sweep()
    assert not list(cache.directory.glob(".tmp-*"))


def test_sweep_removes_what_the_dead_left_and_nothing_of_the_living(cache: ArtifactCache, tmp_path: Path) -> None:
    cache.directory.mkdir(parents=True)
    script = "from envmgr.leases import process_tag; print(process_tag(), end='')"
    dead = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = {
        "dead": f".tmp-{dead}-0a1b2c3d4e5f",
        "dead archive": f".tmp-{dead}-0a1b2c3d4e5f.conda",
        "living": f".tmp-{process_tag()}-0a1b2c3d4e5f",
        "elsewhere": ".tmp-node7-00000000-1-1-0a1b2c3d4e5f",
        "elsewhere, old": ".tmp-node7-00000000-1-1-ffffffffffff",
        "manifest, old": "gone-1-0-" + "0" * 64 + ".json",
        "manifest": "coming-1-0-" + "0" * 64 + ".json",
    }
    for name in names.values():
        path = cache.directory / name
        if name.endswith((".json", ".conda")):
            path.write_text("{}")
        else:
            (path / "a" / "b").mkdir(parents=True)
            (path / "a" / "b").chmod(0o500)
    for what in ("elsewhere, old", "manifest, old"):
        os.utime(cache.directory / names[what], (1_000_000, 1_000_000))
    assert cache.sweep() == 4
    assert {path.name for path in cache.directory.iterdir()} == {
        names["living"], names["elsewhere"], names["manifest"]
    }  # fmt: skip


def test_lost_or_older_manifest_is_rebuilt_without_a_download(
    cache: ArtifactCache, channel: LocalChannel, server: FileServer
) -> None:
    package = served(server, channel.package("tool"))
    (artifact,) = fetch(cache, package)
    manifest = artifact.directory.with_name(artifact.directory.name + ".json")
    written = manifest.read_bytes()
    for damaged in (None, b"", b"{", b'{"schema": 0}', b'{"schema": 1, "name": "tool"}', b"[]"):
        manifest.unlink()
        if damaged is not None:
            manifest.write_bytes(damaged)
        assert cache.find(package) == artifact
        assert manifest.read_bytes() == written
    assert len(server.requests) == 1


def test_manifest_of_a_newer_schema_is_refused_with_the_way_out(cache: ArtifactCache, channel: LocalChannel) -> None:
    (artifact,) = fetch(cache, channel.package("tool"))
    manifest = artifact.directory.with_name(artifact.directory.name + ".json")
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(StoreError, match="schema 2 was written by a newer envmgr") as raised:
        cache.find(artifact.package)
    assert "ENVMGR_CACHE" in str(raised.value.hint)


def test_entry_that_lost_its_directory_or_metadata_is_fetched_again(
    cache: ArtifactCache, channel: LocalChannel
) -> None:
    package = channel.package("tool")
    (artifact,) = fetch(cache, package)
    before = contents(artifact.directory)
    shutil.rmtree(artifact.directory / "info")
    assert cache.find(package) is None
    fetch(cache, package)
    assert contents(artifact.directory) == before
    shutil.rmtree(artifact.directory)
    assert cache.find(package) is None
    fetch(cache, package)
    assert contents(artifact.directory) == before
    assert not list(cache.directory.glob(".tmp-*"))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda directory: (directory / "bin" / "tool").unlink(), "`bin/tool` is listed, but not in the package"),
        (lambda directory: (directory / "bin" / "tool").write_text(""), "`bin/tool` has 0 bytes, expected 30"),
        (lambda directory: (directory / "bin" / "tool").write_text("x" * 30), "`bin/tool` has sha256"),
        (lambda directory: (directory / "info" / "paths.json").write_text("{"), "`info/paths.json` is not JSON"),
        (lambda directory: os.symlink("/etc", directory / "etc2"), "is a symbolic link to `/etc`"),
    ],
)
def test_rotten_entry_is_found_discarded_and_fetched_again(
    cache: ArtifactCache, channel: LocalChannel, damage: Callable[[Path], object], problem: str
) -> None:
    (artifact,) = fetch(cache, channel.package("tool"))
    assert cache.verify(artifact) == ()
    damage(artifact.directory)
    assert any(problem in text for text in cache.verify(artifact)), cache.verify(artifact)
    cache.discard(artifact)
    assert cache.find(artifact.package) is None
    (healed,) = fetch(cache, artifact.package)
    assert healed == artifact
    assert cache.verify(healed) == ()


def test_sound_entry_is_not_discarded_since_another_process_healed_it(
    cache: ArtifactCache, channel: LocalChannel
) -> None:
    (artifact,) = fetch(cache, channel.package("tool"))
    cache.discard(artifact)
    assert cache.find(artifact.package) == artifact


def test_entry_that_is_linked_into_a_prefix_stays_sound(
    cache: ArtifactCache, channel: LocalChannel, tmp_path: Path
) -> None:
    (artifact,) = fetch(cache, channel.package("tool"))
    os.link(artifact.directory / "bin" / "tool", tmp_path / "tool")
    assert cache.verify(artifact) == ()


def test_shared_cache_is_read_and_never_written(settings: Settings, channel: LocalChannel, tmp_path: Path) -> None:
    package = channel.package("tool")
    shared = settings._replace(cache=tmp_path / "shared")
    (original,) = fetch(ArtifactCache(shared), package)
    before = sorted((tmp_path / "shared").rglob("*"))
    cache = ArtifactCache(settings._replace(shared_caches=(tmp_path / "absent", tmp_path / "shared")))
    assert fetch(cache, package) == (original,)
    assert list(cache.entries()) == []
    (original.directory / "bin" / "tool").unlink()
    before.remove(original.directory / "bin" / "tool")
    cache.discard(original)
    (own,) = fetch(cache, package)
    assert own.directory.parent == cache.directory
    assert sorted((tmp_path / "shared").rglob("*")) == before


def test_entries_and_remove_are_enough_to_collect_garbage(cache: ArtifactCache, channel: LocalChannel) -> None:
    tool, pure = fetch(cache, channel.package("tool"), channel.package("pure"))
    assert list(cache.entries()) == [
        (pure.directory.name, pure.manifest.bytes, pure.directory),
        (tool.directory.name, tool.manifest.bytes, tool.directory),
    ]
    cache.remove(pure.directory.name)
    cache.remove(pure.directory.name)
    assert [key for key, _, _ in cache.entries()] == [tool.directory.name]
    cache.remove(tool.directory.name)
    assert list(cache.directory.iterdir()) == []


@pytest.mark.parametrize("key", ["..", "", "../../x", ".tmp-x", "tool", "a/b-" + "0" * 64])
def test_only_keys_of_artifacts_can_be_removed(cache: ArtifactCache, key: str) -> None:
    with pytest.raises(StoreError, match="is not the key of a cached artifact"):
        cache.remove(key)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs /sys, where not even root makes a file")
def test_cache_that_cannot_be_written_is_a_read_only_store(settings: Settings, channel: LocalChannel) -> None:
    cache = ArtifactCache(settings._replace(cache=Path("/sys/kernel/cache")))
    with pytest.raises(ReadOnlyStore, match="/sys/kernel"):
        fetch(cache, channel.package("tool"))


def test_empty_cache_is_swept_listed_and_searched_without_being_made(
    cache: ArtifactCache, channel: LocalChannel
) -> None:
    assert fetch(cache) == ()
    assert cache.sweep() == 0
    assert list(cache.entries()) == []
    assert cache.find(channel.package("tool")) is None
    assert not cache.directory.exists()
