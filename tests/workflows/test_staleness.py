"""A lock that no longer fits says in which of what was asked for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from envmgr.lock.model import Lock, Request
from envmgr.platforms.model import VirtualPackage
from envmgr.settings import Settings
from envmgr.workflows import staleness

ASKED = Request(
    channels=("lab",), dependencies=("python =3.12", "numpy"), pip=("Rich >=13",), variables=(("A", "1"), ("B", "2"))
)
LOCK = Lock(
    platform="linux-64",
    conda=(),
    request=ASKED,
    virtual_packages=("__cuda=12.8=0", "__glibc=2.36=0"),
    exclude_newer="2026-01-31T23:59:59+00:00",
)
CUTOFF = datetime(2026, 1, 31, 23, 59, 59, tzinfo=timezone.utc)


_OTHERWISE = (
    "what channels.yaml means by its names and pins, what a constraints file says, or whether python brings pip, "
    "is not as it was"
)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (ASKED._replace(dependencies=("numpy", "python =3.13")), ["python =3.12 → python =3.13"]),
        (ASKED._replace(dependencies=("numpy", "python=3.12.*", "scipy")), ["scipy is new"]),
        (ASKED._replace(dependencies=("numpy",)), ["python =3.12 is gone"]),
        (ASKED._replace(dependencies=("lab::numpy", "python =3.12")), ["numpy → lab::numpy"]),
        (ASKED._replace(pip=("rich>=14", "click")), ["pip: click is new", "pip: Rich >=13 → rich>=14"]),
        (ASKED._replace(pip=("rich >= 13",), channels=("lab", "b")), ["channels: lab → lab, b"]),
        (ASKED._replace(channels=()), ["channels: lab → none"]),
        (
            ASKED._replace(variables=(("A", "3"), ("C", "4"))),
            ["the variable A has another value", "the variable B is gone", "the variable C is new"],
        ),
        (
            ASKED,
            [_OTHERWISE],
        ),
    ],
)
def test_what_differs_is_said_and_spelling_is_not(now: Request, said: list[str], settings: Settings) -> None:
    assert list(staleness.of_request(LOCK, now, settings)) == said


def test_the_channel_priority_counts(settings: Settings) -> None:
    flexible = settings._replace(channel_priority="flexible")
    assert list(staleness.of_request(LOCK, ASKED, flexible)) == ["channel priority: strict → flexible"]


@pytest.mark.parametrize(
    ("stated", "machine", "said"),
    [
        ((), (), []),
        (("__glibc",), (VirtualPackage("__glibc", "2.36"), VirtualPackage("__cuda", "13")), []),
        (("__glibc",), (VirtualPackage("__glibc", "2.17"),), ["__glibc: 2.36=0 → 2.17=0"]),
        (("__cuda",), (), ["__cuda: 12.8=0 → none"]),
        (("__osx",), (), []),
    ],
)
def test_only_stated_virtual_packages_count(
    stated: tuple[str, ...], machine: tuple[VirtualPackage, ...], said: list[str]
) -> None:
    assert list(staleness.of_machine(LOCK, stated, machine)) == said


def test_a_cutoff_is_the_same_or_one_that_moves_and_lies_behind() -> None:
    day = timedelta(days=1)
    assert list(staleness.of_cutoff(LOCK, None, is_moving=False)) == []
    assert list(staleness.of_cutoff(LOCK, CUTOFF, is_moving=False)) == []
    assert list(staleness.of_cutoff(LOCK, CUTOFF + day, is_moving=True)) == []
    assert len(list(staleness.of_cutoff(LOCK, CUTOFF + day, is_moving=False))) == 1
    assert len(list(staleness.of_cutoff(LOCK, CUTOFF - day, is_moving=True))) == 1
    assert len(list(staleness.of_cutoff(LOCK._replace(exclude_newer=None), CUTOFF, is_moving=True))) == 1
