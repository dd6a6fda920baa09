"""What every test may ask for: a home, a store and a cache of its own, and real channels."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, tools
from envmgr.settings import Settings

# What a CI system or a terminal sets changes what is printed; the tests that want it set it themselves.
_OF_THE_CALLER = frozenset({"BASH_ENV", "CI", "COLUMNS", "ENV", "FORCE_COLOR", "LINES", "NO_COLOR", "PS1"})

# Properties hold on a busy machine too: how long an example takes says nothing about them.
hypothesis.settings.register_profile("envmgr", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("envmgr")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure() -> None:
    """Let processes started by tests be interrupted: whoever runs in the background inherits an ignored SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture
def environ(tmp_path: Path, home: Path) -> dict[str, str]:
    """The environment of a new user: nothing of ours or conda's, an empty home, store and cache."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in _OF_THE_CALLER
        and not key.startswith(("ENVMGR_", "CONDA", "MAMBA", "XDG_", "UV_", "VIRTUAL_ENV", "PYTHON"))
    }
    return kept | {
        "HOME": str(home),
        "ENVMGR_ROOT": str(tmp_path / "root"),
        "ENVMGR_CACHE": str(tmp_path / "cache"),
        "ENVMGR_CONFIG": str(tmp_path / "config.yaml"),
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return Settings.load(environ)


@pytest.fixture
def make_channel(tmp_path: Path) -> Callable[..., LocalChannel]:
    """Return a function that makes an empty local channel, by default `tmp_path/channel`."""

    def make(name: str = "channel") -> LocalChannel:
        return LocalChannel(tmp_path / name).index()

    return make


@pytest.fixture
def channel(make_channel: Callable[..., LocalChannel]) -> LocalChannel:
    """A channel of small packages to try commands on: see `builders.commands.tools`."""
    return tools(make_channel())


@pytest.fixture
def envmgr(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Envmgr:
    """A function that runs a command line in `tmp_path/work`, as a new user."""
    work = tmp_path / "work"
    work.mkdir()
    return Envmgr(work, {**environ, "ENVMGR_TRACEBACK": "1"}, monkeypatch, capfd)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the project; a test that needs it skips where it is not."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not present beside this checkout")
    return SHARED_DATA
