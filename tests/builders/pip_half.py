"""Environments with a pip half: a conda python that starts the running interpreter, and wheels from one index."""

from __future__ import annotations

import hashlib
import os
import sys

from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from envmgr.lock.model import PipPackage

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{VERSION}/site-packages"


def python_package() -> Package:
    """Return a `python` that believes to live in the prefix, as a virtual environment."""
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    return Package(
        name="python",
        version=".".join(map(str, sys.version_info[:3])),
        files={
            "bin/python": f'#!/usr/bin/env bash\nexec -a "$0" "{interpreter}" "$@"\n',
            "pyvenv.cfg": f"home = {os.path.dirname(interpreter)}\n",
            f"{SITE}/README.txt": "",
        },
        executable=["bin/python"],
    )


def environ_of(environ: dict[str, str], index: IndexServer) -> dict[str, str]:
    """Return the environment in which `index` is the only index."""
    kept = {
        key: value
        for key, value in environ.items()
        if not key.startswith("PIP_") and not key.lower().endswith("_proxy")
    }
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "UV_HTTP_RETRIES": "0"}


def locked(index: IndexServer, wheel: Wheel) -> PipPackage:
    """Add the wheel to the index and return it as a lock has it, asked for by name."""
    index.add(wheel)
    data = wheel.content()
    return PipPackage(
        name=wheel.name,
        version=wheel.version,
        url=f"http://{index.host}/files/{wheel.filename}",
        filename=wheel.filename,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        index_url=index.url,
        requested=(wheel.name,),
    )
