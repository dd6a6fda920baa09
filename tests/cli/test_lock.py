"""The lock beside an environment file as its users meet it: written, followed, outdated, damaged, updated."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.packages import Package
from builders.servers import FileServer
from envmgr.solve.select import is_libmamba_present

LOCK = "environment.conda-lock.yml"
FILE = ("-f", "environment.yml")
CONDA_LOCK = shutil.which("conda-lock")
MICROMAMBA = shutil.which("micromamba")


@pytest.fixture
def lock(envmgr: Envmgr) -> Path:
    return envmgr.directory / LOCK


def versions(envmgr: Envmgr, name: str = "science") -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in envmgr("list", "-n", name, "--json").json}


def locked(lock: Path) -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in yaml.safe_load(lock.read_bytes())["package"]}


def another_machine(envmgr: Envmgr) -> None:
    """Forget every environment and the cache: what is left is what a colleague has."""
    for directory in (envmgr.root, envmgr.cache):
        shutil.rmtree(directory, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_create_writes_the_lock_beside_the_file_and_says_so(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    out = envmgr.ok("create", *FILE)
    assert f", lock written to {LOCK}: " in out
    assert locked(lock) == {"base-files": "1.0", "tool": "1.0"}
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666 & ~_umask()
    assert sorted(os.listdir(envmgr.directory)) == [LOCK, "environment.yml"]
    before = entries(envmgr.directory)
    assert "is up to date" in envmgr.ok("create", *FILE)
    assert entries(envmgr.directory) == before


def test_the_same_file_and_repodata_give_the_same_bytes(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    envmgr.ok("create", *FILE)
    first = lock.read_bytes()
    another_machine(envmgr)
    lock.unlink()
    envmgr.ok("lock", *FILE)
    assert lock.read_bytes() == first


@pytest.mark.parametrize(
    "arguments",
    [(*FILE, "--no-lock"), (*FILE, "greet"), (*FILE, "-f", "other.yml"), (*FILE, "--dry-run")],
    ids=["no-lock", "file and specs", "two files", "dry run"],
)
def test_what_is_not_one_file_alone_has_no_lock_beside_it(
    envmgr: Envmgr, channel: LocalChannel, arguments: tuple[str, ...]
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.write("other.yml", environment_file(channel, "greet"))
    assert envmgr("create", *arguments).code == 0
    assert sorted(os.listdir(envmgr.directory)) == ["environment.yml", "other.yml"]


def test_a_lock_is_followed_though_the_channel_has_newer_packages(
    envmgr: Envmgr, channel: LocalChannel, lock: Path
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "numpy"))
    envmgr.ok("create", *FILE)
    channel.add(Package(name="numpy", version="2.0", files={}))
    another_machine(envmgr)
    before = lock.read_bytes()
    out = envmgr.ok("create", *FILE)
    assert out.splitlines()[0].endswith(f"; as locked in {LOCK})")
    assert versions(envmgr) == {"numpy": "1.26"}
    assert lock.read_bytes() == before
    assert not (envmgr.cache / "repodata").exists()
    document = envmgr("create", *FILE, "-n", "again", "--json").json
    assert document["lock"] == {"path": LOCK, "followed": True, "outdated": [], "written": False}


def test_following_asks_for_artifacts_alone_and_for_nothing_with_a_warm_cache(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    with FileServer(channel.directory) as server:
        text = environment_file(channel, "tool=1").replace(channel.url, server.url)
        envmgr.write("environment.yml", text)
        envmgr.ok("create", *FILE)
        another_machine(envmgr)
        server.requests.clear()
        envmgr.ok("create", *FILE)
        assert sorted(server.requests) == ["/noarch/base-files-1.0-0.conda", "/noarch/tool-1.0-0.conda"]
        shutil.rmtree(envmgr.root)
        server.requests.clear()
        envmgr.ok("create", *FILE)
        assert server.requests == []
    shutil.rmtree(envmgr.root)
    assert "is ready" in envmgr.ok("create", *FILE, "--offline")


def test_comments_and_order_do_not_make_a_lock_stale(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    envmgr.ok("lock", *FILE)
    before = lock.read_bytes()
    envmgr.write("environment.yml", "# mine\n" + environment_file(channel, "greet", "tool =1 # this one"))
    assert envmgr.ok("lock", *FILE, "--check") == f"{LOCK} fits environment.yml\n"
    assert f"as locked in {LOCK}" in envmgr.ok("create", *FILE, "--locked")
    assert lock.read_bytes() == before


def test_a_stale_lock_is_solved_again_and_only_what_must_change_changes(
    envmgr: Envmgr, channel: LocalChannel, lock: Path
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "numpy"))
    envmgr.ok("lock", *FILE)
    channel.add(Package(name="numpy", version="2.0", files={}))
    envmgr.write("environment.yml", environment_file(channel, "tool=2", "numpy", "greet"))
    out = envmgr.ok("create", *FILE)
    for said in (
        f"{LOCK} did not fit any more:\n  greet is new\n  tool=1 → tool=2\n",
        f"{LOCK}: 1 new, 1 changed\n",
        "  ~  tool   1.0 → 2.0",
        f", lock written to {LOCK}: ",
    ):
        assert said in out
    assert versions(envmgr) == locked(lock) == {"base-files": "1.0", "greet": "1.0", "numpy": "1.26", "tool": "2.0"}
    envmgr.ok("lock", *FILE, "--check")


def test_a_colleagues_new_lock_is_followed_with_the_same_file(
    envmgr: Envmgr, channel: LocalChannel, lock: Path
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "numpy", "greet"))
    envmgr.ok("create", *FILE)
    channel.add(Package(name="numpy", version="2.0", files={}))
    envmgr.ok("lock", *FILE, "--update", "numpy")
    assert versions(envmgr)["numpy"] == "1.26"
    out = envmgr.ok("create", *FILE)
    assert f"as locked in {LOCK}" in out
    assert versions(envmgr)["numpy"] == "2.0"
    assert "is up to date" in envmgr.ok("create", *FILE)


def test_a_lock_that_only_looks_different_changes_nothing(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", *FILE)
    lock.write_text(json.dumps(yaml.safe_load(lock.read_bytes())))
    assert "is up to date" in envmgr.ok("create", *FILE)


def test_a_lock_that_was_removed_is_written_again_from_what_is_there(
    envmgr: Envmgr, channel: LocalChannel, lock: Path
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "numpy"))
    envmgr.ok("create", *FILE)
    before = lock.read_bytes()
    lock.unlink()
    channel.add(Package(name="numpy", version="2.0", files={}))
    assert f"science is up to date, lock written to {LOCK}: " in envmgr.ok("create", *FILE)
    assert lock.read_bytes() == before


def test_locked_needs_a_lock_that_fits(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet", more="variables: {A: b}\n"))
    missing = envmgr("create", *FILE, "--locked")
    assert (missing.code, missing.out) == (1, "")
    assert f"{LOCK} does not exist" in missing.err
    assert "hint: envmgr lock -f environment.yml\n" in missing.err
    envmgr.ok("lock", *FILE)
    envmgr.ok("create", *FILE, "--locked")
    before = (lock.read_bytes(), entries(envmgr.root))
    envmgr.write("environment.yml", environment_file(channel, "tool=2", "numpy", more="variables: {A: c}\n"))
    stale = envmgr("create", *FILE, "--locked", "--json")
    assert stale.code == 1
    assert stale.json["error"] == "LockOutdated"
    assert stale.json["hint"] == "envmgr lock -f environment.yml"
    assert stale.json["details"]["differences"] == {
        "linux-64": ["greet is gone", "numpy is new", "tool=1 → tool=2", "the variable A has another value"]
    }
    assert (lock.read_bytes(), entries(envmgr.root)) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "-n", "x", "--locked", "tool"), "--locked follows the lock beside one environment file"),
        (("create", *FILE, "--locked", "--no-lock"), "--locked and --no-lock contradict each other"),
        (("lock", "-f", "-"), "a lock belongs to one environment file"),
        (("lock", *FILE, "tool"), "to move it on, write --update tool"),
        (("lock", *FILE, "--check", "--update", "tool"), "--check writes nothing"),
        (("lock", *FILE, "--update", "tol"), "not in the lock, so not to be updated: tol"),
    ],
)
def test_misuse_is_explained(envmgr: Envmgr, channel: LocalChannel, arguments: tuple[str, ...], said: str) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("lock", *FILE)
    done = envmgr.process(*arguments) if "-" in arguments else envmgr(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_check_is_for_ci(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    assert envmgr("lock", *FILE, "--check").code == 1
    envmgr.ok("lock", *FILE)
    document = envmgr("lock", *FILE, "--check", "--json").json
    assert (document["success"], document["up_to_date"], document["written"]) == (True, True, False)
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    before = lock.read_bytes()
    done = envmgr("lock", *FILE, "--check")
    assert (done.code, done.out) == (1, "")
    assert f"{LOCK} no longer fits environment.yml\n  greet is new\n" in done.err
    other = envmgr("lock", *FILE, "--check", "--platform", "osx-arm64", "--json").json
    assert other["error"] == "PlatformNotLocked"
    assert other["hint"] == "envmgr lock -f environment.yml --platform osx-arm64"
    assert lock.read_bytes() == before


def test_update_moves_what_is_named_and_what_that_forces(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    channel.add(
        Package(name="app", version="1.0", depends=["engine >=1"], files={}),
        Package(name="engine", version="1.0", files={}),
    )
    envmgr.write("environment.yml", environment_file(channel, "engine", "numpy", "app"))
    envmgr.ok("lock", *FILE)
    channel.add(
        Package(name="app", version="2.0", depends=["engine >=2"], files={}),
        Package(name="engine", version="2.0", files={}),
        Package(name="engine", version="3.0", files={}),
        Package(name="numpy", version="2.0", files={}),
    )
    assert envmgr.ok("lock", *FILE) == f"{LOCK} fits environment.yml\n"
    dry = envmgr("lock", *FILE, "--update", "app", "--dry-run", "--json").json
    assert [entry["name"] for entry in dry["platforms"]["linux-64"]["actions"]["LINK"]] == ["app", "engine"]
    assert locked(lock) == {"app": "1.0", "engine": "1.0", "numpy": "1.26"}
    out = envmgr.ok("lock", *FILE, "--update", "app")
    assert out.startswith(f"{LOCK}: 2 changed (3 packages for linux-64)\n")
    found = locked(lock)
    assert (found["app"], found["numpy"]) == ("2.0", "1.26")
    assert found["engine"] != "1.0"
    envmgr.ok("lock", *FILE, "--update", "numpy", "engine")
    assert locked(lock) == {"app": "2.0", "engine": "3.0", "numpy": "2.0"}


def test_a_channel_as_of_a_date_is_recorded_and_binds_who_states_it(
    envmgr: Envmgr, channel: LocalChannel, lock: Path
) -> None:
    channel.add(Package(name="dated", version="1", timestamp=1_500_000_000_000, files={}))
    channel.add(Package(name="dated", version="2", timestamp=1_700_000_000_000, files={}))
    table = f"channels:\n  lab: {{url: '{channel.url}', exclude-newer: DATE}}\n"
    envmgr.write("channels.yaml", table.replace("DATE", "2020-01-01"))
    envmgr.write("environment.yml", "name: science\nchannels: [lab]\ndependencies: [dated]\n")
    envmgr.ok("lock", *FILE)
    assert locked(lock) == {"dated": "1"}
    assert f"{channel.url} 2020-01-01T23:59:59+00:00" in lock.read_text()
    envmgr.ok("lock", *FILE, "--check")
    envmgr.write("channels.yaml", table.replace("DATE", "14d"))
    envmgr.ok("lock", *FILE, "--check")
    envmgr.write("channels.yaml", table.replace("DATE", "2024-01-01"))
    stale = envmgr("lock", *FILE, "--check")
    assert "exclude newer of lab: 2020-01-01T23:59:59+00:00 → 2024-01-01T23:59:59+00:00" in stale.err
    envmgr.ok("lock", *FILE, "--update", "dated")
    assert locked(lock) == {"dated": "2"}


@pytest.mark.parametrize("solver", ["rattler", "libmamba"])
def test_the_same_request_over_the_same_repodata_has_the_same_bytes(
    envmgr: Envmgr, channel: LocalChannel, lock: Path, solver: str
) -> None:
    if solver == "libmamba" and not is_libmamba_present():
        pytest.skip("libmambapy is not installed (it is on conda-forge only)")
    envmgr.write("environment.yml", environment_file(channel, "numpy", "tool"))
    written = set()
    for _ in range(3):
        another_machine(envmgr)
        lock.unlink(missing_ok=True)
        envmgr.ok("lock", *FILE, "--as-of", "2026-01-31", "--solver", solver)
        written.add(lock.read_bytes())
    assert len(written) == 1


def test_a_directory_that_cannot_be_written_is_said_and_not_fatal(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    (envmgr.directory / LOCK).symlink_to(envmgr.directory / "gone/lock.yml")  # as on a file system that is read only
    done = envmgr("create", *FILE)
    assert done.code == 0
    assert f"warning: {LOCK} cannot be written: No such file or directory: the environment is locked" in done.err
    assert "lock written" not in done.out
    refused = envmgr("lock", *FILE)
    assert refused.code == 1
    assert f"error: {LOCK} cannot be written" in refused.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_stale_lock_in_a_directory_of_others_makes_one_generation(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("lock", *FILE)
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    envmgr.directory.chmod(0o555)
    try:
        first, second = envmgr("create", *FILE), envmgr("create", *FILE)
    finally:
        envmgr.directory.chmod(0o755)
    assert (first.code, second.code) == (0, 0)
    assert "cannot be written: Permission denied" in first.err
    assert "is up to date" in second.out
    assert second.err == ""


def test_a_lock_behind_a_symlink_stays_behind_it(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    (envmgr.directory / "locks").mkdir()
    lock.symlink_to("locks/mine.yml")
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("lock", *FILE)
    assert lock.is_symlink()
    assert os.listdir(envmgr.directory / "locks") == ["mine.yml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('version: "1.0"', 'version: "1.1"', "the conda package base-files was edited"),
        ("- linux-64", "- linux-64\n  - osx-64", "osx-64"),
        ("package:", "<<<<<<< HEAD\npackage:", "is not YAML"),
        ("version: 1\n", "version: 9\n", "conda-lock version 9 is not known"),
        ("package:", "pakage:", "is not a conda-lock file"),
    ],
)
def test_a_damaged_lock_is_refused_with_the_entry_and_mended_by_locking_again(
    envmgr: Envmgr, channel: LocalChannel, lock: Path, old: str, new: str, said: str
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("lock", *FILE)
    good = lock.read_bytes()
    lock.write_bytes(good.replace(old.encode(), new.encode(), 1))
    for command in (("create", *FILE), ("create", *FILE, "--locked"), ("lock", *FILE, "--check")):
        done = envmgr(*command)
        assert (done.code, done.out) == (1, ""), command
        assert said in done.err
        assert LOCK in done.err
        assert "hint: " in done.err
    assert not envmgr.root.exists()
    mended = envmgr("lock", *FILE)
    assert mended.code == 0
    assert "it is made anew" in mended.err
    assert lock.read_bytes() == good


def test_a_hash_that_the_artifact_does_not_have_is_refused(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "numpy"))
    envmgr.ok("lock", *FILE)
    channel.add(Package(name="numpy", version="1.26", files={"share/numpy.txt": "another"}))
    done = envmgr("create", *FILE)
    assert done.code == 1
    assert "numpy-1.26-0" in done.err
    assert not envmgr.prefix("science").exists()


def test_the_lock_of_another_tool_is_left_alone(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    envmgr.ok("lock", *FILE)
    document = yaml.safe_load(lock.read_bytes())
    del document["metadata"]["custom_metadata"]
    lock.write_text(yaml.safe_dump(document))
    before = lock.read_bytes()
    done = envmgr("create", *FILE)
    assert done.code == 0
    assert "was not written by envmgr" in done.err
    assert "neither followed nor changed" in done.err
    for command in (("create", *FILE, "--locked"), ("lock", *FILE), ("lock", *FILE, "--check")):
        refused = envmgr(*command)
        assert refused.code == 1
        assert "was not written by envmgr" in refused.err
    assert lock.read_bytes() == before


@pytest.mark.parametrize("form", ["http://user:hunter2@{}", "http://{}/t/hunter2", "http://user:${{SECRET}}@{}"])
def test_credentials_of_a_channel_work_and_are_not_in_the_lock(
    envmgr: Envmgr, channel: LocalChannel, lock: Path, form: str
) -> None:
    envmgr.environ["SECRET"] = "hunter2"
    served = envmgr.directory.parent / "served"
    (served / "t").mkdir(parents=True)
    (served / "noarch").symlink_to(channel.directory / "noarch")
    (served / "linux-64").symlink_to(channel.directory / "linux-64")
    (served / "t/hunter2").symlink_to(channel.directory)
    with FileServer(served) as server:
        url = form.format(server.url.removeprefix("http://"))
        envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet").replace(channel.url, url))
        assert envmgr("create", *FILE).code == 0
        assert b"hunter2" not in lock.read_bytes()
        another_machine(envmgr)
        server.requests.clear()
        assert f"as locked in {LOCK}" in envmgr("create", *FILE).out
        assert len(server.requests) == 3
        assert all(path.startswith("/t/hunter2/") == ("/t/" in form) for path in server.requests)
