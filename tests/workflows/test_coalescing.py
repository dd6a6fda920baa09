from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from builders.store import Collector
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows.coalescing import coalesced

DIGEST = "0" * 64


def _settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.load(
        {"HOME": str(tmp_path), "ENVMGR_ROOT": str(tmp_path / "root"), "TMPDIR": str(tmp_path), **environ}
    )


def test_the_second_of_two_equal_ones_waits_and_says_for_whom(tmp_path: Path) -> None:
    settings, told = _settings(tmp_path), Collector()
    location = layout.named(settings, "x")
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with coalesced(location, DIGEST, settings, told):
            order.append("second")

    told_first = told.notice
    told.notice = lambda text: (told_first(text), waits.set())  # type: ignore[method-assign,assignment,func-returns-value]
    with coalesced(location, DIGEST, settings, SilentReporter()):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    (text,) = told.notices
    assert text.startswith(f"waiting for pid {os.getpid()} (creating x) on host ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "digest"), [("x", "1" * 64), ("y", DIGEST)])
def test_different_ones_wait_for_nobody(tmp_path: Path, name: str, digest: str) -> None:
    settings, told = _settings(tmp_path), Collector()
    with (
        coalesced(layout.named(settings, "x"), DIGEST, settings, told),
        coalesced(layout.named(settings, name), digest, settings, told),
    ):
        assert told.notices == []


def test_without_a_place_for_the_turns_nobody_waits_and_nothing_fails(tmp_path: Path) -> None:
    settings, told = _settings(tmp_path, TMPDIR=str(tmp_path / "absent")), Collector()
    with (
        coalesced(layout.named(settings, "x"), DIGEST, settings, told),
        coalesced(layout.named(settings, "x"), DIGEST, settings, told),
    ):
        assert told.notices == []
