from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import envmgr
from builders.index_server import IndexServer
from envmgr.errors import PipError
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.settings import Settings

Load = Callable[..., Settings]


@pytest.fixture
def slow(index: IndexServer) -> Iterator[IndexServer]:
    index.delay = 3.0
    yield index
    index.delay = 0.0


def compile_arguments(tmp_path: Path, *lines: str) -> list[str]:
    (tmp_path / "requirements.in").write_text("".join(f"{line}\n" for line in lines))
    return ["pip", "compile", "--quiet", "--python", sys.executable, str(tmp_path / "requirements.in")]


def test_user_variables_are_passed_and_ours_are_not_theirs_to_change(load: Load, tmp_path: Path) -> None:
    uv = Uv.find(load(UV_INDEX_STRATEGY="x", UV_PYTHON="y", UV_PYTHON_DOWNLOADS="automatic", UV_LINK_MODE="symlink"))

    assert uv.environ["UV_INDEX_STRATEGY"] == "x"
    assert uv.environ["UV_PYTHON_DOWNLOADS"] == "never"
    assert not {"UV_PYTHON", "UV_LINK_MODE"} & set(uv.environ)
    assert uv.cache == tmp_path / "cache" / "uv"
    assert Uv.find(load(UV_CACHE_DIR=str(tmp_path / "theirs"))).cache == tmp_path / "theirs"


def test_a_link_mode_that_copies_or_links_is_the_user_s_choice(load: Load) -> None:
    assert Uv.find(load(UV_LINK_MODE="copy")).environ["UV_LINK_MODE"] == "copy"


def test_what_uv_says_is_cleaned(load: Load, tmp_path: Path) -> None:
    uv = Uv.find(load(PIP_INDEX_URL="http://me:s3cret@127.0.0.1:9/simple"))
    with pytest.raises(UvFailed) as caught:
        uv.run(compile_arguments(tmp_path, "app"))

    assert "s3cret" not in caught.value.text
    assert "\x1b" not in caught.value.text
    assert not caught.value.text.startswith("error:")


def test_temporary_paths_are_shown_as_what_they_stand_for(load: Load, tmp_path: Path) -> None:
    arguments = compile_arguments(tmp_path, "app ==== 1")
    with pytest.raises(UvFailed) as caught:
        Uv.find(load()).run(arguments, hidden=((arguments[-1], "the pip section"),))

    assert "the pip section" in caught.value.text
    assert str(tmp_path) not in caught.value.text


def test_a_run_that_takes_too_long_is_ended(slow: IndexServer, load: Load, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(PipError, match=r"has not ended after 0\.6 seconds"):
        Uv.find(load()).run(compile_arguments(tmp_path, "app"), timeout=0.6)

    assert time.monotonic() - start < 30


def test_a_missing_binary_is_an_error(load: Load, tmp_path: Path) -> None:
    uv = Uv.find(load())
    gone = Uv(binary=str(tmp_path / "gone"), environ=uv.environ, cache=uv.cache, offline=False, indexes=uv.indexes)
    with pytest.raises(PipError, match="gone cannot be started: No such file"):
        gone.run(["--version"])


def test_an_interrupt_ends_uv_too(slow: IndexServer, load: Load, tmp_path: Path) -> None:
    arguments = compile_arguments(tmp_path, "app")
    script = (
        "import sys; from envmgr.settings import Settings; from envmgr.pypi.uv import Uv\n"
        f"Uv.find(Settings.load()).run({arguments!r})"
    )
    environ = {**load().environ, "PYTHONPATH": str(Path(envmgr.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", script], env=environ, stderr=subprocess.DEVNULL)
    while not slow.requests and process.poll() is None:
        time.sleep(0.02)
    children = children_of(process.pid)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=2.5) != 0
    assert len(children) == 1
    assert not any(is_running(child) for child in children)


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("no list of child processes on this system")
    return [int(child) for child in path.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
