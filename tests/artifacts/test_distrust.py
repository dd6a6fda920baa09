"""Distrust: every way a package can try to write, or to be linked, elsewhere is refused before it is published."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from envmgr.artifacts.cache import ArtifactCache
from envmgr.artifacts.distrust import leads_out
from envmgr.errors import CorruptPackage, EnvmgrError
from envmgr.lock.model import CondaPackage
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings

MakeChannel = Callable[..., LocalChannel]


def hard(path: str, **keys: object) -> dict[str, object]:
    return {"_path": path, "path_type": "hardlink", **keys}


def soft(path: str) -> dict[str, object]:
    return {"_path": path, "path_type": "softlink"}


def member(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = "", data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(data)
    return info, data


class Refusal:
    """Fetches a package that must be refused, and holds that nothing of it is left anywhere."""

    def __init__(self, tmp_path: Path, settings: Settings, make_channel: MakeChannel) -> None:
        self.tmp_path = tmp_path
        self.settings = settings
        self.channel = make_channel()
        self.cache = ArtifactCache(settings)

    def of(self, package: Package, *, extension: str = ".conda", **record: Any) -> str:
        self.channel.add(package, extension=extension)
        wanted = self.channel.package(package.name)._replace(**record)
        before = self.files_elsewhere()
        with pytest.raises(EnvmgrError) as raised:
            self.cache.fetch([wanted], channels=(), reporter=SilentReporter())
        assert isinstance(raised.value, CorruptPackage), raised.value
        assert list(self.cache.directory.iterdir()) == []
        assert self.files_elsewhere() == before
        assert package.name in raised.value.message
        return raised.value.message

    def files_elsewhere(self) -> list[tuple[Path, bytes]]:
        return sorted((path, path.read_bytes()) for path in self.tmp_path.rglob("*") if path.is_file())


@pytest.fixture
def refusal(tmp_path: Path, settings: Settings, make_channel: MakeChannel) -> Refusal:
    return Refusal(tmp_path, settings, make_channel)


@pytest.mark.parametrize(
    "path",
    [
        "a/../../../outside",
        "..",
        "../outside",
        "/etc/outside",
        "//outside",
        "./file",
        "a//file",
        "a/./file",
        "file/",
        "",
        ".",
        "a\0b",
        "line\nbreak",
        "escape\x1b[2J",
        "\ud800",
    ],
)
def test_listed_path_that_is_not_a_plain_relative_path_is_refused(refusal: Refusal, path: str) -> None:
    message = refusal.of(Package(name="evil", files={"file": "x"}, paths=[hard("file"), hard(path)]))
    assert "is not a path below the prefix" in message
    assert "channel" in message
    assert "\x1b" not in message


@pytest.mark.parametrize("path", ["C:/outside", "..\\outside", "a\\..\\..\\outside", "nul. ", "a:stream", "a?b"])
def test_windows_path_forms_are_refused_for_windows_packages(refusal: Refusal, path: str) -> None:
    package = Package(name="evil", subdir="win-64", files={"file": "x"}, paths=[hard("file"), hard(path)])
    assert "is not a path below the prefix" in refusal.of(package)


@pytest.mark.parametrize("path", ["conda-meta/history", "conda-meta/evil-1.0-0.json", "Conda-Meta/state", "conda-meta"])
def test_path_in_conda_meta_is_refused(refusal: Refusal, path: str) -> None:
    assert "belongs to the installer (CEP 32)" in refusal.of(Package(name="evil", files={path: "x"}))


def test_path_that_is_listed_twice_is_refused(refusal: Refusal) -> None:
    assert "is listed twice" in refusal.of(Package(name="evil", files={"f": "x"}, paths=[hard("f"), hard("f")]))


def test_paths_that_differ_in_case_only_are_refused_for_macos_and_fine_on_linux(
    refusal: Refusal, settings: Settings
) -> None:
    files = {"terminfo/E": "x", "terminfo/e": "y"}
    assert "is listed twice" in refusal.of(Package(name="mac", subdir="osx-64", files=files))
    refusal.channel.add(Package(name="linux", subdir="linux-64", files=files))
    (artifact,) = refusal.cache.fetch([refusal.channel.package("linux")], channels=(), reporter=SilentReporter())
    assert artifact.manifest.paths == ("terminfo/E", "terminfo/e")


def test_listed_file_that_the_archive_does_not_hold_is_refused(refusal: Refusal) -> None:
    message = refusal.of(Package(name="evil", files={"here": "x"}, paths=[hard("here"), hard("not/here")]))
    assert "`not/here` is listed, but not in the package" in message


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (hard("link"), "is listed as a file, but is a symbolic link"),
        (soft("file"), "is listed as a symbolic link, but is none"),
        ({"_path": "file", "path_type": "directory"}, "is listed as a directory, but is none"),
        (hard("file", size_in_bytes=7), "has 1 bytes, expected 7"),
        (hard("file", path_type="device"), "expected hardlink, softlink or directory"),
        (hard("file", path_type=["hardlink"]), "expected hardlink, softlink or directory"),
        (hard("file", size_in_bytes="1"), "has a value of the wrong type in paths[0]"),
        ({"path_type": "hardlink"}, "has no text `_path` in paths[0]"),
        (hard("file", prefix_placeholder="", file_mode="text"), "which is not an absolute path"),
        (hard("file", prefix_placeholder="x", file_mode="text"), "which is not an absolute path"),
        (hard("file", prefix_placeholder="/", file_mode="text"), "which is not an absolute path"),
        (hard("file", prefix_placeholder="/a\nb", file_mode="text"), "which is not an absolute path"),
        (hard("file", prefix_placeholder="/opt/x", file_mode="exec"), "expected text or binary"),
        (hard("file", prefix_placeholder="/opt/x"), "expected text or binary"),
    ],
)
def test_lie_about_a_listed_path_is_refused(refusal: Refusal, entry: dict[str, object], fault: str) -> None:
    package = Package(name="evil", files={"file": "x"}, symlinks={"link": "file"}, paths=[entry])
    assert fault in refusal.of(package)


@pytest.mark.parametrize(
    "info",
    [
        {"paths.json": "{"},
        {"paths.json": "[]"},
        {"paths.json": '{"paths": 1}'},
        {"paths.json": "[" * 100_000},
        {"paths.json": b"\xff\xfe"},
        {"index.json": "{}"},
        {"index.json": "null"},
        {"link.json": '{"noarch": {"entry_points": "a = b:c"}}'},
        {"link.json": '{"noarch": {"entry_points": [1]}}'},
    ],
)
def test_damaged_metadata_is_refused(refusal: Refusal, info: dict[str, bytes | str]) -> None:
    assert "info/" in refusal.of(Package(name="evil", files={"f": "x"}, info=info))


@pytest.mark.parametrize("key", ["name", "version", "build", "subdir"])
def test_index_that_says_otherwise_than_the_channel_is_refused(refusal: Refusal, key: str) -> None:
    message = refusal.of(
        Package(name="evil", files={"f": "x"}, index={}), **{key: "other" if key != "version" else "2"}
    )
    assert f"says {key}" in message if key != "name" else True


def test_lying_index_inside_of_the_package_is_refused(refusal: Refusal) -> None:
    refusal.channel.add(Package(name="honest", files={"f": "x"}, index={"version": "6.6.6"}))
    record = refusal.channel.package("honest")._replace(version="1.0")
    with pytest.raises(CorruptPackage, match=r"says version `6\.6\.6`, the channel says `1\.0`"):
        refusal.cache.fetch([record], channels=(), reporter=SilentReporter())


def test_noarch_kind_that_differs_is_refused(refusal: Refusal) -> None:
    assert "says noarch `generic`, the channel says `python`" in refusal.of(
        Package(name="evil", files={"f": "x"}), noarch="python"
    )


@pytest.mark.parametrize(
    "directory", ["../../outside", "/usr/lib/python3/site-packages", "", "a/../../b", "conda-meta", "__clobbers__/x"]
)
def test_site_packages_outside_of_the_prefix_is_refused(refusal: Refusal, directory: str) -> None:
    package = Package(name="evil", files={"f": "x"}, index={"python_site_packages_path": directory})
    assert "python_site_packages_path" in refusal.of(package)


def test_site_packages_of_the_record_outside_of_the_prefix_is_refused(refusal: Refusal) -> None:
    message = refusal.of(Package(name="evil", files={"f": "x"}), python_site_packages_path="../x")
    assert "which is not below the prefix" in message


def test_directory_for_contested_files_is_the_installer_s(refusal: Refusal) -> None:
    package = Package(name="evil", files={"f": "x"}, symlinks={"__clobbers__/other": "../lib"})
    assert "`__clobbers__/other` lies in __clobbers__" in refusal.of(package)


@pytest.mark.parametrize(
    "entry_point",
    [
        "../../outside = a:b",
        "/usr/bin/x = a:b",
        "a/b = c:d",
        ".. = a:b",
        "x = a",
        "x = a:",
        "x = :b",
        "x = a;import os:b",
        "x = a.b:c()",
        "x = a:b\nimport os",
        "x\ny = a:b",
        "= a:b",
        "x = 1a:b",
        "x = a..b:c",
    ],
)
def test_entry_point_that_is_no_name_or_no_reference_is_refused(refusal: Refusal, entry_point: str) -> None:
    package = Package(name="evil", noarch="python", files={"site-packages/a.py": ""}, entry_points=[entry_point])
    assert "expected `name = module:attribute`" in refusal.of(package)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", "/etc/passwd"),
        ("link", "../outside"),
        ("a/b/link", "../../../outside"),
        ("link", "a/../../outside"),
        ("link", ".."),
        ("a/link", "../.."),
    ],
)
def test_symbolic_link_that_leads_out_of_the_prefix_is_refused(refusal: Refusal, path: str, target: str) -> None:
    assert "outside of the prefix" in refusal.of(Package(name="evil", symlinks={path: target}))


@pytest.mark.parametrize(
    ("links", "leads"),
    [
        ({"a": "b"}, False),
        ({"d/a": "../b"}, False),
        ({"d/a": "../../b"}, True),
        ({"d/up": "../top", "x": "d/up/../../y"}, True),  # inside by its letters, outside for the kernel
        ({"d/up": "../top", "x": "d/up/../y"}, False),
        ({"a": "b", "b": "a"}, False),
        ({"a": "a/x"}, False),
        ({"a": "b/x", "b": "/etc"}, True),
        ({"a": "C:\\x"}, True),
        ({"a": ""}, False),
        ({"a": "."}, False),
    ],
)
def test_links_are_followed_as_the_kernel_does(links: dict[str, str], leads: bool) -> None:
    assert any(leads_out(path, target, links) for path, target in links.items()) is leads


HOSTILE_MEMBERS = {
    "parent directory": [member("../../outside", data=b"evil")],
    "deep parent directory": [member("a/../../../outside", data=b"evil")],
    "through a symbolic link": [member("d", tarfile.SYMTYPE, "../.."), member("d/outside", data=b"evil")],
    "through an absolute symbolic link": [
        member("d", tarfile.SYMTYPE, "/tmp"),
        member("d/envmgr-outside", data=b"evil"),
    ],
    "hard link to a file elsewhere": [member("f2", tarfile.LNKTYPE, "../../../victim")],
    "absolute hard link": [member("f2", tarfile.LNKTYPE, "/etc/hostname")],
    "hard link through a symbolic link": [
        member("s", tarfile.SYMTYPE, "../../../victim"),
        member("f2", tarfile.LNKTYPE, "s"),
    ],
    "fifo": [member("pipe", tarfile.FIFOTYPE)],
    "device": [member("null", tarfile.CHRTYPE)],
    "info is a link": [member("info", tarfile.SYMTYPE, "/tmp")],
    "deep": [member("/".join(["d"] * 400) + "/f", data=b"x")],
}


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("attack", sorted(HOSTILE_MEMBERS))
def test_hostile_archive_writes_nothing_elsewhere(
    tmp_path: Path, refusal: Refusal, attack: str, extension: str
) -> None:
    (tmp_path / "victim").write_text("precious")
    package = Package(name="evil", files={"f": "x"}, members=HOSTILE_MEMBERS[attack])
    refusal.channel.add(package, extension=extension)
    before = refusal.files_elsewhere()
    try:
        (artifact,) = refusal.cache.fetch([refusal.channel.package("evil")], channels=(), reporter=SilentReporter())
    except CorruptPackage:
        assert list(refusal.cache.directory.iterdir()) == []
    else:  # rattler left the member out, or made an empty file of it
        odd = [path for path in artifact.directory.iterdir() if path.name not in {"f", "info"}]
        assert all(path.lstat().st_size == 0 and stat.S_ISREG(path.lstat().st_mode) for path in odd)
        refusal.cache.remove(artifact.directory.name)
    assert refusal.files_elsewhere() == before
    assert (tmp_path / "victim").stat().st_nlink == 1
    assert not Path("/tmp/envmgr-outside").exists()


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_absolute_member_stays_in_the_entry(refusal: Refusal, extension: str) -> None:
    package = Package(name="odd", files={"f": "x"}, members=[member("/etc/envmgr-outside", data=b"evil")])
    refusal.channel.add(package, extension=extension)
    (artifact,) = refusal.cache.fetch([refusal.channel.package("odd")], channels=(), reporter=SilentReporter())
    assert (artifact.directory / "etc" / "envmgr-outside").read_bytes() == b"evil"
    assert artifact.manifest.paths == ("f",)
    assert not Path("/etc/envmgr-outside").exists()


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_set_id_bits_and_odd_modes_never_reach_the_cache(refusal: Refusal, extension: str) -> None:
    suid, data = member("suid", data=b"x")
    suid.mode = 0o6777
    closed, _ = member("closed", tarfile.DIRTYPE)
    closed.mode = 0o000
    package = Package(name="odd", files={"f": "x", "closed/g": "y"}, members=[(suid, data), (closed, b"")])
    refusal.channel.add(package, extension=extension)
    (artifact,) = refusal.cache.fetch([refusal.channel.package("odd")], channels=(), reporter=SilentReporter())
    assert (artifact.directory / "suid").stat().st_mode & 0o6000 == 0
    refusal.cache.remove(artifact.directory.name)
    assert list(refusal.cache.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../evil"),
        ("name", ".tmp-evil"),
        ("name", "a/b"),
        ("version", "1/../../2"),
        ("build", "0/../.."),
        ("build", "x\0"),
        ("version", ""),
        ("sha256", "../../x"),
        ("sha256", "AB"),
        ("name", "n" * 300),
    ],
)
def test_record_that_cannot_name_a_directory_is_refused(settings: Settings, key: str, value: str) -> None:
    package = CondaPackage(
        name="p", version="1", build="0", build_number=0, subdir="noarch", channel="file:///c",
        url="file:///c/noarch/p-1-0.conda", filename="p-1-0.conda", sha256="0" * 64,
    )  # fmt: skip
    with pytest.raises(CorruptPackage):
        ArtifactCache(settings).find(CondaPackage(**package._asdict() | {key: value}))
