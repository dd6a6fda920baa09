from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TextIO

import pytest

from envmgr.cli import progress
from envmgr.reporting import Reporter, SilentReporter


class Screen:
    """A pseudo-terminal that is read while it is written, and what a person sees of it at the end."""

    def __init__(self, columns: int, lines: int = 24) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self.raw = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self.raw += data

    def close(self) -> None:
        self.stream.close()
        self._reader.join()
        os.close(self._master)

    @property
    def text(self) -> str:
        return self.raw.decode()

    def rows(self) -> list[str]:
        """The rows that are left, after the few control sequences that are used."""
        rows, row, column = [""], 0, 0
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|[\s\S]", self.text):
            if token == "\r":
                column = 0
            elif token == "\n":
                row += 1
                if row == len(rows):
                    rows.append("")
            elif token.endswith("A") and len(token) > 1:
                row -= int(token[2:-1])
            elif token == "\x1b[J":
                rows[row:] = [rows[row][:column]]
            elif len(token) == 1:
                rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + 1 :]
                column += 1
        return rows


@contextmanager
def _screen(columns: int = 100, lines: int = 24) -> Iterator[Screen]:
    screen = Screen(columns, lines)
    try:
        yield screen
    finally:
        if not screen.stream.closed:
            screen.close()


def _wait_for(screen: Screen, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in screen.text:
        assert time.monotonic() < deadline, f"never saw {text!r} in {screen.text!r}"
        time.sleep(0.01)


def test_a_terminal_sees_totals_and_nothing_is_left() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1"})
        with reporter.start("fetch", "3 packages", total=4_000_000, unit="bytes") as running:
            running.advance(1_000_000)
            _wait_for(screen, "1.0/4.0 MB")
            running.advance(3_000_000)
            _wait_for(screen, "4.0/4.0 MB")
        screen.close()
        assert "download 3 packages" in screen.text
        assert screen.rows() == [""]


def test_a_notebook_sees_one_line_without_moves_of_a_cursor() -> None:
    with _screen(100) as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1", "JPY_PARENT_PID": "1"})
        with reporter.start("fetch", "a", total=10, unit="files"), reporter.start("link", "b", total=4) as running:
            running.advance(2)
            _wait_for(screen, "2/4")
        screen.close()
    assert "\x1b" not in screen.text
    assert "\n" not in screen.text
    assert "2/4" in screen.text
    assert screen.text.endswith("\r")
    assert screen.rows()[-1].strip() == ""


@pytest.mark.parametrize(
    ("environ", "is_notebook"),
    [
        ({"JPY_PARENT_PID": "1"}, True),
        ({"TERM": "xterm-color", "PAGER": "cat", "GIT_PAGER": "cat"}, True),  # ipykernel that an editor started
        ({"TERM": "xterm-color", "PAGER": "less"}, False),
        ({"TERM": "xterm-256color", "PAGER": "cat", "GIT_PAGER": "cat"}, False),
    ],
)
def test_a_notebook_is_known_by_what_its_kernel_sets(environ: dict[str, str], is_notebook: bool) -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1", **environ})
        with reporter.start("link", "b", total=4) as running, reporter.start("pip", "c"):
            running.advance(2)
            _wait_for(screen, "pip")
        screen.close()
    assert ("\x1b" not in screen.text) is is_notebook


def test_phases_side_by_side_have_a_line_each() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {})
        with (
            reporter.start("fetch", "a", total=10, unit="packages"),
            reporter.start("link", "b", total=20, unit="files") as link,
        ):
            link.advance(5)
            _wait_for(screen, "5/20 files")
            _wait_for(screen, "0/10 packages")
        screen.close()
        assert screen.rows() == [""]


def test_notices_and_warnings_stay_above_the_region() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1"})
        with reporter.start("solve", "packages"):
            _wait_for(screen, "solve")
            reporter.notice("first https://me:secret@host")
            reporter.warning("second")
        screen.close()
        assert screen.rows() == ["first https://***@host", "warning: second", ""]


def test_the_region_vanishes_on_an_exception() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {})

        def fail() -> None:
            with reporter.start("link", "x", total=3, unit="files"):
                _wait_for(screen, "0/3 files")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        screen.close()
        assert screen.rows() == [""]
        assert "\x1b[?25l" not in screen.text


@pytest.mark.parametrize("columns", [1, 10, 20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    with _screen(columns) as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1"})
        with reporter.start("fetch", "終" * 100, total=9_999_999_999, unit="bytes") as running:
            running.advance(1_234_567_890)
            time.sleep(0.35)
        screen.close()
        for line in re.split(r"[\r\n]|\x1b\[[0-9]*[AJ]", screen.text):
            assert sum(2 if character == "終" else 1 for character in line) < max(columns, 2)


def test_more_phases_than_rows_do_not_scroll() -> None:
    with _screen(80, lines=3) as screen:
        reporter = progress.reporter(screen.stream, {})
        phases = [reporter.start("build", f"recipe {number}") for number in range(10)]
        _wait_for(screen, "recipe 9")
        assert "recipe 0" not in screen.text
        for phase in phases:
            phase.__exit__(None, None, None)
        screen.close()
        assert screen.rows() == [""]


def test_many_threads_count_exactly_and_draw_at_most_ten_times_a_second() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {"NO_COLOR": "1"})
        begin = time.monotonic()

        def count() -> None:
            for _ in range(10_000):
                running.advance()

        with reporter.start("link", "x", total=80_000, unit="files") as running:
            with ThreadPoolExecutor(8) as threads:
                for _ in range(8):
                    threads.submit(count)
            _wait_for(screen, "80,000/80,000 files")
        elapsed = time.monotonic() - begin
        screen.close()
        assert screen.text.count("files") <= elapsed * 10 + 2


def test_a_short_phase_is_not_drawn() -> None:
    with _screen() as screen:
        with progress.reporter(screen.stream, {}).start("solve", "x"):
            pass
        screen.close()
        assert screen.text == ""


def test_hostile_text_is_shown_as_text() -> None:
    with _screen() as screen:
        with progress.reporter(screen.stream, {"NO_COLOR": "1"}).start("build", "a\x1b[2Jb\nc"):
            _wait_for(screen, "a?[2Jb?c")
        screen.close()


def test_a_terminal_that_went_away_does_not_stop_the_work() -> None:
    with _screen() as screen:
        reporter = progress.reporter(screen.stream, {})
        with reporter.start("link", "x", total=2, unit="files") as running:
            _wait_for(screen, "0/2")
            screen.close()
            running.advance()
            reporter.notice("nobody reads this")
            time.sleep(0.25)


def test_colour_only_where_wanted() -> None:
    for environ, expected in (({}, True), ({"NO_COLOR": "1"}, False)):
        with _screen() as screen:
            with progress.reporter(screen.stream, environ).start("link", "x", total=2, unit="files") as running:
                running.advance()
                _wait_for(screen, "1/2 files")
            screen.close()
            assert ("\x1b[32m" in screen.text) is expected


def _work(reporter: Reporter) -> None:
    with reporter.start("fetch", "3 packages", total=4_000_000, unit="bytes") as running:
        running.advance(4_000_000)
    reporter.notice("a notice")
    reporter.warning("a warning")


@pytest.mark.parametrize(
    ("environ", "options", "expected"),
    [
        ({}, {}, ["a notice", "warning: a warning"]),
        ({"CI": "false"}, {}, ["a notice", "warning: a warning"]),
        ({}, {"quiet": True}, ["warning: a warning"]),
        ({"CI": "true"}, {"quiet": True}, ["warning: a warning"]),
        ({"CI": "true"}, {"as_json": True}, ["a notice", "warning: a warning"]),
        (
            {"CI": "true"},
            {},
            ["download: 3 packages (4.0 MB)", "download: done in 0.0 s", "a notice", "warning: a warning"],
        ),
    ],
)
def test_a_pipe_sees_lines_only(environ: dict[str, str], options: dict[str, bool], expected: list[str]) -> None:
    stream = io.StringIO()
    _work(progress.reporter(stream, environ, **options))
    assert stream.getvalue().splitlines() == expected


def test_a_dumb_terminal_is_no_terminal() -> None:
    with _screen() as screen:
        _work(progress.reporter(screen.stream, {"TERM": "dumb"}))
        screen.close()
        assert screen.text.splitlines() == ["a notice", "warning: a warning"]


def test_ci_says_how_a_failed_phase_ended() -> None:
    stream = io.StringIO()

    def fail() -> None:
        with progress.reporter(stream, {"CI": "1"}).start("pip", "2 wheels"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert stream.getvalue() == "pip: 2 wheels\npip: stopped after 0.0 s\n"


def test_durations() -> None:
    assert [progress.duration(seconds) for seconds in (0, 0.6, 59.7, 3723)] == ["0:00", "0:01", "1:00", "1:02:03"]


def test_all_reporters_keep_the_protocol() -> None:
    reporters: list[Reporter] = [
        SilentReporter(),
        progress.PlainReporter(io.StringIO(), colour=False),
        progress.LiveReporter(io.StringIO(), colour=False),
    ]
    for reporter in reporters:
        _work(reporter)
