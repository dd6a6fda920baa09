"""Who owns the files of a prefix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.packages import Package
from builders.store import Store
from envmgr.lock.model import PipPackage
from envmgr.store import metadata, ownership
from envmgr.store.ownership import Distribution, Foreign, find_foreign

SITE = "lib/python3.11/site-packages"


def install_by_hand(prefix: Path, name: str, *extra: str) -> None:
    """Do what a foreign `pip install` does."""
    info = prefix / SITE / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (prefix / SITE / f"{name}.py").touch()
    (info / "METADATA").touch()
    rows = [f"{name}.py,,", f"{name}-1.0.dist-info/METADATA,,", f"{name}-1.0.dist-info/RECORD,,", *extra]
    (info / "RECORD").write_text("\n".join(rows) + "\n")


def foreign(store: Store) -> Foreign:
    prefix = store.location("a").prefix
    return find_foreign(prefix, metadata.read_lock(prefix))


def test_fresh_environment_has_nothing_foreign(store: Store) -> None:
    store.create("a", "extra", "patched", "tool")
    assert not foreign(store)


def test_loose_files_links_and_edited_metadata_are_foreign_but_derived_files_are_not(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    (prefix / "lib/tool/__pycache__").mkdir()
    (prefix / "lib/tool/__pycache__/data.cpython-311.pyc").touch()
    (prefix / "lib/tool/old.pyc").touch()
    (prefix / "etc/conda/activate.d").mkdir(parents=True)
    (prefix / "etc/conda/activate.d/mine.sh").touch()
    (prefix / "outside").symlink_to("/")
    (prefix / "conda-meta/pinned").write_text("numpy 1.*\n")
    (prefix / "empty").mkdir()
    assert foreign(store).files == ("conda-meta/pinned", "etc/conda/activate.d/mine.sh", "outside")


def test_file_that_moved_onto_an_owned_path_is_owned(store: Store) -> None:
    store.create("a", "tool")
    (store.location("a").prefix / "lib/tool/data").write_text("edited")
    assert not foreign(store)


def test_distribution_installed_by_hand_is_foreign_as_a_whole(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    install_by_hand(prefix, "mine", "../../../bin/mine,,", "../../../../../../../../etc/passwd,,", "/etc/shadow,,")
    (prefix / "bin/mine").touch()
    found = foreign(store)
    assert [(each.name, each.version) for each in found.distributions] == [("mine", "1.0")]
    assert found.distributions[0].files == (
        "bin/mine",
        f"{SITE}/mine-1.0.dist-info/METADATA",
        f"{SITE}/mine-1.0.dist-info/RECORD",
        f"{SITE}/mine.py",
    )
    assert found.files == ()


def test_distributions_of_conda_packages_and_of_the_pip_half_are_not_foreign(store: Store) -> None:
    record = "conda_made.py,,\nconda_made-1.0.dist-info/METADATA,,\nconda_made-1.0.dist-info/RECORD,,\n"
    store.channel.add(
        Package(
            name="conda-made",
            files={
                f"{SITE}/conda_made.py": "",
                f"{SITE}/conda_made-1.0.dist-info/METADATA": "",
                f"{SITE}/conda_made-1.0.dist-info/RECORD": record,
            },
        )
    )
    store.create("a", "conda-made")
    prefix = store.location("a").prefix
    install_by_hand(prefix, "Locked_One")
    pip = PipPackage(name="locked-one", version="1.0", url="", filename="", sha256="")
    lock = store.lock("conda-made", pip=[pip])
    assert not find_foreign(prefix, lock)


def test_second_name_of_the_library_directory_is_not_looked_at_twice(store: Store) -> None:
    store.channel.add(
        Package(name="python", files={f"{SITE}/x.py": "", "bin/python": ""}, symlinks={"lib/python3.1": "python3.11"})
    )
    store.create("a", "python")
    assert ownership.site_packages(store.location("a").prefix) == (SITE,)
    assert not foreign(store)


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
def test_records_of_other_tools_are_read_in_whatever_form(tmp_path: Path, indent: int | None) -> None:
    files = ["bin/x", "lib/a]b", 'quote"', "ü", "\n  ]"]
    (tmp_path / "conda-meta").mkdir()
    document = {"files": files, "name": "x", "paths_data": {"paths": []}}
    (tmp_path / "conda-meta/x-1-0.json").write_text(json.dumps(document, indent=indent))
    assert ownership.files_of_record(tmp_path, "x-1-0") == files


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"files": 1}', b'{\n  "files": [\n  ]', b"\xff", b'{"files": [1]}', b"[" * 99_999]
)
def test_damaged_record_owns_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/x-1-0.json").write_bytes(content)
    assert ownership.files_of_record(tmp_path, "x-1-0") == []


def test_record_that_names_paths_outside_lists_only_those_inside(tmp_path: Path) -> None:
    install_by_hand(tmp_path, "mine", "../../../../x,,", '"a, b.py",,')
    (distribution,) = ownership.distributions(tmp_path)
    assert isinstance(distribution, Distribution)
    assert f"{SITE}/a, b.py" in distribution.files
    assert not [path for path in distribution.files if ".." in path]
