"""The pip half of a lock, staged together with the conda half or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders import by_hand
from builders.channels import LocalChannel
from builders.index_server import IndexServer
from builders.packages import Package
from builders.pip_half import SITE, environ_of, locked, python_package
from builders.store import Store, faults, realise_until, rollback_request
from builders.wheels import Wheel
from envmgr.errors import PipError
from envmgr.settings import Settings
from envmgr.store.carried import Left
from envmgr.store.rollback import take_kept


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


@pytest.fixture
def store(environ: dict[str, str], index: IndexServer, make_channel: Callable[..., LocalChannel]) -> Store:
    """A store whose channel has a `python` that starts the running interpreter, and whose only index is `index`."""
    store = Store(Settings.load(environ_of(environ, index)), make_channel())
    store.channel.add(
        python_package(),
        Package(name="owner", files={f"{SITE}/taken.py": "conda's"}),
    )
    return store


def test_both_halves_stand_at_the_prefix_and_name_nothing_else(store: Store, index: IndexServer) -> None:
    wheel = Wheel(name="greeter", scripts=["greet = greeter:main"])
    lock = store.lock("python", pip=[locked(index, wheel)])
    result = store.realise(store.request("a", lock))
    prefix = store.location("a").prefix
    assert faults(prefix, lock) == []
    assert (prefix / SITE / "greeter/__init__.py").is_file()
    assert (prefix / "bin/greet").read_bytes().startswith(f"#!{prefix}/bin/python".encode())
    assert subprocess.run([prefix / "bin/greet"], capture_output=True, check=True).stdout == b"ok\n"
    assert not result.carried
    for path in prefix.rglob("*"):
        if path.is_file():
            assert b".staging" not in path.read_bytes(), path


def test_pip_half_is_not_foreign_to_the_next_generation(store: Store, index: IndexServer) -> None:
    lock = store.lock("python", pip=[locked(index, Wheel(name="greeter", scripts=["greet = greeter:main"]))])
    store.realise(store.request("a", lock))
    result = store.realise(store.request("a", store.lock("python")))
    assert not result.carried
    assert not (store.location("a").prefix / SITE / "greeter").exists()


def test_wheel_that_would_overwrite_a_conda_package_changes_nothing(store: Store, index: IndexServer) -> None:
    store.create("a", "owner", "python")
    lock = store.lock("owner", "python", pip=[locked(index, Wheel(name="thief", files={"taken.py": "pip's"}))])
    with pytest.raises(PipError, match="owner"):
        store.realise(store.request("a", lock))
    prefix = store.location("a").prefix
    assert (prefix / SITE / "taken.py").read_text() == "conda's"
    assert faults(prefix, store.lock("owner", "python")) == []
    assert os.listdir(store.settings.root / "envs/.staging") == []


def test_wrong_hash_of_a_wheel_changes_nothing(store: Store, index: IndexServer) -> None:
    package = locked(index, Wheel(name="greeter"))._replace(sha256="0" * 64)
    with pytest.raises(PipError):
        store.realise(store.request("a", store.lock("python", pip=[package])))
    assert not store.location("a").prefix.exists()


def test_killed_after_the_pip_half_leaves_the_old_environment(store: Store, index: IndexServer, tmp_path: Path) -> None:
    store.create("a", "python")
    lock = store.lock("python", pip=[locked(index, Wheel(name="greeter"))])
    request = store.request("a", lock)
    assert realise_until(store.settings, request, "pip half installed") == -signal.SIGKILL
    assert faults(store.location("a").prefix, store.lock("python")) == []
    store.realise(request)
    assert faults(store.location("a").prefix, lock) == []


def test_rollback_takes_a_kept_tree_with_its_pip_half(store: Store, index: IndexServer) -> None:
    wheel = Wheel(name="greeter", scripts=["greet = greeter:main"])
    lock = store.lock("python", pip=[locked(index, wheel)])
    store.realise(store.request("a", lock))
    location = store.location("a")
    subprocess.run([location.prefix / "bin/python", "-m", "compileall", "-q", location.prefix / SITE], check=True)
    store.create("a", "python")
    assert not (location.prefix / SITE / "greeter").exists()
    request = rollback_request(store, "a", 1)
    made = take_kept(request, settings=store.settings, reporter=store.reporter)
    assert made is not None, store.reporter.notices
    assert faults(location.prefix, lock) == []
    done = subprocess.run([location.prefix / "bin/greet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_kept_tree_into_which_somebody_installed_with_pip_is_taken_where_that_came_along(
    store: Store, index: IndexServer
) -> None:
    lock = store.lock("python", pip=[locked(index, Wheel(name="greeter"))])
    store.realise(store.request("a", lock))
    location = store.location("a")
    by_hand.install(location.prefix, "other", site=SITE)
    store.create("a", "python")
    assert (location.prefix / SITE / "other-1.0.dist-info").is_dir()
    request = rollback_request(store, "a", 1)
    shutil.move(location.prefix / SITE / "other.py", location.prefix / "elsewhere")
    assert take_kept(request, settings=store.settings, reporter=store.reporter) is None
    assert f"{SITE}/other.py" in store.reporter.notices[-1]
    shutil.move(location.prefix / "elsewhere", location.prefix / SITE / "other.py")
    made = take_kept(request, settings=store.settings, reporter=store.reporter)
    assert made is not None
    store.create("a", "python")
    shutil.rmtree(next((location.generations / str(made.number) / SITE).glob("greeter-*.dist-info")))
    request = rollback_request(store, "a", made.number)
    assert take_kept(request, settings=store.settings, reporter=store.reporter) is None
    assert "pip half" in store.reporter.notices[-1]


def test_pip_package_that_was_upgraded_by_hand_gives_way_to_the_lock_and_stays(
    store: Store, index: IndexServer
) -> None:
    lock = store.lock("python", pip=[locked(index, Wheel(name="greeter"))])
    store.realise(store.request("a", lock))
    location = store.location("a")
    shutil.rmtree(location.prefix / SITE / "greeter-1.0.dist-info")
    by_hand.install(location.prefix, "greeter", "2.0", files={"greeter/__init__.py": "2"}, site=SITE)
    result = store.realise(store.request("a", lock._replace(spec_digest="other")))
    assert "1.0" in (location.prefix / SITE / "greeter/__init__.py").read_text()
    assert result.carried.left == (
        Left("greeter 2.0 (installed with pip)", "the new generation brings greeter 1.0 itself"),
    )
    assert result.kept is not None
    assert (result.kept / SITE / "greeter/__init__.py").read_text() == "2"
    assert [str(result.kept) in warning for warning in store.reporter.warnings] == [True]
