from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, tools


@pytest.fixture
def envmgr(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Envmgr:
    """A function that runs a command line in `tmp_path/work`, as a new user."""
    work = tmp_path / "work"
    work.mkdir()
    return Envmgr(work, {**environ, "ENVMGR_TRACEBACK": "1"}, monkeypatch, capsys)


@pytest.fixture
def channel(make_channel: Callable[..., LocalChannel]) -> LocalChannel:
    """A channel of small packages: see `builders.commands.tools`."""
    return tools(make_channel())
