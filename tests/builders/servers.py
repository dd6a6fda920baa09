"""A real HTTP server on the loopback interface that serves a directory, with the faults that servers have."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit


class FileServer:
    """Serves `directory`; `faults` maps a URL path to what happens to the next requests for it, first to last.

    A fault is a status (500), a number of bytes after which the line breaks (`cut 100`), or a place to go to
    (`to /other`). `requests` are the paths asked for, in order.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.faults: dict[str, list[str]] = {}
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def do_HEAD(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path)
        self.requests.append(path)
        fault = (self.faults.get(path) or [""]).pop(0)
        if fault.isdigit():
            handler.send_error(int(fault))
            return
        if fault.startswith("to "):
            handler.send_response(302)
            handler.send_header("Location", fault[3:])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        file = self.directory / path.lstrip("/")
        if not file.is_file():
            handler.send_error(404)
            return
        data = file.read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(data[: int(fault[4:])] if fault.startswith("cut ") else data)
