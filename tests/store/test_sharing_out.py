"""Work is done once each, wherever it is done, and what goes wrong in any process is raised here."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from envmgr.store import sharing_out

ITEMS = list(range(40))


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("weight", [1, 1000])
def test_everything_is_done_once_and_told(tmp_path: Path, weight: int, waits: bool) -> None:
    told: list[None] = []

    def work(item: int) -> None:
        (tmp_path / str(item)).mkdir()  # fails the second time

    weights = [weight + item for item in ITEMS]
    sharing_out.each(work, ITEMS, weights, waits=waits, advance=lambda: told.append(None))
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == ITEMS
    assert len(told) == len(ITEMS)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("weight", [1, 1000])
@pytest.mark.parametrize("bad", [0, 1, 39])
def test_error_is_raised_whoever_has_it(tmp_path: Path, weight: int, waits: bool, bad: int) -> None:
    def work(item: int) -> None:
        if item == bad:
            raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "one"), None, str(tmp_path / "other"))

    with pytest.raises(OSError, match="No space left") as caught:
        sharing_out.each(work, ITEMS, [weight] * len(ITEMS), waits=waits, advance=lambda: None)
    assert (caught.value.errno, caught.value.filename2) == (errno.ENOSPC, str(tmp_path / "other"))


def test_nothing_to_do_is_done() -> None:
    sharing_out.each(lambda item: None, [], [], waits=False, advance=lambda: None)
