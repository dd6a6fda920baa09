from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envmgr import apart
from envmgr.errors import ChannelError, StoreError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def grow(_question: object = None) -> int:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 10) * (1 << 13)))


def test_result_and_error_of_the_child_are_those_of_the_call() -> None:
    assert apart.call(lambda: {"pid": os.getpid() != here}, memory=0) == {"pid": True}

    def fail() -> None:
        raise ChannelError("no answer", hint="wait", details={"url": "x"})

    with pytest.raises(ChannelError) as caught:
        apart.call(fail, memory=0)
    assert (caught.value.message, caught.value.hint, caught.value.details) == ("no answer", "wait", {"url": "x"})


here = os.getpid()


class Told(ChannelError):
    def __init__(self, *, what: str) -> None:
        super().__init__(f"it says {what}")
        self.what = what


def test_error_of_a_kind_with_arguments_of_its_own_comes_as_it_is() -> None:
    def fail() -> None:
        raise Told(what="no")

    with pytest.raises(Told, match="it says no") as caught:
        apart.call(fail, memory=0)
    assert caught.value.what == "no"


def test_error_that_cannot_be_sent_is_told_in_words() -> None:
    class Local(Exception):
        pass

    def fail() -> None:
        raise Local("of this function")

    with pytest.raises(RuntimeError, match="Local: of this function"):
        apart.call(fail, memory=0)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes before Python 3.11")
def test_error_that_nobody_foresaw_says_where_in_the_child_it_was() -> None:
    def fail() -> None:
        raise KeyError("of_this_function")

    with pytest.raises(KeyError) as caught:
        apart.call(fail, memory=0)
    assert "in fail" in "".join(getattr(caught.value, "__notes__", ()))


def with_room() -> int:
    """Return a bound of memory above what this process has: a child begins with that, and other tests made it large."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident + (1 << 29)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched through /proc")
def test_child_is_ended_at_its_bound_of_memory() -> None:
    memory = with_room()
    with pytest.raises(apart.Ended, match=f"{memory >> 20} MiB") as caught:
        apart.call(grow, memory=memory)
    assert caught.value.why == "memory"


def test_child_that_dies_is_a_crash() -> None:
    with pytest.raises(apart.Ended, match="SIGUSR2") as caught:
        apart.call(lambda: os.kill(os.getpid(), signal.SIGUSR2), memory=0)
    assert caught.value.why == "crash"
    with pytest.raises(apart.Ended, match="was killed") as caught:  # as the kernel does where memory is short
        apart.call(lambda: os.kill(os.getpid(), signal.SIGKILL), memory=0)
    assert caught.value.why == "memory"


def compute(seconds: float) -> str:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return "done"


def test_child_is_ended_where_its_work_is_known_to_be_lost() -> None:
    with pytest.raises(apart.Ended) as caught:
        apart.call(lambda: compute(600), memory=0, patience=0.05, is_lost=lambda: True)
    assert caught.value.why == "lost"
    assert apart.call(lambda: compute(0.2), memory=0, patience=0.05, is_lost=lambda: False) == "done"


def test_child_that_waits_is_not_given_up() -> None:
    def wait() -> str:
        time.sleep(0.3)
        return "done"

    assert apart.call(wait, memory=0, patience=0.2, is_lost=lambda: True) == "done"


def test_interrupted_call_leaves_no_child() -> None:
    held, ours = os.pipe()  # closed everywhere else when the child is gone

    def work() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        time.sleep(600)

    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        apart.call(work, memory=0)
    timer.join()
    os.close(ours)
    assert os.read(held, 1) == b""
    os.close(held)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched through /proc")
def test_process_beside_answers_again_after_it_was_ended() -> None:
    def answer(question: object) -> object:
        if question == "grow":
            return grow()
        if question == "sleep":
            time.sleep(600)
        if question == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if question == "fail":
            raise ChannelError("no answer")
        return (question, os.getpid())

    beside = apart.Standby(answer, memory=with_room())
    try:
        first, again = beside.ask(1, 30), beside.ask(2, 30)
        assert (first[0], again[0]) == (1, 2)
        assert first[1] == again[1]
        with pytest.raises(ChannelError, match="no answer"):
            beside.ask("fail", 30)
        for question, why in (("sleep", "time"), ("grow", "memory"), ("die", "crash")):
            with pytest.raises(apart.Ended) as caught:
                beside.ask(question, 0.3 if why == "time" else 60)
            assert caught.value.why == why
            assert beside.ask(question == "x", 30)[1] not in (first[1], os.getpid())
    finally:
        beside.close()


def test_work_beside_is_done_while_the_body_runs(tmp_path: Path) -> None:
    there, gone_on = tmp_path / "there", tmp_path / "gone-on"

    def work() -> str:
        there.touch()
        _until(gone_on.exists)
        return f"of {os.getpid()}"

    with apart.beside(work) as finished:
        _until(there.exists)
        gone_on.touch()
        said = finished()
    assert said.startswith("of ")
    assert said != f"of {os.getpid()}"


def test_what_work_beside_raises_is_raised_by_asking_for_it() -> None:
    def work() -> None:
        raise StoreError("no", hint="yes")

    with pytest.raises(StoreError, match="no") as caught, apart.beside(work) as finished:
        finished()
    assert caught.value.hint == "yes"


def test_body_that_fails_ends_the_work_beside(tmp_path: Path) -> None:
    started = tmp_path / "started"

    def work() -> None:
        started.write_text(str(os.getpid()))
        time.sleep(600)

    def fail() -> None:
        _until(lambda: started.exists() and started.read_text() != "")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), apart.beside(work):
        fail()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
