"""Environments made by other tools are read from their records."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from envmgr.errors import NotAnEnvironment
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows.reading import lock_of


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    prefix = tmp_path / "foreign"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    record = {
        "name": "zlib", "version": "1.3", "build": "h0_0", "build_number": 0, "subdir": "linux-64",
        "channel": "https://conda.example/t/secret/lab/linux-64",
        "url": "https://user:secret@conda.example/lab/linux-64/zlib-1.3-h0_0.conda",
        "fn": "zlib-1.3-h0_0.conda", "md5": "b" * 32, "depends": ["libc"], "requested_spec": "zlib",
    }  # fmt: skip
    (prefix / "conda-meta/zlib-1.3-h0_0.json").write_text(json.dumps(record))
    return prefix


def test_an_environment_of_another_tool_is_read_from_its_records(foreign: Path, settings: Settings) -> None:
    lock = lock_of(layout.at_path(settings, foreign))
    (package,) = lock.conda
    assert (package.name, package.channel, package.requested) == ("zlib", "https://conda.example/lab", ("zlib",))
    assert lock.platform == "linux-64"
    assert lock.request.dependencies == ("zlib",)
    assert "secret" not in repr(lock)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "a"}', "[" * 10_000])
def test_a_record_that_is_none_is_named(content: str, foreign: Path, settings: Settings) -> None:
    (foreign / "conda-meta/broken-1-0.json").write_text(content)
    with pytest.raises(NotAnEnvironment, match=r"broken-1-0\.json is no record of an installed package"):
        lock_of(layout.at_path(settings, foreign))


def test_real_prefixes_of_conda_and_mamba_are_read(shared_data: Path, tmp_path: Path, settings: Settings) -> None:
    archives = sorted((shared_data / "prefixes").glob("*.tar.zst"))
    if not archives:
        pytest.skip("no archives of real prefixes in the shared data")
    read = 0
    for archive in archives:
        data = zstandard.ZstdDecompressor().stream_reader(archive.read_bytes()).read()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members = [member for member in tar.getmembers() if "/conda-meta/" in f"/{member.name}" and member.isfile()]
            for member in members:
                target = tmp_path / archive.stem / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None
                target.write_bytes(content.read())
        for history in (tmp_path / archive.stem).rglob("conda-meta/history"):
            lock = lock_of(layout.at_path(settings, history.parent.parent))
            records = [path for path in history.parent.glob("*.json") if path.stat().st_size]
            assert len(lock.conda) == len(records)
            read += 1
    assert read
