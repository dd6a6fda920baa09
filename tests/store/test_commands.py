"""Entry points that share their path with something else: rattler writes them without looking what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store, faults

PYTHON = Package(
    name="python", version="3.12.1", subdir="linux-64", files={"bin/python": "", "lib/python3.12/os.py": ""}
)


@pytest.fixture
def python_store(store: Store) -> Store:
    store.channel.add(PYTHON)
    return store


def _module(name: str, *depends: str, entry_point: str = "tool") -> Package:
    return Package(
        name=name,
        noarch="python",
        depends=["python", *depends],
        files={f"site-packages/{name}.py": ""},
        entry_points=[f"{entry_point} = {name}:main"],
    )


def _cached(store: Store) -> dict[Path, str]:
    files = [path for path in (store.settings.cache / "pkgs").rglob("*") if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("depends", [(), ("filed",)])
def test_entry_point_over_a_file_of_another_package_leaves_the_cache_alone(
    python_store: Store, depends: tuple[str, ...]
) -> None:
    store = python_store
    store.channel.add(
        Package(name="filed", files={"bin/tool": "a file " * 300, "bin/more": "x"}, symlinks={"lib64": "lib"}),
        _module("module", *depends),
    )
    store.create("a", "python", "filed")
    cached, before = _cached(store), (store.location("a").prefix / "bin/tool").read_text()
    store.create("b", "python", "filed", "module")
    after = _cached(store)
    assert {path: after[path] for path in cached} == cached
    assert (store.location("a").prefix / "bin/tool").read_text() == before
    prefix = store.location("b").prefix
    assert "import main" in (prefix / "bin/tool").read_text()
    assert (prefix / "bin/more").read_text() == "x"
    assert (prefix / "lib64").is_symlink()
    assert faults(prefix, store.lock("python", "filed", "module")) == []
    assert any("bin/tool of filed gives way to that of module" in warning for warning in store.reporter.warnings)


def test_file_of_the_dependent_package_wins_over_the_entry_point(python_store: Store) -> None:
    store = python_store
    store.channel.add(_module("module"), Package(name="filed", depends=["module"], files={"bin/tool": "a file"}))
    store.create("a", "python", "filed", "module")
    prefix = store.location("a").prefix
    assert (prefix / "bin/tool").read_text() == "a file"
    assert faults(prefix, store.lock("python", "filed", "module")) == []
    assert any("bin/tool of module gives way to that of filed" in warning for warning in store.reporter.warnings)


def test_link_at_the_place_of_an_entry_point_is_not_written_through(python_store: Store) -> None:
    store = python_store
    store.channel.add(
        Package(name="linked", symlinks={"bin/tool": "../share/data"}, files={"share/data": "data"}),
        _module("module", "linked"),
    )
    store.create("a", "python", "linked", "module")
    prefix = store.location("a").prefix
    assert (prefix / "share/data").read_text() == "data"
    assert "import main" in (prefix / "bin/tool").read_text()


def test_of_two_entry_points_that_of_the_dependent_package_stays(python_store: Store) -> None:
    store = python_store
    store.channel.add(_module("one", "two"), _module("two"))
    store.create("a", "python", "one", "two")
    prefix = store.location("a").prefix
    assert "from one import main" in (prefix / "bin/tool").read_text()
    assert faults(prefix, store.lock("python", "one", "two")) == []


def test_entry_point_wins_over_a_script_of_its_own_package(python_store: Store) -> None:
    store = python_store
    store.channel.add(
        Package(name="both", noarch="python", depends=["python"], entry_points=["tool = both:main"],
                files={"site-packages/both.py": "", "python-scripts/tool": "a script " * 100}),
    )  # fmt: skip
    store.create("a", "python")
    store.create("b", "python", "both")
    artifact = store.cache.find(store.channel.package("both"))
    assert artifact is not None
    assert store.cache.verify(artifact) == ()
    assert "import main" in (store.location("b").prefix / "bin/tool").read_text()


def test_old_package_without_a_paths_json_gives_way_too(python_store: Store) -> None:
    store = python_store
    old = Package(name="filed", files={"bin/tool": "a file " * 300, "share/x": "x"})
    listing = "bin/tool\nshare/x\n"
    store.channel.add(_OldPackage(**{**vars(old), "info": {"files": listing}}), _module("module"))
    store.create("a", "python", "filed", "module")
    artifact = store.cache.find(store.channel.package("filed"))
    assert artifact is not None
    assert (artifact.directory / "bin/tool").read_text() == "a file " * 300
    assert "import main" in (store.location("a").prefix / "bin/tool").read_text()
    assert (store.location("a").prefix / "share/x").exists()


class _OldPackage(Package):
    def info_files(self) -> dict[str, bytes]:
        return {name: data for name, data in super().info_files().items() if name != "info/paths.json"}
