from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from builders.web import Answer, Request, WebServer
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


def test_url_is_read_and_redirects_are_followed() -> None:
    def answer(request: Request) -> Answer:
        return Answer(status=302, location="/b") if request.path == "/a" else Answer(body=TEXT.encode())

    with WebServer(answer) as server:
        assert files.read_text(f"{server.url}/a") == TEXT
        assert [request.path for request in server.requests] == ["/a", "/b"]


def test_plain_http_is_refused_but_to_this_machine() -> None:
    for url in ("http://h.example/e.yml", "ftp://h.example/e.yml", "file:///etc/passwd"):
        assert "is not an https URL" in error_of(url).message


def test_redirect_to_plain_http_or_a_file_is_refused() -> None:
    for target in ("http://h.example/e.yml", "file:///etc/passwd"):
        answer = Answer(status=302, location=target)
        with WebServer(lambda request, answer=answer: answer) as server:  # type: ignore[misc]
            assert "is not an https URL" in error_of(f"{server.url}/a").message


def test_endless_redirects_are_bounded() -> None:
    with WebServer(lambda request: Answer(status=302, location="/again")) as server:
        assert "redirects more than 5 times" in error_of(f"{server.url}/a").message


def test_password_goes_to_its_own_host_and_shows_nowhere() -> None:
    with WebServer(lambda request: Answer(body=TEXT.encode())) as other:

        def answer(request: Request) -> Answer:
            if request.path == "/e.yml":
                return Answer(status=302, location=other.url.replace("127.0.0.1", "localhost") + "/x")
            return Answer(status=403)

        with WebServer(answer) as server:
            secret = server.url.replace("//", "//u:sesame@")
            assert files.read_text(f"{secret}/e.yml") == TEXT
            assert server.requests[0].authorization is not None
            assert other.requests[0].authorization is None
            error = error_of(f"{secret}/refused")
    assert "HTTP 403" in error.message
    assert "sesame" not in f"{error.message}{error.hint}"


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html>", b"\n<html>"])
def test_web_page_in_place_of_a_file_is_named(body: bytes) -> None:
    with WebServer(lambda request: Answer(body=body)) as server:
        error = error_of(f"{server.url}/e.yml")
    assert "is a web page" in error.message
    assert error.hint == "use the link of the raw file"


def test_large_answer_is_not_read_to_its_end() -> None:
    with WebServer(lambda request: Answer(body=b"#" * (files.MAXIMUM_BYTES * 2))) as server:
        assert "larger than 10 MiB" in error_of(f"{server.url}/e.yml").message


def test_unreachable_host_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = error_of(f"http://127.0.0.1:{taken.getsockname()[1]}/e.yml")
    assert "cannot be read: " in error.message
    assert "refused" in error.message


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
