from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.channels.payloads import (
    FilesPayload,
    InterpreterPayload,
    LinksPayload,
    PayloadFault,
    Selection,
    WheelPayload,
    local_files,
    parse,
)


def test_each_kind_of_payload_is_understood(tmp_path: Path) -> None:
    (tmp_path / "prefix").mkdir()
    payload = parse(
        [
            {"wheel": "numpy==2.2.6"},
            {"wheel": "node", "from": "a/b/", "into": "."},
            {"interpreter": True},
            {"files": "prefix", "placeholder": "@"},
            {"links": {"bin/a": "b"}},
        ],
        tmp_path,
    )
    assert payload == (
        WheelPayload(requirement="numpy==2.2.6", selection=Selection(), installed=True),
        WheelPayload(requirement="node", selection=Selection(source="a/b"), installed=False),
        InterpreterPayload(selection=Selection()),
        FilesPayload(directory=tmp_path / "prefix", selection=Selection(), placeholder="@"),
        LinksPayload(links={"bin/a": "b"}),
    )


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({}, ()),
        ({"wheel": "a", "files": "b"}, ()),
        ({"wheel": "a[extra]"}, ("wheel",)),
        ({"wheel": "a; python_version > '3'"}, ("wheel",)),
        ({"wheel": "--index-url x"}, ("wheel",)),
        ({"wheel": "a", "into": "../x"}, ("into",)),
        ({"wheel": "a", "into": "/x"}, ("into",)),
        ({"wheel": "a", "include": [1]}, ("include",)),
        ({"interpreter": False}, ("interpreter",)),
        ({"files": "absent"}, ("files",)),
        ({"files": "."}, ("files",)),
        ({"links": ["a"]}, ("links",)),
        ("numpy", ()),
    ],
)
def test_a_wrong_item_is_refused_with_its_place(tmp_path: Path, item: object, path: tuple[str, ...]) -> None:
    with pytest.raises(PayloadFault) as caught:
        parse([item], tmp_path)
    assert caught.value.path == (0, *path)


@pytest.mark.parametrize(
    ("selection", "path", "place"),
    [
        (Selection(), "a/b", "a/b"),
        (Selection(source="a"), "a/b/c", "b/c"),
        (Selection(source="a"), "ab/c", None),
        (Selection(target="lib"), "a", "lib/a"),
        (Selection(include=("*.so",)), "x.so", "x.so"),
        (Selection(include=("*.so",)), "d/x.so", None),
        (Selection(include=("**/*.so",)), "x.so", "x.so"),
        (Selection(include=("**/*.so",)), "d/e/x.so", "d/e/x.so"),
        (Selection(exclude=("**/tests/**",)), "a/tests/b/c", None),
        (Selection(exclude=("**/tests/**",)), "a/mytests/b", "a/mytests/b"),
        (Selection(include=("lib?.so",)), "lib/.so", None),
        (Selection(include=("a[1]",)), "a[1]", "a[1]"),
    ],
)
def test_globs_select_relative_to_the_source(selection: Selection, path: str, place: str | None) -> None:
    assert selection.place(path) == place


def test_local_files_keep_links_modes_and_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / ".hidden.sh").write_text("x")
    (tmp_path / "bin" / ".hidden.sh").chmod(0o755)
    (tmp_path / "bin" / "link").symlink_to(".hidden.sh")
    (tmp_path / "sbin").symlink_to("bin")
    files = list(local_files(FilesPayload(directory=tmp_path, selection=Selection(), placeholder=None)))
    assert {(file.path, file.executable, file.link) for file in files} == {
        ("bin/.hidden.sh", True, None),
        ("bin/link", False, ".hidden.sh"),
        ("sbin", False, "bin"),
    }
