"""A survey that was begun before the command knew what to do: the same answer, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.store import Store
from envmgr.store import metadata, survey
from envmgr.store.survey_ahead import Ahead

# Only here it is begun in a process with threads: that of the tests.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

needs_two = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="nothing is done ahead on one processor"
)


def _ahead(store: Store, since: int = 0) -> Ahead:
    return Ahead(store.location("a").prefix, 1, since)


def test_it_says_what_a_survey_says(store: Store) -> None:
    store.create("a", "tool", "patched")
    prefix = store.location("a").prefix
    (prefix / "notes.txt").write_text("mine")
    (prefix / "lib/tool/data").write_text("edited")
    with _ahead(store) as ahead:
        source = ahead.source()
    lock = metadata.read_lock(prefix)
    assert source is not None
    assert source.lock == lock
    assert source.survey == survey.read(prefix, lock)
    assert set(source.survey.loose) == {"notes.txt"}
    assert source.survey.edited == ("lib/tool/data",)


def test_what_cannot_be_looked_through_has_no_answer(store: Store) -> None:
    with Ahead(store.settings.root / "absent", 1, 0) as ahead:
        source = ahead.source()
    assert source is None or source.survey.owned == {}


def test_without_a_question_nothing_is_left_running(store: Store) -> None:
    store.create("a", "tool")
    with _ahead(store) as ahead:
        pid = ahead.pid
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_where_nothing_of_ours_is_there_is_nothing_to_look_through(store: Store) -> None:
    assert Ahead.of(store.location("absent")) is None


@needs_two
def test_a_change_that_looked_ahead_brings_everything_along(envmgr: Envmgr, channel: LocalChannel) -> None:
    """In a process of its own, which has one thread when it begins to look."""
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    prefix = envmgr.prefix("science")
    (prefix / "notes.txt").write_text("mine")
    (prefix / "share/base.txt").write_text("edited")
    done = envmgr.process("install", "-n", "science", "greet")
    assert done.code == 0, done.err
    assert (prefix / "notes.txt").read_text() == "mine"
    assert (prefix / "share/base.txt").read_text() == "base\n"
    assert (prefix / "share/base.txt.envmgr-saved").read_text() == "edited"


@needs_two
def test_a_survey_of_another_generation_does_not_count(store: Store) -> None:
    store.create("a", "tool")
    with _ahead(store) as ahead:
        store.create("a", "tool", "extra")
        (store.location("a").prefix / "notes.txt").write_text("later")
        store.create("a", "tool", "patched", ahead=ahead)
    assert (store.location("a").prefix / "notes.txt").read_text() == "later"


@needs_two
def test_what_is_written_after_it_was_surveyed_comes_late(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    since = store.location("a").prefix.parent / "clock"
    since.write_text("")
    with _ahead(store, since.stat().st_mtime_ns) as ahead:
        found = ahead.source()
        assert found is not None
        (prefix / "notes.txt").write_text("late")

        class Before(Ahead):
            """The same survey, asked for once more."""

            def __init__(self) -> None:
                self.prefix, self.number, self.since = ahead.prefix, ahead.number, ahead.since

            def source(self):  # type: ignore[no-untyped-def]
                return found

        store.create("a", "tool", "extra", ahead=Before())
    assert (prefix / "notes.txt").read_text() == "late"


@needs_two
def test_an_interrupt_ends_a_command_once(tmp_path: Path) -> None:
    """What runs in the child is the survey and never the rest of the command."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom envmgr.store.survey_ahead import Ahead\n"
        f"try:\n    with Ahead(Path({str(tmp_path)!r}), 1, 0) as ahead:\n"
        "        os.kill(os.getpid(), 2)\n        os.kill(ahead.pid, 2)\n"
        "finally:\n    print('ended', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "ended\n"
