"""Linking by plan makes what rattler makes, file by file and record by record."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders.packages import Package
from builders.store import Store, faults
from envmgr.artifacts import plans
from envmgr.artifacts.cache import Artifact, ArtifactCache
from envmgr.errors import CorruptPackage, PrefixError
from envmgr.lock.model import Lock
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
from envmgr.store import commands, copying, direct_linking, rattler_linking
from envmgr.store.pieces import Unfit
from envmgr.store.placement import Placement

BUILT = "/opt/" + "placehold_" * 25
PYTHON = Package(
    name="python",
    version="3.12.1",
    subdir="linux-64",
    files={"bin/python3.12": b"\x7fELF\0", "lib/python3.12/os.py": "", "lib/python3.12/site-packages/README": "r"},
    symlinks={"bin/python": "python3.12", "lib/python3.1": "python3.12"},
)
ALL_KINDS = (
    PYTHON,
    Package(
        name="plain",
        subdir="linux-64",
        files={"bin/plain": "#!/bin/sh\n", "a-b/x": "1", "a/y": "2", "a.b": "3", "z": "", 'share/ü "q"/\'n': "u"},
        symlinks={"lib/far/link": "../../share", "dangling": "nowhere", "bin/z": "../z"},
        executable=["bin/plain"],
        index={"license": "MIT", "license_family": "MIT"},
        constrains=["other >1"],
        timestamp=None,
    ),
    Package(
        name="patched",
        depends=["plain"],
        files={
            "bin/text": f"#!{BUILT}/bin/python -u\nhome={BUILT}/a:{BUILT}\n",
            "bin/sh": f"#!  {BUILT}/bin/sh -e\n",
            "bin/untouched": "#!/bin/sh\nexit\n",
            "etc/plain.conf": f"{BUILT}{BUILT}/x",
            "lib/binary.so": f"\0\0{BUILT}/lib:{BUILT}/more\0tail\0{BUILT}".encode() + b"\xff\0\xfe",
            "lib/empty": b"",
        },
        executable=["bin/text", "lib/binary.so"],
        placeholders={
            "bin/text": (BUILT, "text"),
            "bin/sh": (BUILT, "text"),
            "bin/untouched": (BUILT, "text"),
            "etc/plain.conf": (BUILT, "text"),
            "lib/binary.so": (BUILT, "binary"),
            "lib/empty": (BUILT, "binary"),
        },
        info={"about.json": "{}"},
    ),
    Package(
        name="module",
        noarch="python",
        depends=["python"],
        files={
            "site-packages/module/__init__.py": "x",
            "site-packages/module-1.0.dist-info/METADATA": "",
            "python-scripts/script": f"#!{BUILT}/bin/python\n",
            "share/module": "",
            "lib/python3.12/other": "",
        },
        executable=["python-scripts/script"],
        placeholders={"python-scripts/script": (BUILT, "text")},
        entry_points=["run-module = module.sub:Class.main", "again=module:main"],
        info={"about.json": "{}"},
    ),
    Package(
        name="copied",
        files={"etc/copied": "own", "etc/linked": "shared"},
        paths=[
            {"_path": "etc/copied", "path_type": "hardlink", "no_link": True, "size_in_bytes": 3},
            {"_path": "etc/linked", "path_type": "hardlink"},
        ],
    ),
    Package(name="nothing", index={"track_features": "one two"}),
)
OLD = Package(
    name="old",
    files={"bin/old": "o", "etc/old": f"{BUILT}", "etc/mine": "m"},
    symlinks={"lib/old": "../etc/old"},
    info={"about.json": "{}", "has_prefix": f"{BUILT} text etc/old\n", "no_link": "etc/mine\n"},
)


@pytest.fixture(autouse=True)
def _has_hard_links_only(tmp_path: Path) -> None:
    if copying.can_reflink(tmp_path):
        pytest.skip("this file system clones files, which is left to rattler")


class _WithoutPathsJson(Package):
    def info_files(self) -> dict[str, bytes]:
        return {name: data for name, data in super().info_files().items() if name != "info/paths.json"}


def link_by_rattler(store: Store, lock: Lock, tree: Path, prefix: Path) -> None:
    artifacts = fetch(store, lock)
    omitted = commands.omissions(artifacts, Placement.of(lock.conda, lock.platform))
    with SilentReporter().start("link", "") as progress:
        rattler_linking.link(lock, artifacts, omitted, tree, prefix=prefix, run_scripts=False, progress=progress)


def link_directly(store: Store, lock: Lock, tree: Path, prefix: Path) -> None:
    artifacts = fetch(store, lock)
    omitted = commands.omissions(artifacts, Placement.of(lock.conda, lock.platform))
    direct_linking.link(lock, artifacts, omitted, tree, prefix=prefix, own=store.cache.directory, advance=lambda: None)


def fetch(store: Store, lock: Lock) -> tuple[Artifact, ...]:
    return store.cache.fetch(lock.conda, channels=(), reporter=SilentReporter())


def files_of(tree: Path) -> dict[str, tuple[object, ...]]:
    """Return kind, mode, contents, whether it is shared with the cache, and the time where it is not new."""
    found: dict[str, tuple[object, ...]] = {}
    for where, directories, names in os.walk(tree):
        # rattler leaves the directories of what it moved back out of __clobbers__
        for name in [*(each for each in directories if "__clobbers__" not in f"{where}/{each}"), *names]:
            path = Path(where, name)
            status = path.lstat()
            kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
            relative = path.relative_to(tree).as_posix()
            if relative in {"conda-meta/history", "CACHEDIR.TAG"} or relative.endswith(".json"):
                continue  # history: that of rattler is empty, and staging writes its own
            if stat.S_ISLNK(status.st_mode):
                found[relative] = (kind, os.readlink(path), status.st_mtime_ns)
            elif stat.S_ISDIR(status.st_mode):
                found[relative] = (kind, mode)
            else:
                is_fresh = path.read_bytes().endswith(b"())\n")  # a script of an entry point
                moment = None if is_fresh else status.st_mtime_ns // 10**9
                found[relative] = (kind, mode, path.read_bytes(), status.st_nlink, moment)
    return found


def records_of(tree: Path) -> dict[str, Any]:
    found = {}
    for path in sorted((tree / "conda-meta").glob("*.json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
        found[path.name] = path.read_text()
    return found


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def assert_same(store: Store, names: Sequence[str], prefix: Path, *, is_exact: bool = True) -> None:
    lock = store.lock(*names)
    one, other = prefix.parent / "by-rattler", prefix.parent / "directly"
    link_by_rattler(store, lock, one, prefix)
    expected_files, expected = files_of(one), records_of(one)
    # One after the other, so that the counts of links are the same
    os.rename(one, one.with_name("gone"))
    for path in sorted(one.with_name("gone").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    link_directly(store, lock, other, prefix)
    assert files_of(other) == expected_files
    found = records_of(other)
    if is_exact:
        assert found == expected
    else:  # where packages meet, the order of rattler's entries depends on which was first
        assert [_in_order(text) for text in found.values()] == [_in_order(text) for text in expected.values()]
        assert found.keys() == expected.keys()


def _in_order(text: str) -> Any:
    document = json.loads(text)
    document["files"].sort()
    document["paths_data"]["paths"].sort(key=lambda entry: entry["_path"])
    return document


@pytest.mark.parametrize(
    "prefix",
    ["env", "with space/env", "x" * 100, "ü/env", "deep/" + "y" * 80],
    ids=["short", "space", "long", "umlaut", "longer"],
)
def test_everything_that_packages_can_bring_is_as_rattler_makes_it(store: Store, tmp_path: Path, prefix: str) -> None:
    store.channel.add(*ALL_KINDS)
    assert_same(store, [package.name for package in ALL_KINDS], tmp_path / prefix)


def test_package_older_than_paths_json_is_as_rattler_makes_it(store: Store, tmp_path: Path) -> None:
    store.channel.add(_WithoutPathsJson(**vars(OLD)), extension=".tar.bz2")
    assert_same(store, ["old", "tool"], tmp_path / "env")


def test_files_with_several_owners_go_to_the_same_package_as_with_rattler(store: Store, tmp_path: Path) -> None:
    store.channel.add(
        PYTHON,
        Package(name="base", files={"bin/both": f"{BUILT} base", "share/all": "base", "top": "base"},
                placeholders={"bin/both": (BUILT, "text")}, info={"about.json": "{}"}),
        Package(name="above", depends=["base"], files={"bin/both": "above", "share/all": "above", "own": ""}),
        Package(name="beside", files={"share/all": "beside", "top": "beside"}, symlinks={"share/link": "all"}),
        Package(name="linked", files={"lib/python3.12/site-packages/m.py": ""}, symlinks={"share/link": "../top"}),
        Package(name="module", noarch="python", depends=["python"], files={"site-packages/m.py": "module"}),
    )  # fmt: skip
    names = ["python", "base", "above", "beside", "linked", "module"]
    assert_same(store, names, tmp_path / "env", is_exact=False)
    store.create("a", *names)
    assert faults(store.location("a").prefix, store.lock(*names)) == []


def test_entry_points_and_files_that_give_way_are_those_of_rattler(store: Store, tmp_path: Path) -> None:
    store.channel.add(
        PYTHON,
        Package(name="filed", files={"bin/tool": "a file", "bin/more": "x"}),
        Package(name="one", noarch="python", files={"site-packages/one.py": "", "python-scripts/own": "a file"},
                entry_points=["tool = one:main", "own = one:own", "shared = one:shared"]),
        Package(name="two", noarch="python", depends=["one"], files={"site-packages/two.py": ""},
                entry_points=["shared = two:main"]),
    )  # fmt: skip
    assert_same(store, ["python", "filed", "one", "two"], tmp_path / "env")


@pytest.mark.parametrize("depends", [(), ("a",)], ids=["directory", "other"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_a_directory_of_one_and_none_of_another_is_that_of_the_later_one(
    store: Store, kind: str, depends: tuple[str, ...]
) -> None:
    other = Package(name="b", files={"x": "file"}) if kind == "file" else Package(name="b", symlinks={"x": "y"})
    below = Package(name="a", files={"x/below": "1", "y/z": ""}, depends=[] if depends else ["b"])
    store.channel.add(below, replace(other, depends=depends))
    store.create("e", "a", "b")
    prefix = store.location("e").prefix
    assert faults(prefix, store.lock("a", "b")) == []
    assert (prefix / "x/below").is_file() != bool(depends)
    lost = "__clobbers__/a/x/below" if depends else "__clobbers__/b/x"
    assert os.path.lexists(prefix / lost)
    assert sorted(os.listdir(prefix / "y")) == ["z"]
    assert store.reporter.warnings == [
        "several packages own the same files: "
        + ("x/below of a gives way to that of b" if depends else "x of b gives way to that of a")
    ]


def test_nothing_is_written_through_a_link_of_a_package_whatever_the_plan_says(store: Store, tmp_path: Path) -> None:
    """A plan that is not ours any more: a directory that is a link by the time something is put into it."""
    store.channel.add(Package(name="a", symlinks={"x": "../outside"}), Package(name="b", files={"y/z": "1"}))
    (tmp_path / "outside").mkdir()
    lock = store.lock("b")
    (artifact,) = fetch(store, lock)
    kept = plans.beside(artifact.directory)
    kept.write_bytes(kept.read_bytes().replace(b'"y",["z"]', b'"x",["z"]').replace(b'"y","z"', b'"x","z"'))
    (tmp_path / "tree/conda-meta").mkdir(parents=True)
    (tmp_path / "tree/x").symlink_to("../outside")
    with pytest.raises((OSError, Unfit)):
        link_directly(store, lock, tmp_path / "tree", tmp_path / "env")
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("path", ["bin/tool", "etc/conf", "lib/link", "info/paths.json", "info/index.json"])
def test_whatever_is_missing_from_the_cache_is_fetched_again(store: Store, path: str) -> None:
    store.channel.add(
        Package(name="rich", files={"bin/tool": "", "etc/conf": BUILT}, symlinks={"lib/link": "../bin"},
                placeholders={"etc/conf": (BUILT, "text")})
    )  # fmt: skip
    store.create("a", "rich")
    artifact = store.cache.find(store.channel.package("rich"))
    assert artifact is not None
    (artifact.directory / path).unlink()
    for plan in store.cache.directory.glob("*.plan"):
        plan.unlink()
    store.create("b", "rich")
    assert faults(store.location("b").prefix, store.lock("rich")) == []
    assert (artifact.directory / path).is_symlink() or (artifact.directory / path).is_file()


def test_link_that_is_missing_from_the_cache_is_no_link_less_with_rattler(store: Store, tmp_path: Path) -> None:
    store.channel.add(Package(name="linked", files={"lib/a": ""}, symlinks={"lib/link": "a"}))
    lock = store.lock("linked")
    (artifact,) = fetch(store, lock)
    (artifact.directory / "lib/link").unlink()
    with pytest.raises(CorruptPackage, match="damaged in the cache: linked"):
        link_by_rattler(store, lock, tmp_path / "tree", tmp_path / "env")


@pytest.mark.parametrize("is_rattler", [False, True])
def test_prefix_that_does_not_fit_into_a_binary_says_how_long_it_may_be(
    store: Store, tmp_path: Path, is_rattler: bool
) -> None:
    binary = Package(
        name="short", files={"lib/x.so": b"/opt/short\0"}, placeholders={"lib/x.so": ("/opt/short", "binary")}
    )
    for_rattler = Package(name="twice", noarch="python", files={"python-scripts/a": "", "bin/a": ""})
    store.channel.add(PYTHON, binary, for_rattler)
    where = str(tmp_path / "environment")
    said = f"has {len(where)} bytes, and lib/x.so of short has room for a prefix of 10"
    with pytest.raises(PrefixError, match=f"cannot be longer .*{where}" if is_rattler else said) as caught:
        store.create(where, "short", *(("python", "twice") if is_rattler else ()))
    assert caught.value.hint == "choose a shorter path for the environment"
    assert not (tmp_path / "environment").exists()


def test_files_that_cannot_be_linked_across_a_mount_are_copied(store: Store, tmp_path: Path) -> None:
    """Two mounts of one file system: the devices are the same, and a link is refused all the same (EXDEV)."""
    store.channel.add(*ALL_KINDS)
    lock = store.lock(*(package.name for package in ALL_KINDS))
    fetch(store, lock)
    script = (
        "import pickle, sys; sys.path[:] = pickle.loads(sys.stdin.buffer.read(int(sys.argv[1])));"
        "from store.test_direct_linking import link_directly; link_directly(*pickle.load(sys.stdin.buffer))"
    )
    path = pickle.dumps(sys.path)
    request = pickle.dumps((_Cached(store.settings), lock, tmp_path / "tree", tmp_path / "env"))
    where = shlex.quote(str(store.settings.cache))
    program = shlex.join([sys.executable, "-c", script, str(len(path))])
    command = ["unshare", "-m", "sh", "-c", f"mount --bind {where} {where} && exec {program}"]
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    subprocess.run(command, input=path + request, check=True, timeout=120)
    link_directly(store, lock, tmp_path / "linked", tmp_path / "env")
    copied, linked = (_without_links(files_of(tmp_path / name)) for name in ("tree", "linked"))
    assert copied == linked
    assert (tmp_path / "tree/a.b").stat().st_nlink == 1
    assert (tmp_path / "linked/a.b").stat().st_nlink == 2


class _Cached:
    """What of a store linking needs, for another process."""

    def __init__(self, settings: Settings) -> None:
        self.cache = ArtifactCache(settings)


def _without_links(found: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    return {path: (*each[:3], *each[4:]) for path, each in found.items()}
