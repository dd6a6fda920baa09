"""A real HTTP server on the loopback interface whose answers the test decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    authorization: str | None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server says; `location` makes it a redirect, and `pause` are the seconds before each byte of it."""

    status: int = 200
    body: bytes = b""
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0


class WebServer:
    """A context manager that serves what `answer` returns; `requests` are those that came."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.requests: list[Request] = []
        self.answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                request = Request(
                    method=self.command,
                    path=self.path,
                    authorization=self.headers.get("Authorization"),
                    headers={name.lower(): value for name, value in self.headers.items()},
                )
                outer.requests.append(request)
                answer = outer.answer(request)
                try:
                    self.send_response(answer.status)
                    self.send_header("Content-Length", str(len(answer.body)))
                    if answer.location is not None:
                        self.send_header("Location", answer.location)
                    for key, value in answer.headers.items():
                        self.send_header(key, value)
                    self.end_headers()
                    if self.command != "HEAD":
                        for piece in [answer.body] if not answer.pause else map(bytes, zip(answer.body)):
                            time.sleep(answer.pause)
                            self.wfile.write(piece)
                except OSError:
                    pass  # the client has left, as it may

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that resets the connection is no fault of the test

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> WebServer:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
