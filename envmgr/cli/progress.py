"""Progress as a person sees it: one region of stderr that is redrawn in a terminal, plain lines in a CI log.

Everything here may be called from any thread (the engines report from their own), and nothing is left on the screen
when the last phase has ended. The cursor is never hidden, so that no way of dying can leave it so.
"""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from envmgr.cli.messages import legible, wants_colour, warning_line
from envmgr.reporting import Phase, Progress, Reporter, SilentReporter, Unit
from envmgr.urls import redact

_INTERVAL = 0.1  # seconds between two drawings; what ends sooner is never drawn
_WINDOW = 30  # drawings over which the rate is measured: three seconds
_NOTEBOOK_COLUMNS = 100
_NOTEBOOK_INTERVAL = 0.5  # a saved notebook keeps every drawing
_CI_INTERVAL = 20.0  # seconds between two lines about the same phase
_LABELS: Mapping[Phase, str] = {
    "repodata": "index",
    "solve": "solve",
    "build": "build",
    "fetch": "download",
    "unpack": "unpack",
    "link": "link",
    "pip": "pip",
    "check": "check",
    "carry": "carry",
    "wait": "wait",
}


def reporter(stream: TextIO, environ: Mapping[str, str], *, quiet: bool = False, as_json: bool = False) -> Reporter:
    """Return the reporter for `stream` (stderr): live in a terminal, lines where CI is set, else without progress.

    Under a `!` of Jupyter it is a terminal as well, of which a cell shows carriage returns, but no moves of a cursor.

    With `quiet` only warnings are printed; with `as_json` neither is progress shown.
    """
    colour = wants_colour(stream, environ)
    if quiet or as_json:
        return PlainReporter(stream, colour=colour, notices=not quiet)
    if _is_terminal(stream, environ):
        return LiveReporter(stream, colour=colour, is_notebook=_is_notebook(environ))
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false")
    return PlainReporter(stream, colour=colour, phases=in_ci)


class _Running:
    """One phase between its start and its end, counted from any thread."""

    def __init__(
        self, phase: Phase, text: str, total: int | None, unit: Unit, ended: Callable[[_Running, bool], None]
    ) -> None:
        self.label = _LABELS[phase]
        self.text = _printable(text)
        self.total = total
        self.unit = unit
        self.done = 0
        self.started = time.monotonic()
        self.samples: deque[tuple[float, int]] = deque([(self.started, 0)], maxlen=_WINDOW)
        self.advanced: Callable[[_Running], None] | None = None
        self._ended = ended
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def advance(self, amount: int = 1) -> None:
        with self._lock:
            self.done += amount
        if self.advanced is not None:
            self.advanced(self)

    def __enter__(self) -> _Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended(self, error is None)

    def amounts(self) -> str:
        """What is done, of how much, in its unit."""
        done = self.done if self.total is None else min(self.done, self.total)
        if self.unit == "bytes":
            return _bytes(done, self.total)
        if self.total is None:
            return f"{done:,} {self.unit}".rstrip() if done else ""
        return f"{done:,}/{self.total:,} {self.unit}".rstrip()

    def rate_and_rest(self, now: float) -> str:
        """How fast it goes and how long it will take, where that can be said."""
        self.samples.append((now, self.done))
        then, before = self.samples[0]
        rate = (self.done - before) / (now - then) if now > then else 0.0
        pieces = []
        if self.unit == "bytes" and rate > 0:
            pieces.append(f"{_bytes(int(rate), None)}/s")
        if self.total and 0 < self.done < self.total and rate > 0:
            pieces.append(f"{duration((self.total - self.done) / rate)} left")
        elif self.total is None or self.done == 0:
            pieces.append(duration(now - self.started))
        return "  ".join(pieces)


class PlainReporter:
    """Notices and warnings as lines; with `phases` also the start and the end of each phase, and one now and then."""

    def __init__(self, stream: TextIO, *, colour: bool, notices: bool = True, phases: bool = False) -> None:
        self._stream = stream
        self._colour = colour
        self._notices = notices
        self._phases = phases
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._last: dict[int, float] = {}

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        if not self._phases:
            return SilentReporter().start(phase, text, total=total, unit=unit)
        running = _Running(phase, text, total, unit, self._ended)
        running.advanced = self._advanced
        self._last[id(running)] = running.started
        of_what = f" ({_amount(total, unit)})" if total else ""
        self._print(f"{running.label}: {running.text}{of_what}")
        return running

    def notice(self, text: str) -> None:
        if self._notices:
            self._print(legible(text))

    def warning(self, text: str) -> None:
        if text not in self._warned:  # one file read for several platforms warns of the same line each time
            self._warned.add(text)
            self._print(warning_line(text, colour=self._colour))

    def _advanced(self, running: _Running) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(id(running), now) < _CI_INTERVAL:
                return
            self._last[id(running)] = now
        rate = running.rate_and_rest(now)
        self._print(f"{running.label}: {running.amounts()}{f'  {rate}' if rate else ''}")

    def _ended(self, running: _Running, is_done: bool) -> None:
        self._last.pop(id(running), None)
        how = "done in" if is_done else "stopped after"
        self._print(f"{running.label}: {how} {time.monotonic() - running.started:.1f} s")

    def _print(self, line: str) -> None:
        with self._lock:
            _write(self._stream, line + "\n")


class LiveReporter:
    """One region at the bottom of a terminal, a line for each running phase, redrawn at most ten times a second."""

    def __init__(self, stream: TextIO, *, colour: bool, is_notebook: bool = False) -> None:
        self._stream = stream
        self._colour = colour
        self._is_notebook = is_notebook  # one line, which spaces erase
        self._is_unicode = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
        self._running: list[_Running] = []
        self._drawn = 0  # lines of the region that are on the screen now
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._idle = threading.Event()

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        running = _Running(phase, text, total, unit, self._ended)
        with self._lock:
            self._running.append(running)
            if len(self._running) == 1:
                self._idle = threading.Event()
                threading.Thread(target=self._draw_until, args=(self._idle,), daemon=True).start()
        return running

    def notice(self, text: str) -> None:
        self._print_above(legible(text))

    def warning(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._print_above(warning_line(text, colour=self._colour))

    def _print_above(self, line: str) -> None:
        with self._lock:
            was_drawn = self._drawn > 0
            _write(self._stream, f"{self._erase()}{line}\n{self._region() if was_drawn else ''}")

    def _ended(self, running: _Running, _is_done: bool) -> None:
        with self._lock:
            if running not in self._running:
                return
            self._running.remove(running)
            if not self._running:
                self._idle.set()
                _write(self._stream, self._erase())

    def _draw_until(self, idle: threading.Event) -> None:
        while not idle.wait(_NOTEBOOK_INTERVAL if self._is_notebook else _INTERVAL):
            with self._lock:
                # The event is set under the lock: after the last phase nothing is drawn any more.
                if idle.is_set() or not _write(self._stream, self._erase() + self._region()):
                    return

    def _erase(self) -> str:
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        text = f"\r{up}\x1b[J" if self._drawn else ""
        if self._is_notebook and self._drawn:
            text = f"\r{' ' * (_NOTEBOOK_COLUMNS - 1)}\r"
        self._drawn = 0
        return text

    def _region(self) -> str:
        width, height = self._size()
        now = time.monotonic()
        shown = self._running[-1:] if self._is_notebook else self._running[-max(1, height - 1) :]
        lines = [self._line(running, width, now) for running in shown]
        self._drawn = len(lines)
        return "\n".join(lines)

    def _line(self, running: _Running, width: int, now: float) -> str:
        tail = "  ".join(piece for piece in (running.amounts(), running.rate_and_rest(now)) if piece)
        head = f"{running.label:<9}{running.text}"
        room = width - 1 - _columns(tail) - 2
        bar_columns = min(20, room - 34) if running.total else 0
        if bar_columns < 8:
            return _fitted(f"{_fitted(head, max(room, 10)).rstrip()}  {tail}", width - 1)
        head = _fitted(head, room - bar_columns - 2)
        padding = " " * (min(room - bar_columns - 2, 40) - _columns(head))
        return f"{head}{padding}  {self._bar(running, bar_columns)}  {tail}"

    def _bar(self, running: _Running, columns: int) -> str:
        filled = columns * min(running.done, running.total or 1) // (running.total or 1)
        full, empty = ("━", "─") if self._is_unicode else ("#", "-")
        bar = full * filled
        return (f"\x1b[32m{bar}\x1b[0m" if self._colour else bar) + empty * (columns - filled)

    def _size(self) -> tuple[int, int]:
        if self._is_notebook:
            return _NOTEBOOK_COLUMNS, 24
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        # A pseudo-terminal that nobody has given a size says 0.
        return size.columns or 80, size.lines or 24


def duration(seconds: float) -> str:
    """Return a time as `0:05` or `1:02:03`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    try:
        return stream.isatty() and environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def _is_notebook(environ: Mapping[str, str]) -> bool:
    """Whether this was started by a `!` of a cell: Jupyter sets the first, ipykernel the others wherever it runs."""
    if environ.get("JPY_PARENT_PID"):
        return True
    return environ.get("TERM") == "xterm-color" and environ.get("PAGER") == environ.get("GIT_PAGER") == "cat"


def _amount(total: int, unit: Unit) -> str:
    return _bytes(total, None) if unit == "bytes" else f"{total:,} {unit}".rstrip()


def _bytes(done: int, total: int | None) -> str:
    largest = done if total is None else total
    for factor, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if largest >= factor:
            of = "" if total is None else f"/{total / factor:.1f}"
            return f"{done / factor:.1f}{of} {unit}"
    return f"{done} B" if total is None else f"{done}/{total} B"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in redact(text))


def _columns(text: str) -> int:
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(text: str, columns: int) -> str:
    """Return `text` cut to at most `columns` columns of a terminal."""
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > columns:
            return text[:index]
    return text


def _write(stream: TextIO, text: str) -> bool:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # The terminal is gone or the stream closed: no reason to stop the work.
        return False
    return True
