"""What the README shows was run: here it is run again, in a clean copy with an empty home, store and cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(marker: str) -> list[str]:
    """Return the console blocks that follow `<!-- marker -->`."""
    return re.findall(rf"<!-- {marker} -->\n```console\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what a clone would hold: the files that git tracks, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.decode().strip()}")
    target = tmp_path / "clone"
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    return target


def shell(script: str, cwd: Path, environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\nexit code {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_everything_that_the_readme_shows_works(clone: Path, environ: dict[str, str], tmp_path: Path) -> None:
    # `python3` of the line is the interpreter that runs this test, not that of its virtual environment.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.base_prefix) / "bin/python3")
    for name in ("ENVMGR_ROOT", "ENVMGR_CACHE", "ENVMGR_CONFIG"):
        del environ[name]
    environ["PATH"] = f"{tools}:{environ['PATH']}"

    (main,) = blocks("main")
    printed = shell(main, clone, environ)
    for expected in (
        "demo is ready in",
        "linear equations",
        "cblas_ddot",
        "6 × 7 = 42",
        "imported",
        "DEMO_GREETING=hello",
    ):
        assert expected in printed

    shown = blocks("shown")
    assert len(shown) == 5
    environ["PATH"] = f"{clone / '.envmgr/bin'}:{environ['PATH']}"
    prompts = [re.sub(r"^\$ ", "", block, flags=re.MULTILINE) for block in shown]
    use, change, look, give, clean = prompts
    assert "[[1. 0.]\n [0. 1.]]" in shell(use, clone, environ)
    assert "hello-noarch" in shell(change, clone, environ)
    prefix = f"{environ['HOME']}/.local/share/envmgr/envs/demo"
    assert re.search(rf"^demo +{re.escape(prefix)}$", shell(look, clone, environ), re.MULTILINE)
    assert "  - hello-noarch\n  - envmgr-demo\n" in shell(give, clone, environ)
    assert "removed demo" in shell(clean, clone, environ)


def test_ci_runs_the_readmes_own_test_line() -> None:
    (line,) = blocks("tests")
    extract = re.search(r"^line=\$\((sed .*)\)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert extract is not None
    found = subprocess.run(["bash", "-c", extract[1]], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found == line
