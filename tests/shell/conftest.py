"""The shells of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builders.shells import SHELLS, Shell


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest, tmp_path: Path, environ: dict[str, str]) -> Shell:
    """Each shell that this machine has, one after the other."""
    name: str = request.param
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"the shell {name} is not installed")
    directory = tmp_path / "a b"
    directory.mkdir()
    return Shell(name, directory, environ)
