"""Credentials are used, and then they are nowhere: not on a stream, not in the store, a cache or the home."""

from __future__ import annotations

import base64
import json
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
from envmgr.platforms.subdirs import current_subdir

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


FORMATS = ("environment", "pinned", "conda-lock", "explicit", "pixi-lock", "json")


@pytest.mark.parametrize("lock", ["explicit", "conda-lock", "pixi"])
@pytest.mark.parametrize("kind", ["password", "token", "variables"])
def test_secrets_in_a_lock_of_another_tool_are_used_and_then_nowhere(
    envmgr: Envmgr, make_channel: Callable[..., LocalChannel], tmp_path: Path, lock: str, kind: str
) -> None:
    channel = make_channel("served").add(Package(name="a", depends=["b"]), Package(name="b"))
    expected = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()

    def answer(request: Request) -> Answer:
        path = request.path
        if kind == "token":
            if not path.startswith(f"/t/{TOKEN}/"):
                return Answer(status=403)
            path = path.removeprefix(f"/t/{TOKEN}")
        elif request.authorization != expected:
            return Answer(status=401)
        return Answer(body=(channel.directory / path.removeprefix("/lab/")).read_bytes())

    with WebServer(answer) as server:
        host = server.url.removeprefix("http://")
        user = "$LAB_USER:$LAB_PASSWORD" if kind == "variables" and lock != "pixi" else f"me:{PASSWORD}"
        url = f"http://{host}/t/{TOKEN}/lab" if kind == "token" else f"http://{user}@{host}/lab"
        file = envmgr.write("the.lock", _lock(lock, channel, url))
        variables = {"LAB_USER": "me", "LAB_PASSWORD": PASSWORD} if kind == "variables" else {}
        done = [
            envmgr("create", "-n", "x", "-f", "the.lock", "-y", "--json", **variables),
            *(envmgr("export", "-n", "x", "--format", form) for form in FORMATS),
            *(envmgr("export", "the.lock", "--format", form, **variables) for form in FORMATS[:2]),
            envmgr("diff", "x", "the.lock", "--json", **variables),
            envmgr("history", "-n", "x", "--json"),
        ]
        assert [each.code for each in done] == [0] * len(done), done
        says = "has credentials in its URLs" in done[0].err
        assert says is ("$" not in user or kind == "token")
        wrong = file.read_text().replace(PASSWORD, "wr0ng-p4ssw0rd").replace(TOKEN, "wr0ng-p4ssw0rd")
        envmgr.write("the.lock", wrong)
        refused = envmgr("create", "-n", "y", "-f", "the.lock", ENVMGR_CACHE=str(tmp_path / "cold"), **variables)
        file.unlink()
    assert (refused.code, "wr0ng" in refused.out + refused.err) == (1, False) or kind == "variables"
    shown = "".join(each.out + each.err for each in (*done, refused))
    assert [secret for secret in SECRETS if secret in shown] == []
    assert _files_with_secrets(tmp_path) == []


def _lock(kind: str, channel: LocalChannel, url: str) -> str:
    packages = [channel.package(name) for name in ("a", "b")]
    urls = [package.url.replace(channel.url, url) for package in packages]
    if kind == "explicit":
        lines = [f"{url}#{package.md5}\n" for url, package in zip(urls, packages, strict=True)]
        return "".join(["@EXPLICIT\n", *lines])
    if kind == "pixi":
        entries = [f"- conda: {url}\n  sha256: {package.sha256}\n" for url, package in zip(urls, packages, strict=True)]
        entries[0] += "  depends:\n  - b\n"
        listed = "".join(f"      - conda: {url}\n" for url in urls)
        head = f"version: 6\nenvironments:\n  default:\n    channels:\n    - url: {url}/\n    packages:\n"
        return f"{head}      {current_subdir()}:\n{listed}packages:\n{''.join(entries)}"
    document = {
        "metadata": {
            "channels": [{"url": url, "used_env_vars": ["LAB_USER", "LAB_PASSWORD"]}],
            "platforms": [current_subdir()],
        },
        "package": [
            {"name": package.name, "version": package.version, "manager": "conda", "platform": current_subdir(),
             "dependencies": dict.fromkeys(package.depends, ""), "url": url, "hash": {"sha256": package.sha256}}
            for url, package in zip(urls, packages, strict=True)
        ],
    }  # fmt: skip
    return json.dumps(document)


def _files_with_secrets(directory: Path) -> list[str]:
    return [
        f"{path}: {secret}"
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        for secret in SECRETS
        if secret.encode() in path.read_bytes() or secret in str(path)
    ]
