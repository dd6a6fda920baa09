"""Who owns the files of a prefix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders import by_hand
from builders.by_hand import SITE
from envmgr.store import ownership
from envmgr.store.ownership import Distribution


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
    by_hand.install(tmp_path, "mine", rows=("../../../../x,,", '"a, b.py",,'))
    (distribution,) = ownership.distributions(tmp_path)
    assert isinstance(distribution, Distribution)
    assert f"{SITE}/a, b.py" in distribution.files
    assert not [path for path in distribution.files if ".." in path]
