"""Processes: the living are told from the dead, and those of elsewhere from both."""

from __future__ import annotations

import subprocess
import sys

import pytest

from envmgr.processes import Owner, process_tag, tag_is_dead


def test_tag_of_a_living_process_is_not_dead_and_of_an_ended_one_is() -> None:
    assert tag_is_dead(process_tag()) is False
    process = subprocess.run(
        [sys.executable, "-c", "from envmgr.processes import process_tag; print(process_tag(), end='')"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert tag_is_dead(process.stdout) is True


def changed(position: int, value: str) -> str:
    """Return this process's tag with one of its last five parts replaced."""
    parts = process_tag().rsplit("-", 5)
    parts[position] = value
    return "-".join(parts)


def test_tag_from_before_a_restart_of_this_machine_is_dead() -> None:
    assert tag_is_dead(changed(2, "00000000")) is True


def test_tag_of_another_start_of_the_same_pid_is_dead() -> None:
    assert tag_is_dead(changed(5, "1")) is True


def test_tag_of_another_machine_or_container_cannot_be_judged() -> None:
    assert tag_is_dead(changed(1, "00000000")) is None
    assert tag_is_dead(changed(3, "00000000")) is None


@pytest.mark.parametrize("tag", ["", "x", "host-12345678-1", "h-00000000-00000000-00000000-1", "../x"])
def test_what_is_no_tag_cannot_be_judged(tag: str) -> None:
    assert tag_is_dead(tag) is None


def test_owner_knows_whether_it_lives() -> None:
    owner = Owner.current("testing")
    assert owner.is_dead() is False
    assert owner._replace(start_ticks=1).is_dead() is True
    assert owner._replace(pid=2**31 - 1).is_dead() is True
    assert owner._replace(host="elsewhere").is_dead() is None
    assert str(owner) == f"pid {owner.pid} (testing) on host {owner.host}"
