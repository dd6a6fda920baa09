from __future__ import annotations

import socket

import pytest

from builders.web import Answer, Request, WebServer
from envmgr.errors import SpecError
from envmgr.spec import files

TEXT = "dependencies: [numpy]\n"


def error_of(location: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        files.read_text(location)
    return caught.value


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
