"""The pip half of an environment beside uv and pip, which install the same locked list into an empty venv."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from measure import Result, compare
from place import Place

CONDA = ("numpy",)
ASKED = (
    *("aiohttp", "cryptography", "httpx", "jinja2", "lxml", "matplotlib", "orjson", "pandas", "pydantic", "pyyaml"),
    *("redis", "scikit-learn", "sqlalchemy", "tqdm"),
)


def pip_half(place: Place) -> tuple[dict[str, Result], int]:
    """Return the times, and how many distributions the pip half has; needs a Python package index."""
    python = next(each for each in place.channel.glob("linux-64/python-*.conda")).name.split("-")[1]
    spec = (f"python={python}", *CONDA)
    both, conda = place.write("both", spec, ASKED), place.write("conda-half", spec)
    for file in (both, conda):
        place.do(place.create(file))
    listed = json.loads(
        subprocess.run(
            [*place.envmgr, "list", "-n", "both", "--json"],
            check=True, capture_output=True, text=True, env=place.environ,
        ).stdout
    )  # fmt: skip
    pins = [f"{each['name']}=={each['version']}\n" for each in listed if each["channel"] == "pypi"]
    requirements = place.work / "pins.txt"
    requirements.write_text("".join(pins))
    venv = place.work / "venv"
    interpreter = str(venv / "bin/python")
    uv = find_uv_bin()
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_CACHE"))}
    environ |= {
        "UV_CACHE_DIR": str(place.work / "uv-pins"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_CACHE_DIR": str(place.work / "pip-cache"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    def empty_venv() -> None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)

    def without(name: str) -> None:
        # That a lock fits is remembered for the conda half alone: the difference is to be that of the pip half
        place.forget(f"root/envs/{name}", f"root/envs/.generations/{name}", "cache/fitting-locks")()

    install = ["install", "--quiet", "--no-deps", "-r", str(requirements)]
    subjects = [
        place.subject("envmgr create, both halves", place.create(both), lambda: without("both")),
        place.subject("envmgr create, conda half", place.create(conda), lambda: without("conda-half")),
        place.subject("uv pip install", [uv, "pip", *install, "--python", interpreter], empty_venv, environ),
        place.subject("pip install", [interpreter, "-m", "pip", *install], empty_venv, environ),
    ]
    return compare(subjects, runs=place.runs, log=Path(place.log)), len(pins)
