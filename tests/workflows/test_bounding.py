"""Solves that would take more memory than there is are ended, and still answered, as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from builders.commands import Envmgr

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a solve is bounded where it can be forked: on Linux")

RUNGS = 26  # each doubles the text that rattler writes about why there is no solution


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    """A channel of 104 records: whatever `a0` leads to ends at an old x, on one of 2 ** RUNGS ways."""
    records: dict[str, Any] = {}

    def add(name: str, version: str, *depends: str) -> None:
        records[f"{name}-{version}-0.conda"] = {
            "name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
            "subdir": "noarch", "noarch": "generic", "sha256": "0" * 64, "size": 1,
        }  # fmt: skip

    for rung in range(RUNGS):
        for side in "ab":
            for version, after in (("1", "a"), ("2", "b")):
                add(f"{side}{rung}", version, f"{after}{rung + 1}" if rung + 1 < RUNGS else "x <2")
    add("x", "1")
    add("x", "2")
    for subdir, content in (("noarch", records), ("linux-64", {})):
        path = tmp_path / "ladder" / subdir / "repodata.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"info": {"subdir": subdir}, "packages": {}, "packages.conda": content}))
    return tmp_path / "ladder"


@pytest.mark.parametrize(
    "bound",
    [
        {"ENVMGR_SOLVE_MEMORY_LIMIT": "160"},
        {"ENVMGR_SOLVE_TIME_LIMIT": "1", "ENVMGR_SOLVE_MEMORY_LIMIT": "400"},
    ],
    ids=["memory", "time"],
)
def test_refusal_that_would_fill_the_memory_is_named_with_edits(
    bound: dict[str, str], ladder: Path, envmgr: Envmgr
) -> None:
    done = envmgr.process("create", "-n", "s", "-c", str(ladder), "a0", "x >=2", "--dry-run", "--json", **bound,
                          ENVMGR_EXPLAIN_TIMEOUT="24")  # fmt: skip
    assert done.code == 1, done
    error = done.json
    assert {entry["spec"] for entry in error["details"]["conflicts"]} == {"a0", "x >=2"}
    assert [edit["add"] for edit in error["details"]["edits"] if edit["remove"] == ["x >=2"]] == [["x==1"]]


def test_bounded_solve_says_what_it_needed_where_nothing_else_is_known(ladder: Path, envmgr: Envmgr) -> None:
    bounds = {"ENVMGR_SOLVE_MEMORY_LIMIT": "20", "ENVMGR_EXPLAIN_TIMEOUT": "1"}  # less than a process has to begin with
    done = envmgr.process("create", "-n", "s", "-c", str(ladder), "a0", "--dry-run", **bounds)
    assert done.code == 1, done
    assert "error: the solve was ended: the channels and the solver needed more than 20 MiB of memory" in done.err
    assert "envmgr config set solve_memory_limit" in done.err


def test_solve_that_fills_the_memory_is_interrupted_at_once_and_leaves_no_process(ladder: Path, envmgr: Envmgr) -> None:
    with envmgr.start("create", "-n", "s", "-c", str(ladder), "a0", "x >=2", "--dry-run") as process:
        until = time.monotonic() + 60
        while len(group := _processes(process.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert len(group) > 1
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "error: interrupted" in err) == (130, True)
    until = time.monotonic() + 60
    while _processes(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert _processes(process.pid) == []


def _processes(group: int) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split() if path.name.isdecimal() else []
        except OSError:
            continue
        if fields and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.name))
    return found
