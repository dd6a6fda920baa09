"""Linking by plan makes what rattler makes, file by file and record by record."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from builders.packages import Package
from builders.store import Store
from envmgr.artifacts.cache import Artifact
from envmgr.lock.model import Lock
from envmgr.reporting import SilentReporter
from envmgr.store import commands, direct_linking, rattler_linking
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
