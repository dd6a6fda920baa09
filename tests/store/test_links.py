"""Symbolic links of several packages that are harmless one by one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store
from envmgr.artifacts.manifest import Artifact, Manifest
from envmgr.errors import CorruptPackage
from envmgr.lock.model import CondaPackage
from envmgr.store import links
from envmgr.store.placement import Placement


def _create(store: Store, *packages: Package) -> None:
    store.channel.add(*packages)
    store.create("a", *(package.name for package in packages))


def test_links_that_lead_out_only_together_are_refused_before_anything_is_linked(store: Store) -> None:
    with pytest.raises(CorruptPackage) as caught:
        _create(
            store,
            Package(name="one", symlinks={"p/q/l": "s/../../.."}),
            Package(name="two", symlinks={"p/q/s": "../../top"}, files={"top/f": ""}),
            Package(name="three", files={"p/q/l/evil": "x"}),
        )
    assert "p/q/l" in caught.value.message
    assert "one-1.0-0" in caught.value.message
    assert "two-1.0-0" in caught.value.message
    assert "linked" not in store.reporter.phases
    assert "link" not in store.reporter.phases
    assert not store.location("a").prefix.exists()


def test_link_whose_directory_another_package_moves_up_is_refused(store: Store) -> None:
    with pytest.raises(CorruptPackage, match="deep/er/l"):
        _create(
            store,
            Package(name="one", symlinks={"deep/er/l": "../../x"}),
            Package(name="two", symlinks={"deep/er": "../top"}, files={"top/f": ""}),
        )


def test_link_is_refused_whichever_of_directory_and_link_stands_there(store: Store) -> None:
    """`s` is a directory in one package and a link in another: what wins is not ours to guess."""
    with pytest.raises(CorruptPackage, match="p/q/l"):
        _create(
            store,
            Package(name="one", symlinks={"p/q/l": "s/../../../x"}, files={"p/q/s/f": ""}),
            Package(name="two", symlinks={"p/q/s": "../../top"}, files={"top/f": ""}),
        )


def test_loop_of_links_leads_nowhere(store: Store) -> None:
    _create(
        store,
        Package(name="one", symlinks={"a": "b"}),
        Package(name="two", symlinks={"b": "a", "c": "a/../x"}),
    )


def test_path_that_a_link_takes_into_conda_meta_is_refused(store: Store) -> None:
    with pytest.raises(CorruptPackage, match="conda-meta"):
        _create(
            store, Package(name="one", symlinks={"records": "conda-meta"}), Package(name="two", files={"records/x": ""})
        )


def test_commands_are_not_written_through_a_link(store: Store) -> None:
    with pytest.raises(CorruptPackage, match="`bin`"):
        _create(
            store,
            Package(name="python", version="3.12.0", subdir="linux-64", files={"lib/python3.12/os.py": ""}),
            Package(name="one", symlinks={"bin": "share"}, files={"share/tool": "x"}),
            Package(name="two", noarch="python", files={"site-packages/m.py": ""}, entry_points=["tool = m:main"]),
        )


def test_bomb_of_links_is_refused_quickly(store: Store) -> None:
    bomb = {f"l{i}": "/".join([f"l{i + 1}/x/.."] * 40) for i in range(30)}
    began = time.monotonic()
    with pytest.raises(CorruptPackage, match="winding"):
        _create(
            store,
            Package(name="one", symlinks=bomb, files={"l30/x/f": ""}),
            Package(name="two", files={f"l{i}/x/f": "" for i in range(30)}),
        )
    assert time.monotonic() - began < 20


def test_honest_links_are_left_alone(store: Store) -> None:
    _create(
        store,
        Package(name="one", symlinks={"lib64": "lib", "bin/python": "python3", "bin/python3": "../lib/p"},
                files={"lib/p": ""}),
        Package(name="two", files={"lib64/x": "x"}),
        Package(name="three", symlinks={"share/self": ".", "lib/dangling": "nowhere", "ssl/cert.pem": "../share/../f"},
                files={"f": "", "share/one": ""}),
    )  # fmt: skip


def test_many_paths_cost_next_to_nothing(tmp_path: Path) -> None:
    """On the way of every warm create: 26,000 paths and 2,000 links."""
    artifacts = [_artifact(tmp_path, number) for number in range(100)]
    began = time.perf_counter()
    links.check(artifacts, Placement())
    assert time.perf_counter() - began < 1  # 10 ms; the bound is for a busy machine


def _artifact(directory: Path, number: int) -> Artifact:
    name = f"p{number}"
    below = directory / name / "lib" / name
    below.mkdir(parents=True)
    for link in range(20):
        (below / f"l{link}.so").symlink_to(f"../{name}/f{link}")
    linked = [f"lib/{name}/l{link}.so" for link in range(20)]
    paths = tuple(sorted([*linked, *(f"lib/{name}/d{file % 10}/f{file}" for file in range(240))]))
    package = CondaPackage(name=name, version="1", build="0", build_number=0, subdir="linux-64", channel="file:///c",
                           url="file:///c", filename="", sha256="")  # fmt: skip
    manifest = Manifest(name=name, version="1", build="0", subdir="linux-64", sha256="", md5="", noarch=None,
                        paths=paths, links=tuple(linked), placeholders=(), python_distributions=(), entry_points=(),
                        link_scripts=(), activation=(), bytes=0, files=0)  # fmt: skip
    return Artifact(package, directory / name, manifest)
