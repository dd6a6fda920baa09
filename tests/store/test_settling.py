"""A generation is trusted after a restart only when it is known to have reached the disk."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from builders.store import Store
from envmgr.errors import StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import PipPackage
from envmgr.store import commit, generations, layout, settling


def make_suspect(store: Store) -> Path:
    """Make an environment of which nobody knows whether it survived a restart."""
    store.create("a", "patched", "tool")
    prefix = store.location("a").prefix
    wait_until_settled(prefix)
    generation = generations.current(prefix)
    assert generation is not None
    commit.write_generation(prefix, generation._replace(boot_id="another"))
    return prefix


def wait_until_settled(prefix: Path) -> None:
    deadline = time.monotonic() + 30
    while not generations.is_settled(prefix):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_new_generation_settles_without_anyone_waiting(store: Store) -> None:
    store.create("a", "tool")
    wait_until_settled(store.location("a").prefix)


def test_whole_generation_of_another_boot_is_settled_when_met(store: Store) -> None:
    prefix = make_suspect(store)
    settling.require_whole(store.location("a"))
    assert generations.is_settled(prefix)


def test_lost_file_is_found_and_named(store: Store) -> None:
    prefix = make_suspect(store)
    (prefix / "lib/tool/data").unlink()
    with pytest.raises(StoreError, match="lib/tool/data") as caught:
        settling.require_whole(store.location("a"))
    assert caught.value.details["missing"] == ["lib/tool/data"]
    assert not generations.is_settled(prefix)


def test_lost_record_is_found_by_the_lock(store: Store) -> None:
    prefix = make_suspect(store)
    (prefix / "conda-meta/tool-1.0-0.json").unlink()
    assert settling.missing_files(prefix) == ("conda-meta/tool-1.0-0.json",)


def test_file_whose_content_was_never_written_is_found(store: Store) -> None:
    prefix = make_suspect(store)
    (prefix / "etc/patched.conf").write_bytes(b"")
    (prefix / "conda-meta/tool-1.0-0.json").write_bytes(b"")
    assert settling.missing_files(prefix) == ("conda-meta/tool-1.0-0.json", "etc/patched.conf")


def test_suspect_generation_is_not_up_to_date_and_is_made_again(store: Store) -> None:
    prefix = make_suspect(store)
    assert not generations.is_current(store.location("a"), "")
    (prefix / "lib/tool/data").unlink()
    store.create("a", "patched", "tool")
    assert generations.is_current(store.location("a"), "")
    assert settling.missing_files(prefix) == ()


def test_of_distributions_only_those_that_are_locked_are_missed(store: Store) -> None:
    prefix = make_suspect(store)
    site = "lib/python3.12/site-packages"
    for name, version in (("ours", "1.0"), ("theirs", "1.0")):
        info = prefix / site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f"{name}.py,,\n{name}-{version}.dist-info/RECORD,,\n")
        (prefix / site / f"{name}.py").touch()
    path = prefix / layout.LOCK_FILE
    (lock,) = conda_lock.loads(path.read_bytes(), source="lock").values()
    url = "https://index.example/ours-1.0-py3-none-any.whl"
    wheel = PipPackage("ours", "1.0", url, "ours-1.0-py3-none-any.whl", "0" * 64)
    path.write_bytes(conda_lock.dumps_yaml([lock._replace(pip=(wheel,))]))
    assert settling.missing_files(prefix) == ()
    (prefix / site / "theirs.py").unlink()
    assert settling.missing_files(prefix) == ()
    (prefix / site / "ours.py").unlink()
    assert settling.missing_files(prefix) == (f"{site}/ours.py",)
    (prefix / site / "ours-1.0.dist-info/RECORD").write_bytes(b"")
    assert settling.missing_files(prefix) == (f"{site}/ours-1.0.dist-info/RECORD",)
    shutil.rmtree(prefix / site / "ours-1.0.dist-info")
    assert settling.missing_files(prefix) == ("ours-1.0.dist-info",)
