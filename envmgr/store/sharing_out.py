"""Many pieces of work on a file system, shared out: to a second process where they compute, to threads where they wait.

Measured: on two cores, a second process takes a third off the time of 28,000 hard links; more than two cost as much as
they bring. A network file system answers in the time of a hundred local ones, but answers many at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from envmgr.errors import StoreError

T = TypeVar("T")

WAITING = 200e-6  # seconds that one call waits for the file system: one on this machine takes a tenth of that
_THREADS = 16
_LEAST = 4000  # of weight; less is done before another process has started


def each(
    work: Callable[[T], None],
    items: Sequence[T],
    weights: Sequence[int],
    *,
    waits: bool,
    advance: Callable[[], None],
) -> None:
    """Do `work` on every item, in no order; `weights` are how much each is.

    With `waits`, the work is waiting rather than computing. `advance` is called for each item that is done. Raises
    what `work` raises, and StoreError where a process is killed; nobody works when this returns.
    """
    if sum(weights) < _LEAST or not _has_room():
        _all(work, items, waits, advance)
        return
    from envmgr import apart  # start-up time: sockets

    if not apart.is_possible():
        _all(work, items, waits, advance)
        return
    ours, theirs = _halves(items, weights)
    try:
        with apart.beside(partial(_all, work, theirs, waits, _nothing)) as finished:
            _all(work, ours, waits, advance)
            finished()
    except apart.Ended as error:
        raise StoreError(f"a process that shared the work was ended: {error}") from error
    for _ in theirs:
        advance()


def _all(work: Callable[[T], None], items: Iterable[T], waits: bool, advance: Callable[[], None]) -> None:
    if not waits:
        for item in items:
            work(item)
            advance()
        return
    from concurrent.futures import ThreadPoolExecutor  # start-up time: most file systems are near

    pool = ThreadPoolExecutor(_THREADS)
    try:
        for _ in pool.map(work, items):
            advance()
    finally:
        pool.shutdown(cancel_futures=True)


def _halves(items: Sequence[T], weights: Sequence[int]) -> tuple[list[T], list[T]]:
    """Return the items in two lists of nearly the same weight, the heaviest first."""
    one: list[T] = []
    other: list[T] = []
    balance = 0
    for position in sorted(range(len(items)), key=lambda position: -weights[position]):
        (one if balance <= 0 else other).append(items[position])
        balance += weights[position] if balance <= 0 else -weights[position]
    return one, other


def _has_room() -> bool:
    """Whether no more than one process is in the way of a second one of ours, so that its share is worth its start."""
    try:
        # The fourth field (proc(5)): those that run or could, this one included, and all
        with open("/proc/loadavg", encoding="ascii") as file:
            running = int(file.read().split()[3].partition("/")[0])
        return running <= len(os.sched_getaffinity(0))
    except (OSError, ValueError, IndexError, AttributeError):
        return False


def _nothing() -> None:
    """Tell nobody: who waits for another process hears of all its work at once."""
