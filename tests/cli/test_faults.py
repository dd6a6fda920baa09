"""What a machine can do to a command: each fault is one clear message with what to do, and nothing is half done."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries, tools
from builders.packages import Package

NOBODY = 65534


def in_namespace(envmgr: Envmgr, mounts: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with file systems mounted that only it sees; skip where that is not allowed."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("no `unshare` and `mount` here: no file system can be filled or made read-only")
    allowed = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    if allowed.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {allowed.stderr.strip()[-200:]}")
    script = f"set -e\n{mounts}\nexec {shlex.join([*PROGRAM, *command])}"
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env={**envmgr.environ, **variables}, cwd=envmgr.directory,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def tmpfs(directory: Path, options: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    return f"mount -t tmpfs -o {options} tmpfs {shlex.quote(str(directory))}"


def read_only(directory: Path) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    where = shlex.quote(str(directory))
    return f"mount --bind {where} {where}; mount -o remount,ro,bind {where}"


@pytest.fixture
def filled(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """An environment `x` of `tool`, and packages that are large or have many files."""
    channel.add(
        Package(name="large", files={"share/large": os.urandom(1_500_000).hex()}),
        Package(name="many", files={f"share/many/{number}": "x" for number in range(200)}),
        Package(name="patched", files={"share/text": "/opt/placeholder" + "x" * 3_000_000},
                placeholders={"share/text": ("/opt/placeholder", "text")}),
    )  # fmt: skip
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "-q")
    return envmgr


SMALL = "size=2m"
FEW = "nr_inodes=60"


@pytest.mark.parametrize(
    ("place", "options", "package", "error", "message"),
    [
        ("store", SMALL, "large", "NoSpace", r" MiB free; the environment takes "),
        ("store", FEW, "many", "NoInodes", r"inodes free; the environment takes 2\d\d"),
        ("cache", SMALL, "large", "NoSpace", r" MiB of archives to unpack, | MiB are free\)"),
        ("cache", FEW, "many", "NoInodes", r"\(no inode is free\)"),
        ("cache", "nr_inodes=9", "tool=2", "NoInodes", r"inodes free; 2 packages to unpack take more"),
    ],
)
def test_a_full_place_is_said_with_numbers_and_nothing_stays(
    filled: Envmgr, channel: LocalChannel, place: str, options: str, package: str, error: str, message: str
) -> None:
    small = filled.directory / "small"
    variable = {"store": "ENVMGR_ROOT", "cache": "ENVMGR_CACHE"}[place]
    listing = filled.directory / "listing"
    command = shlex.join([*PROGRAM, "create", "-n", "y", "-c", channel.url, package, "--json"])
    find = f"find {shlex.quote(str(small))} -type f > {shlex.quote(str(listing))}"
    # What is mounted is gone with the command, so it is listed before.
    script = f"{tmpfs(small, options)}\nset +e\n{command}\ncode=$?\n{find}\nexit $code"
    done = in_namespace(filled, script, "--version", **{variable: str(small / "here")})
    document = _json(done)
    assert document["error"] == error, document
    assert re.search(message, document["message"]), document
    assert "envmgr clean" in document["hint"]
    left = [line for line in listing.read_text().splitlines() if "/repodata/" not in line]
    assert left == []
    assert filled.process("run", "-n", "x", "tool").out == "tool 1.0\n"


@pytest.mark.parametrize(
    "command",
    [
        ("create", "-n", "y", "tool"),
        ("install", "-n", "x", "base-files"),
        ("rename", "x", "y"),
        ("remove", "-n", "x", "--all", "--yes"),
    ],
    ids=" ".join,
)
def test_a_read_only_store_can_be_used_and_says_what_to_do_otherwise(
    filled: Envmgr, channel: LocalChannel, command: tuple[str, ...]
) -> None:
    before = entries(filled.root)
    more = ("-c", channel.url) if command[0] == "create" else ()
    done = in_namespace(filled, read_only(filled.root), *command, *more, "--json")
    document = _json(done)
    assert document["error"] == "ReadOnlyStore", document
    assert "ENVMGR_ROOT=DIRECTORY" in document["hint"]
    assert entries(filled.root) == before
    assert in_namespace(filled, read_only(filled.root), "run", "-n", "x", "tool").stdout == "tool 1.0\n"


def test_a_read_only_cache_serves_what_it_has(filled: Envmgr, channel: LocalChannel) -> None:
    filled.ok("clone", "x", "y", "-q")
    mounts = read_only(filled.cache)
    assert in_namespace(filled, mounts, "clone", "x", "z", "-q").returncode == 0
    assert filled.process("run", "-n", "z", "tool").out == "tool 1.0\n"
    document = _json(in_namespace(filled, mounts, "create", "-n", "w", "-c", channel.url, "greet", "--json"))
    assert document["error"] == "ReadOnlyStore"
    assert "ENVMGR_CACHE=DIRECTORY" in document["hint"]
    assert not filled.prefix("w").exists()


def test_a_store_on_another_file_system_copies_and_keeps_locks_instead_of_trees(
    filled: Envmgr, channel: LocalChannel
) -> None:
    other = filled.directory / "other"
    steps = [
        ("create", "-n", "y", "-c", channel.url, "tool=1", "-q"),
        ("install", "-n", "y", "greet", "-q"),
        ("rollback", "-n", "y", "-q"),
        ("verify", "-n", "y", "-q"),
    ]
    lines = "\n".join(shlex.join([*PROGRAM, *step]) for step in steps)
    done = in_namespace(filled, f"{tmpfs(other, 'size=50m')}\n{lines}", "history", "-n", "y", "--json",
                        ENVMGR_ROOT=str(other / "root"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"lock"') == 2, done.stdout


def test_a_read_only_home_costs_the_register_only(filled: Envmgr, channel: LocalChannel) -> None:
    home = Path(filled.environ["HOME"])
    done = in_namespace(filled, read_only(home), "create", "-n", "y", "-c", channel.url, "tool")
    assert done.returncode == 0
    assert "other tools will not list y" in done.stderr
    assert filled.process("run", "-n", "y", "tool").out == "tool 2.0\n"


def test_no_home_at_all_is_said(filled: Envmgr) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and `setpriv`, to be a user who has no home")
    if _as_user(4321, filled.environ, "--version").returncode != 0:
        pytest.skip("others may not read this checkout or its python")
    environ = {key: value for key, value in filled.environ.items() if key != "HOME"}
    done = _as_user(4321, environ, "list", "-n", "x")
    assert done.returncode == 1
    assert "HOME is not set, and user 4321 has no home directory otherwise" in done.stderr
    assert "HOME=/tmp/home" in done.stderr


def test_without_permission_what_there_is_can_be_used_and_not_changed(filled: Envmgr) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and `setpriv`, to be somebody else")
    if _as_user(NOBODY, filled.environ, "--version").returncode != 0:
        pytest.skip("others may not read this checkout or its python")
    with tempfile.TemporaryDirectory() as directory:  # that of pytest is for its user alone
        os.chmod(directory, 0o755)
        places = {"ENVMGR_ROOT": f"{directory}/root", "ENVMGR_CACHE": f"{directory}/cache", "HOME": f"{directory}/home"}
        places["ENVMGR_CONFIG"] = f"{directory}/config.yaml"
        channel = tools(LocalChannel(Path(directory, "channel")).index())
        assert filled("create", "-n", "x", "-c", channel.url, "tool=1", **places).code == 0
        environ = {**filled.environ, **places, "HOME": f"{directory}/nowhere"}
        assert _as_user(NOBODY, environ, "run", "-n", "x", "tool").stdout == "tool 1.0\n"
        assert _as_user(NOBODY, environ, "list", "-n", "x", "-q").returncode == 0
        document = _json(_as_user(NOBODY, environ, "clone", "x", "y", "--json"))
        assert document["error"] == "ReadOnlyStore", document
        assert "ENVMGR_ROOT=DIRECTORY" in document["hint"]


@pytest.mark.parametrize("kind", ["spaces and letters", "long"])
def test_odd_prefixes_work(filled: Envmgr, channel: LocalChannel, tmp_path: Path, kind: str) -> None:
    prefix = tmp_path / ("mit Leerzeichen/é ü 漢" if kind != "long" else "/".join(["directory-of-24-letters"] * 9))
    assert kind != "long" or len(str(prefix)) > 200
    filled.ok("create", "-p", str(prefix), "-c", channel.url, "tool=1", "greet", "patched", "-q")
    assert filled.process("run", "-p", str(prefix), "tool").out == "tool 1.0\n"
    assert (prefix / "share/text").read_text().startswith(str(prefix))
    filled.ok("install", "-p", str(prefix), "tool=2", "-q")
    filled.ok("rollback", "-p", str(prefix), "-q")
    assert filled.ok("verify", "-p", str(prefix)).splitlines()[-1].split(": ")[-1].startswith("whole")
    filled.ok("rename", "-p", str(prefix), "short", "-q")
    assert filled.process("run", "-n", "short", "tool").out == "tool 1.0\n"


def test_a_clock_that_was_moved_back_costs_nothing(filled: Envmgr, channel: LocalChannel) -> None:
    """Everything that was written seems to come from the future: nothing is taken for old, new, dead or used."""
    future = 4_000_000_000
    for directory in (filled.root, filled.cache):
        for path in (directory, *directory.rglob("*")):
            os.utime(path, (future, future), follow_symlinks=False)
    filled.ok("install", "-n", "x", "greet", "-q")
    assert filled.process("run", "-n", "x", "sh", "-c", "tool; echo $GREETING").out == "tool 1.0\nhello\n"
    filled.ok("rollback", "-n", "x", "-q")
    assert filled.ok("verify", "-n", "x").startswith("x: whole")
    filled.ok("remove", "-n", "x", "--all", "--yes", "-q")
    assert filled("clean", "--yes").code == 0
    assert not list(filled.cache.glob("pkgs/*"))


def _as_user(number: int, environ: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    become = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
    return subprocess.run(
        [*become, *PROGRAM, *command], env=environ, cwd="/", capture_output=True, text=True, check=False, timeout=300
    )


def _json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 1, done
    document: dict[str, Any] = json.loads(done.stdout)
    return document
