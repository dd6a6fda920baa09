"""Credentials are used, and then they are nowhere: not on a stream, not in the store, a cache or the home."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.index_server import IndexServer
from builders.packages import Package
from builders.web import Answer, Request, WebServer
from builders.wheels import Wheel

PASSWORD, TOKEN, INDEX_PASSWORD = "ch4nn3l-p4ssw0rd", "tk-0123-4567-89ab", "1nd3x-p4ssw0rd"
SECRETS = (
    PASSWORD,
    TOKEN,
    INDEX_PASSWORD,
    base64.b64encode(f"me:{PASSWORD}".encode()).decode(),
    base64.b64encode(f"me:{INDEX_PASSWORD}".encode()).decode(),
)
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.users["me"] = INDEX_PASSWORD
        yield server.add(Wheel(name="greeter", requires=["dep"]), Wheel(name="dep"))


@pytest.fixture
def served(make_channel: Callable[..., LocalChannel]) -> LocalChannel:
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    python = Package(
        name="python",
        version=".".join(map(str, sys.version_info[:3])),
        files={
            # As a virtual environment, so that it believes to live in the prefix.
            "bin/python": f'#!/usr/bin/env bash\nexec -a "$0" "{interpreter}" "$@"\n',
            "pyvenv.cfg": f"home = {os.path.dirname(interpreter)}\n",
            f"{SITE}/README.txt": "",
        },
        executable=["bin/python"],
    )
    return make_channel("served").add(python, Package(name="pip", files={"share/pip": ""}), Package(name="a"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["password", "token"])
def test_secrets_are_used_and_then_nowhere(
    envmgr: Envmgr, served: LocalChannel, index: IndexServer, tmp_path: Path, kind: str
) -> None:
    expected = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()

    def answer(request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if kind == "password" and request.authorization != expected:
            return Answer(status=401)
        if kind == "token":
            if not path.startswith(f"/t/{TOKEN}/"):
                return Answer(status=403)
            path = path.removeprefix(f"/t/{TOKEN}")
        file = served.directory / path.removeprefix("/lab/")
        return Answer(body=file.read_bytes()) if file.is_file() else Answer(status=404)

    site = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://me:{INDEX_PASSWORD}@{index.host}/simple",
        "UV_HTTP_RETRIES": "0",
    }
    with WebServer(answer) as server:
        host = server.url.removeprefix("http://")
        url = f"http://me:{PASSWORD}@{host}/lab" if kind == "password" else f"http://{host}/t/{TOKEN}/lab"
        text = f"name: x\nchannels:\n  - {url}\ndependencies:\n  - python\n  - pip\n  - pip:\n    - greeter\n"
        file = envmgr.write("environment.yml", text)
        refused = site | {"PIP_INDEX_URL": f"http://me:{INDEX_PASSWORD}-@{index.host}/simple"}
        ended = [
            envmgr.process("create", "-f", "environment.yml", "-y", "--json", **site),
            envmgr.process("create", "-n", "y", "-c", url, "a", "-y"),
            envmgr.process("export", "-n", "x"),
            envmgr.process("list", "-n", "x", "--json"),
        ]
        assert [done.code for done in ended] == [0, 0, 0, 0], ended
        failed = [
            envmgr.process("create", "-n", "z", "-c", url, "missing", "-y"),
            envmgr.process("create", "-n", "z", "-c", url, "a >9", "-y", "--json"),
            envmgr.process("create", "-n", "z", "-c", f"{url}-not", "a", "-y"),
            envmgr.process("create", "-n", "z", "-c", url.replace(host, "127.0.0.1:9"), "a", "-y", "--json"),
            envmgr.process("create", "-n", "z", f"{url}::a", "-y"),
            envmgr.process("create", "-n", "z", "-f", "environment.yml", "--no-lock", "-y", **refused),
        ]
        assert all(done.code in (1, 2) for done in failed), failed
        file.unlink()
    assert (envmgr.prefix("x") / SITE / "greeter").is_dir()
    shown = "".join(done.out + done.err for done in (*ended, *failed))
    assert [secret for secret in SECRETS if secret in shown] == []
    assert _files_with_secrets(tmp_path) == []


def _files_with_secrets(directory: Path) -> list[str]:
    return [
        f"{path}: {secret}"
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        for secret in SECRETS
        if secret.encode() in path.read_bytes() or secret in str(path)
    ]
