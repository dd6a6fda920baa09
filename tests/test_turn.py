"""One of those who are at the same works; the others wait together, and none of them for ever."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from envmgr.turn import Turn

KEY = "a" * 32


def test_one_has_it_and_all_others_wait_for_the_same_end(tmp_path: Path) -> None:
    environ, told, through = {"TMPDIR": str(tmp_path)}, list[str](), list[bool]()
    heard = threading.Semaphore(0)

    def hear(owner: str) -> None:
        told.append(owner)
        heard.release()

    def another() -> None:
        with Turn(KEY, environ) as turn:
            assert not turn.take("second")
            through.append(turn.wait(hear))

    threads = [threading.Thread(target=another) for _ in range(3)]
    with Turn(KEY, environ) as turn:
        assert turn.take("first")
        for thread in threads:
            thread.start()
        for _ in threads:
            assert heard.acquire(timeout=30)
        assert through == []
    for thread in threads:
        thread.join(30)
    assert through == [True] * 3
    assert told == [f"pid {os.getpid()} (first) on host {os.uname().nodename}"] * 3
    assert list(tmp_path.iterdir()) == []


def test_who_waited_may_take_it_then(tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    with Turn(KEY, environ) as first:
        assert first.take("first")
        second = Turn(KEY, environ)
        assert not second.take("second")
    with second:
        assert second.wait(lambda _: None)
        assert second.take("second")


def test_another_key_is_another_turn(tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    with Turn(KEY, environ) as one, Turn("b" * 32, environ) as other:
        assert one.take("one")
        assert other.take("other")


def test_where_there_is_no_place_for_it_everybody_has_it(tmp_path: Path) -> None:
    for place in (tmp_path / "absent", Path("/proc/self")):
        environ = {"TMPDIR": str(place)}
        with Turn(KEY, environ) as one, Turn(KEY, environ) as other:
            assert one.take("one")
            assert other.take("other")
            assert other.wait(lambda _: None)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / f"envmgr-create-{KEY}").symlink_to(tmp_path / "elsewhere")
    with Turn(KEY, {"TMPDIR": str(tmp_path)}) as turn:
        assert turn.take("one")
    assert not (tmp_path / "elsewhere").exists()
