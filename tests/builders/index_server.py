"""A real package index on the loopback interface, under the test's control, and able to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from builders.projects import Project
from builders.wheels import Wheel

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


class IndexServer:
    """Serves PEP 691 JSON with PEP 658 metadata: `add` wheels, use `.url` while it runs as a context manager.

    `answers` maps a URL path to (status, content type, body) that is sent instead; `passing` maps one to such answers
    that are sent once each, first, with `Retry-After: retry_after` (seconds) where that is set; `cut` are paths whose
    answer ends halfway; `users` (name → password), once filled, are asked for by HTTP Basic; `requests` are the paths
    that were asked for, in order; every answer comes after `delay` seconds.
    """

    def __init__(self) -> None:
        self.wheels: dict[str, list[tuple[Wheel, bytes, dict[str, Any]]]] = {}
        self.sdists: dict[str, list[dict[str, Any]]] = {}
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.users: dict[str, str] = {}
        self.requests: list[str] = []
        self.delay = 0.0
        self.passing: dict[str, list[tuple[int, str, bytes]]] = {}
        self.retry_after: int | None = None
        self.cut: set[str] = set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append(self.path)
                time.sleep(server.delay)
                status, kind, body = server.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if server.retry_after is not None and status in (429, 503):
                    self.send_header("Retry-After", str(server.retry_after))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body[: len(body) // 2] if self.path in server.cut else body)
                if self.path in server.cut:
                    self.close_connection = True

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is the base class's)
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/simple"

    def add(self, *wheels: Wheel, **lies: Any) -> IndexServer:
        """Offer wheels; `lies` change their entries in the index (`yanked="why"`, `hashes={…}`, `size=…`)."""
        for wheel in wheels:
            data = wheel.content()
            entry = {
                "filename": wheel.filename,
                "url": f"/files/{wheel.filename}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                "size": len(data),
                "upload-time": "2024-01-02T03:04:05Z",
                "core-metadata": {"sha256": hashlib.sha256(wheel.metadata().encode()).hexdigest()},
            }
            if wheel.requires_python:
                entry["requires-python"] = wheel.requires_python
            self.wheels.setdefault(re.sub(r"[-_.]+", "-", wheel.name).lower(), []).append((wheel, data, entry | lies))
        return self

    def add_sdist(self, project: Project) -> IndexServer:
        """Offer the sdist of a project, without metadata beside it."""
        filename, data = project.sdist()
        entry = {
            "filename": filename,
            "url": f"/files/{filename}",
            "size": len(data),
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "upload-time": "2024-01-02T03:04:05Z",
        }
        self.answers[f"/files/{filename}"] = (200, "application/octet-stream", data)
        self.sdists.setdefault(re.sub(r"[-_.]+", "-", project.name).lower(), []).append(entry)
        return self

    def answer(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        """Return (status, content type, body) for one request."""
        if self.users and authorization not in {_basic(user, password) for user, password in self.users.items()}:
            return 401, "text/plain", b"who are you?"
        if self.passing.get(path):
            return self.passing[path].pop(0)
        if path in self.answers:
            return self.answers[path]
        if path == "/simple/":
            projects = [{"name": name} for name in sorted(self.wheels)]
            return 200, JSON_TYPE, json.dumps({"meta": {"api-version": "1.1"}, "projects": projects}).encode()
        if path.startswith("/simple/"):
            name = path.removeprefix("/simple/").strip("/")
            if name in self.wheels or name in self.sdists:
                files = [entry for _, _, entry in self.wheels.get(name, ())] + self.sdists.get(name, [])
                document = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []}
                return 200, JSON_TYPE, json.dumps(document).encode()
        filename = path.removeprefix("/files/")
        for wheel, data, _ in (offer for offers in self.wheels.values() for offer in offers):
            if filename == wheel.filename:
                return 200, "application/octet-stream", data
            if filename == wheel.filename + ".metadata":
                return 200, "text/plain", wheel.metadata().encode()
        return 404, "text/plain", b"not here"

    def __enter__(self) -> IndexServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up, as uv does once it knows enough."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
