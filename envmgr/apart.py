"""Work in a process of its own that can be ended at any moment: bounded in memory and time, gone with its parent.

The process is forked, which takes a few milliseconds and needs nothing to be sent. That is possible (`is_possible`)
while every thread is Python's: those of rattler's runtime, which start with its first question, would be missing in
the child, and it would wait for them for ever.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, TypeVar

from envmgr.errors import EnvmgrError

T = TypeVar("T")

_OVER_MEMORY: Final = 77  # exit codes of a child
_ORPHANED: Final = 78
_LOOK_EVERY = 0.05  # seconds between two looks at the memory of a child: it grows by 25 MB meanwhile at most
_LOOK_AT_CHILD = 0.5  # seconds between two looks at how long a child computes
_GRACE_SECONDS = 1.0  # for a child to put away its files when the parent is interrupted
_LENGTH = 8


class Ended(Exception):
    """The process was ended, or died, before it was done."""

    def __init__(self, why: Literal["memory", "time", "crash", "lost"], text: str) -> None:
        super().__init__(text)
        self.why = why


def is_possible() -> bool:
    """Whether this process can be forked without harm."""
    if sys.platform != "linux":
        return False
    try:
        return len(os.listdir("/proc/self/task")) == threading.active_count()
    except OSError:
        return False


def call(work: Callable[[], T], *, memory: int, patience: float = 0.0, is_lost: Callable[[], bool] = bool) -> T:
    """Return what `work` returns in a child process, or raise what it raises (without its cause).

    Where that takes more than `patience` seconds of a processor, `is_lost` is asked once whether to go on. Raises
    Ended when it is, when the child needs more than `memory` bytes (0: no bound), and when it dies. Interrupted, the
    child goes at once. What it prints on stderr is lost.
    """
    child, talk = _started(work, memory)
    try:
        with talk:
            if patience and _computes_for(child, patience, talk) and is_lost():
                os.kill(child, signal.SIGKILL)
                raise Ended("lost", f"no answer after {patience:g} s, and there is none")
            data = _read_frame(talk, None)
    except BaseException:
        _end(child)
        raise
    result: T = _result(child, data, memory)
    return result


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Do `work` in a child process while the body runs, which calls what it is given once, for the result.

    That call returns and raises as `call` does. Without it, and when the body raises, the child goes at once.
    """
    child, talk = _started(work, 0)
    is_over = False

    def result() -> T:
        nonlocal is_over
        data = _read_frame(talk, None)
        is_over = True
        found: T = _result(child, data, 0)
        return found

    try:
        with talk:
            yield result
    finally:
        if not is_over:
            _end(child)


class Standby:
    """A process that answers questions, forked anew from a clean copy of this one after each that had to be ended.

    It is made before the first thread that is not Python's, and waits; `memory` is its bound in bytes, 0 for none.
    """

    def __init__(self, answer: Callable[[Any], Any], *, memory: int) -> None:
        self._memory = memory
        self._control, theirs = socket.socketpair()
        self._talk: socket.socket | None = None
        self._pid = 0
        if _fork() == 0:
            self._control.close()
            _stand_by(theirs, answer, memory)
        theirs.close()

    def ask(self, question: object, seconds: float) -> Any:
        """Return the answer, or raise what answering raised.

        Raises Ended after `seconds`, when it needs more memory than it may have, and when it dies.
        """
        until = time.monotonic() + seconds
        if self._talk is None:
            self._talk, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._control, [b"!"], [theirs.fileno()])
            self._pid = int.from_bytes(self._received(until), "little")
        try:
            self._talk.sendall(_framed(pickle.dumps(question)))
        except OSError as error:
            self.end()
            raise Ended("crash", str(error)) from error
        return _opened(self._received(until))

    def end(self) -> None:
        """End the process that answers, if there is one; the next question starts another."""
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.close()
        pid, self._pid = self._pid, 0
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def close(self) -> None:
        """End everything."""
        self.end()
        self._control.close()

    def _received(self, until: float) -> bytes:
        assert self._talk is not None
        try:
            data = _read_frame(self._talk, until)
        except TimeoutError as error:
            self.end()
            raise Ended("time", "its time is over") from error
        except BaseException:
            self.end()
            raise
        if not data:
            self.end()
            if data is None:
                raise Ended("crash", "it died")
            raise Ended("memory", f"more than {self._memory >> 20} MiB of memory")
        return data


def _stand_by(control: socket.socket, answer: Callable[[Any], Any], memory: int) -> NoReturn:
    """Fork a process for each socket that comes, until there is nobody left to send one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides when to end
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that are ended
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        except OSError:
            os._exit(0)
        if not data or not descriptors:
            os._exit(0)
        talk, parent = socket.socket(fileno=descriptors[0]), os.getpid()
        if _fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(talk, answer, parent, memory)
        talk.close()


def _answer(talk: socket.socket, answer: Callable[[Any], Any], parent: int, memory: int) -> NoReturn:
    def over() -> None:
        talk.sendall(_framed(b""))
        os._exit(_OVER_MEMORY)

    _watch(parent, memory, over=over)
    try:
        talk.sendall(_framed(os.getpid().to_bytes(4, "little")))
        while (data := _read_frame(talk, None)) is not None:
            question = pickle.loads(data)  # noqa: S301 - of a process of ours
            talk.sendall(_framed(_packed(partial(answer, question))))
    except OSError:
        os._exit(1)
    os._exit(0)


def _started(work: Callable[[], object], memory: int) -> tuple[int, socket.socket]:
    """Return a new child process at work, and where it says what came of it."""
    talk, theirs = socket.socketpair()
    parent = os.getpid()
    child = _fork()
    if child == 0:
        talk.close()
        _be_quiet()
        _watch(parent, memory, over=lambda: os._exit(_OVER_MEMORY))
        _leave(theirs, work)
    theirs.close()
    return child, talk


def _result(child: int, data: bytes | None, memory: int) -> Any:
    """Return or raise what a child has said; raises Ended where it died without a word."""
    _, status = os.waitpid(child, 0)
    if data is not None:
        return _opened(data)
    code = os.waitstatus_to_exitcode(status)
    if code == _OVER_MEMORY:
        raise Ended("memory", f"more than {memory >> 20} MiB of memory")
    if code == -signal.SIGKILL:  # who else would: the kernel, where memory is short
        raise Ended("memory", "more memory than it was given, and was killed")
    raise Ended("crash", f"it died of {signal.Signals(-code).name}" if code < 0 else f"it ended with {code}")


def _fork() -> int:
    with warnings.catch_warnings():
        # Python warns of every thread; those that draw progress and touch leases hold no lock that a child takes.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _computes_for(child: int, seconds: float, talk: socket.socket) -> bool:
    """Wait for the child's answer as long as it has computed for less than `seconds`; whether it has before that."""
    ticks = os.sysconf("SC_CLK_TCK")
    while not select.select([talk], [], [], min(seconds, _LOOK_AT_CHILD))[0]:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        if (int(fields[11]) + int(fields[12])) / ticks >= seconds:  # utime and stime, which are 14 and 15 of them all
            return True
    return False


def _be_quiet() -> None:
    """Say nothing on stderr: where rust gives up it prints what its error says as well.

    Python's own stream gives way too: a thread that draws progress may have held its lock when this process came to be.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    sys.stderr = open(nowhere, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process


def _watch(parent: int, memory: int, *, over: Callable[[], object]) -> None:
    size = os.sysconf("SC_PAGE_SIZE")
    statm = Path("/proc/self/statm")

    def look() -> None:
        if os.getppid() != parent:
            os._exit(_ORPHANED)
        if memory and int(statm.read_text().split()[1]) * size > memory:
            over()

    def keep_looking() -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            look()

    look()
    threading.Thread(target=keep_looking, daemon=True).start()


def _leave(talk: socket.socket, work: Callable[[], object]) -> NoReturn:
    try:
        talk.sendall(_framed(_packed(work)))
    except OSError:
        os._exit(_ORPHANED)
    os._exit(0)


def _packed(work: Callable[[], object]) -> bytes:
    """Return what `work` returns or raises, as `_opened` reads it."""
    try:
        return pickle.dumps((True, work()))
    except BaseException as error:
        if not isinstance(error, EnvmgrError) and sys.version_info >= (3, 11):
            error.add_note(traceback.format_exc())  # for those who mend it: ENVMGR_TRACEBACK shows it
        try:
            data = pickle.dumps((False, error))
            pickle.loads(data)  # noqa: S301 - an error that cannot be made again from its arguments
        except Exception:
            data = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
        return data


def _opened(data: bytes) -> Any:
    is_value, result = pickle.loads(data)  # noqa: S301 - of a process of ours
    if is_value:
        return result
    raise result


def _end(child: int) -> None:
    """End a child that may have been interrupted with us, and puts its files away."""
    until = time.monotonic() + _GRACE_SECONDS
    os.kill(child, signal.SIGINT)
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH, "little") + data


def _read_frame(talk: socket.socket, until: float | None) -> bytes | None:
    """Return what was framed, None at the end; raises TimeoutError, and OSError."""

    def read(length: int) -> bytearray:
        data = bytearray()
        while len(data) < length:
            talk.settimeout(None if until is None else max(until - time.monotonic(), 0.001))
            piece = talk.recv(min(length - len(data), 1 << 20))
            if not piece:
                break
            data += piece
        return data

    head = read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "little")
    body = read(length)
    return bytes(body) if len(body) == length else None
