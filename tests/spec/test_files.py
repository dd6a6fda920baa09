from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from builders.web import Answer, WebServer
from envmgr.errors import SpecError
from envmgr.spec import files

TEXT = "dependencies: [numpy]\n"


def error_of(location: str, *, offline: bool = False) -> SpecError:
    with pytest.raises(SpecError) as caught:
        files.read_text(location, offline=offline)
    return caught.value


def test_path_with_and_without_byte_order_mark(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "e.yml").write_text(TEXT + "# é\n", encoding=encoding)
        assert files.read_text(str(tmp_path / "e.yml")) == TEXT + "# é\n"


def test_dash_is_standard_input() -> None:
    assert files.read_text("-", stdin=io.BytesIO(TEXT.encode())) == TEXT


def test_named_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(TEXT))
    writer.start()
    assert files.read_text(str(pipe)) == TEXT
    writer.join()


def test_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(TEXT)
    error = error_of(str(tmp_path / "enviroment.yml"))
    assert error.message == f"{tmp_path / 'enviroment.yml'} does not exist"
    assert error.hint == f"did you mean `{tmp_path / 'environment.yml'}`?"
    assert "there is no directory" in str(error_of(str(tmp_path / "no" / "e.yml")).hint)


def test_directory_suggests_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(TEXT)
    assert error_of(str(tmp_path)).hint == f"name the file in it: `-f {tmp_path / 'environment.yml'}`"


@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root may read every file")
def test_file_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.yml").touch(mode=0)
    assert "cannot be read: Permission denied" in error_of(str(tmp_path / "e.yml")).message


def test_path_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in error_of("a\0b").message
    assert "cannot be read" in error_of(str(tmp_path / ("x" * 5000))).message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: 1\nb: \xe9\n", "e.yml:2: not UTF-8"),
        ("a: 1\n".encode("utf-16"), "e.yml:1: not UTF-8 but UTF-16"),
        (b"#" * (files.MAXIMUM_BYTES + 1), "larger than 10 MiB"),
    ],
)
def test_wrong_bytes_are_one_error(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "e.yml").write_bytes(data)
    assert words in error_of(str(tmp_path / "e.yml")).message


def test_hundred_megabytes_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "e.yml").open("wb") as file:
        file.truncate(100_000_000)
    assert "larger than 10 MiB" in error_of(str(tmp_path / "e.yml")).message


def test_endless_device_is_bounded() -> None:
    assert "larger than 10 MiB" in error_of("/dev/zero").message


def test_offline_asks_nobody() -> None:
    with WebServer(lambda request: Answer(body=b"x")) as server:
        assert "envmgr is offline" in error_of(f"{server.url}/e.yml", offline=True).message
        assert server.requests == []


@pytest.mark.parametrize(
    ("location", "named", "expected"),
    [
        ("environment.yml", "r.txt", "r.txt"),
        ("a/environment.yml", "b/r.txt", "a/b/r.txt"),
        ("-", "r.txt", "r.txt"),
        ("a/environment.yml", "/r.txt", "/r.txt"),
        ("a/environment.yml", "https://h.example/r.txt", "https://h.example/r.txt"),
        ("https://h.example/a/e.yml", "../r.txt", "https://h.example/r.txt"),
        ("https://h.example/a/e.yml", "/etc/passwd", "https://h.example/etc/passwd"),
    ],
)
def test_nested_names_are_relative_to_their_file(location: str, named: str, expected: str) -> None:
    assert files.relative_to(location, named) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("# é\nrich\n".encode("utf-16"), "# é\nrich\n"),
        ("rich\n".encode("utf-32"), "rich\n"),
        ("# -*- coding: latin-1 -*-\n# é\n".encode("latin-1"), "# -*- coding: latin-1 -*-\n# é\n"),
        (b"\xef\xbb\xbfrich\n", "rich\n"),
    ],
)
def test_a_requirements_file_may_name_its_encoding_as_for_pip(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)
    assert files.read_text(str(tmp_path / "requirements.txt")) == text


def test_an_encoding_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"# coding: klingon\n")
    with pytest.raises(SpecError, match="the encoding `klingon`"):
        files.read_text(str(tmp_path / "requirements.txt"))
