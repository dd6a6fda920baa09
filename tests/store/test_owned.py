from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard

from envmgr.store.inventory import Inventory
from envmgr.store.owned import Owned, Record, Unusable, distributions, read_record

A, B = "a" * 64, "b" * 64


def read(tmp_path: Path, paths: list[object], **others: object) -> Record:
    document: dict[str, Any] = {"name": "x", "version": "1", "build": "0", "files": [], "paths_data": {"paths": paths}}
    (tmp_path / "conda-meta").mkdir(exist_ok=True)
    (tmp_path / "conda-meta/x-1-0.json").write_text(json.dumps(document | others))
    return read_record(tmp_path, "x-1-0")


@pytest.mark.parametrize(
    ("entry", "hashes", "size"),
    [
        ({"path_type": "hardlink", "sha256": A, "size_in_bytes": 3}, (A,), 3),
        ({"path_type": "hardlink", "sha256": A, "sha256_in_prefix": A, "size_in_bytes": 3}, (A,), 3),
        ({"path_type": "hardlink", "sha256": A, "sha256_in_prefix": B, "size_in_bytes": 3}, (B,), None),
        ({"path_type": "hardlink", "sha256": A, "prefix_placeholder": "/opt", "size_in_bytes": 3}, (), None),
        ({"path_type": "hardlink", "sha256": A.upper()}, (A,), None),
        ({"path_type": "softlink", "sha256": A, "size_in_bytes": 3}, (), 3),
        ({"path_type": "softlink", "sha256": A, "sha256_in_prefix": B}, (B,), None),
        ({"path_type": "softlink", "sha256": A, "sha256_of_target_name": B, "size_in_bytes": 0}, (B,), None),
        ({"path_type": "hardlink", "sha256": "short", "size_in_bytes": "3"}, (), None),
        ({"path_type": ["odd"], "sha256": 1, "size_in_bytes": True}, (), None),
        ({}, (), None),
    ],
)
def test_hash_and_size_are_those_in_the_prefix(
    tmp_path: Path, entry: Mapping[str, object], hashes: tuple[str, ...], size: int | None
) -> None:
    (owned,) = read(tmp_path, [{"_path": "p", **entry}]).owned
    assert (owned.path, owned.hashes, owned.size) == ("p", hashes, size)


def test_files_without_data_are_owned_all_the_same(tmp_path: Path) -> None:
    record = read(tmp_path, [], files=["a", 1, None, "/b"], paths_data=None)
    assert (record.owned, record.outside) == ((Owned("a", "x"),), ("/b",))


def test_noarch_python_is_owned_where_it_is_though_conda_records_it_as_packed(tmp_path: Path) -> None:
    site = "lib/python3.11/site-packages"
    packed = [
        "site-packages/m/a.py",
        "python-scripts/m",
        "share/x.txt",
        f"{site}/m/b.pyc",
        "site-packages/x",
    ]
    files = [f"{site}/m/a.py", "bin/m", "share/x.txt", f"{site}/m/b.pyc", f"{site}/x", "bin/entry"]
    paths: list[object] = [{"_path": path, "sha256": A, "path_type": "hardlink"} for path in packed]
    owned = read(tmp_path, paths, files=files, noarch="python").owned
    assert [each.path for each in owned] == files
    assert [each.hashes for each in owned] == [(A,)] * 5 + [()]
    assert [each.path for each in read(tmp_path, paths[:1], noarch="python").owned] == packed[:1]
    assert [each.path for each in read(tmp_path, paths[:1], files=files[:1]).owned] == [packed[0], files[0]]


@pytest.mark.parametrize(
    "others", [{"name": None}, {"version": 1}, {"build": []}, {"files": {}}, {"paths_data": {"paths": [1]}}]
)
def test_record_without_its_keys_is_unusable(tmp_path: Path, others: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        read(tmp_path, [], **others)


def test_record_that_is_no_file_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/x.json").symlink_to("/dev/zero")
    for name in ("x", "absent"):
        with pytest.raises(Unusable):
            read_record(tmp_path, name)


def test_rows_of_record_are_relative_to_the_prefix(tmp_path: Path) -> None:
    info = tmp_path / "lib/python3.12/site-packages/my_dist-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(
        "../../../bin/x,sha256=LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564,3\n"
        "my_dist/a.py,md5=abc,\nmy_dist/b.py,sha256=!!,1\n\nmy_dist-1.0.dist-info/RECORD,,\n/etc/passwd,,\n"
    )
    (distribution,) = distributions(Inventory.read(tmp_path))
    assert (distribution.name, distribution.version, distribution.installer) == ("my_dist", "1.0", "pip")
    assert {owned.path: owned.hashes for owned in distribution.owned} == {
        "bin/x": (hashlib.sha256(b"foo").hexdigest(),),
        "lib/python3.12/site-packages/my_dist/a.py": (),
        "lib/python3.12/site-packages/my_dist/b.py": (),
        "lib/python3.12/site-packages/my_dist-1.0.dist-info/RECORD": (),
    }
    assert distribution.outside == ("/etc/passwd",)


def test_records_of_real_installations_are_read(shared_data: Path, tmp_path: Path) -> None:
    read_records = hashed = 0
    for archive in sorted((shared_data / "prefixes").glob("*.tar.zst")):
        with archive.open("rb") as file:
            content = zstandard.ZstdDecompressor().stream_reader(file).read()
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                if "/conda-meta/" in f"/{member.name}" and member.name.endswith(".json"):
                    data = tar.extractfile(member)
                    assert data is not None
                    (tmp_path / "conda-meta").mkdir(exist_ok=True)
                    (tmp_path / "conda-meta/x.json").write_bytes(data.read())
                    record = read_record(tmp_path, "x")
                    assert record.outside == ()
                    read_records += 1
                    hashed += sum(bool(owned.hashes) for owned in record.owned)
    assert read_records > 400
    assert hashed > 20_000
