"""A machine on which pip halves can be tried: an index, and a channel with a python."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel

VERSION = ".".join(map(str, sys.version_info[:2]))
SITE = f"lib/python{VERSION}/site-packages"


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server.add(
            Wheel(name="pure", version="1.0", requires=["helper"]),
            Wheel(name="pure", version="2.0", requires=["helper"], scripts=["pure = pure:main"]),
            Wheel(name="helper", version="1.0"),
            Wheel(name="needy", version="1.0", requires=["provided>=2"]),
            Wheel(name="provided", version="2.0"),
        )


@pytest.fixture
def machine(envmgr: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A machine with one index, and a channel with a python and a distribution that conda provides."""
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    channel.add(
        Package(
            name="python",
            version=".".join(map(str, sys.version_info[:3])),
            files={
                # As a virtual environment, so that it believes to live in the prefix.
                "bin/python": f'#!/usr/bin/env bash\nexec -a "$0" "{interpreter}" "$@"\n',
                "pyvenv.cfg": f"home = {os.path.dirname(interpreter)}\ninclude-system-site-packages = false\n",
                f"{SITE}/README.txt": "",
            },
            executable=["bin/python"],
        ),
        Package(
            name="provided",
            version="1.5",
            files={
                f"{SITE}/provided.py": "",
                f"{SITE}/provided-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: provided\nVersion: 1.5\n",
            },
        ),
        Package(name="pip", version="24.0", depends=["python"], files={f"{SITE}/pip/__init__.py": ""}),
    )
    for name in [name for name in envmgr.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        del envmgr.environ[name]
    envmgr.environ |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "UV_HTTP_RETRIES": "0"}
    return envmgr


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """A user with an environment `science` of tool=1 (the newest is 2) and greet, made from a file."""
    envmgr.write("environment.yml", environment_file(channel, "tool=1  # as published", "greet"))
    envmgr.ok("create", "-f", "environment.yml", "-q")
    return envmgr
