"""Leases: mutual exclusion under load and under SIGKILL, takeover from the dead, and what waiters are told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from envmgr import leases
from envmgr.errors import EnvironmentBusy, NoSpace, ReadOnlyStore, StoreError
from envmgr.leases import Owner, lease

WORKER = """
import os, random, sys, time
from pathlib import Path
from envmgr.leases import lease
directory, rounds = Path(sys.argv[1]), int(sys.argv[2])
for number in range(rounds):
    with lease(directory / "lock", purpose="count"):
        marker = directory / "inside"
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))  # fails where two are inside
        value = int((directory / "counter").read_text())
        if random.random() < 0.05:
            time.sleep(0.002)
        (directory / "counter.new").write_text(str(value + 1))
        os.replace(directory / "counter.new", directory / "counter")
        os.unlink(marker)
    with open(directory / f"done-{os.getpid()}", "ab") as file:
        file.write(b".")
"""

HOLDER = """
import sys, time
from pathlib import Path
from envmgr.leases import lease
with lease(Path(sys.argv[1]), purpose="create demo"):
    print("held", flush=True)
    time.sleep(60)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def start_holder(path: Path) -> subprocess.Popen[str]:
    process = start(HOLDER, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def wait_for(processes: list[subprocess.Popen[str]]) -> set[int]:
    """Return the set of exit codes."""
    for process in processes:
        process.communicate(timeout=300)
    return {process.returncode for process in processes}


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def write_lease(path: Path, *, token: str = "0123456789abcdef", **changes: object) -> None:
    owner = Owner.current("other work")._asdict() | changes
    path.write_text(json.dumps({"schema": 1, "token": token, **owner}))


def count_under_contention(directory: Path, *, processes: int, rounds: int) -> None:
    (directory / "counter").write_text("0")
    workers = [start(WORKER, directory, rounds) for _ in range(processes)]
    assert wait_for(workers) == {0}
    assert int((directory / "counter").read_text()) == processes * rounds
    assert not list(directory.glob("lock*"))


def test_no_update_is_lost_among_processes(tmp_path: Path) -> None:
    count_under_contention(tmp_path, processes=4, rounds=40)


@pytest.mark.slow
def test_no_update_is_lost_among_sixteen_processes(tmp_path: Path) -> None:
    count_under_contention(tmp_path, processes=16, rounds=200)


KILLED = """
import os, random, signal, sys, threading, time
from pathlib import Path
from envmgr.leases import lease
directory = Path(sys.argv[1])
def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
threading.Timer(random.uniform(0.0, float(sys.argv[2])), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
while True:
    with lease(directory / "lock", purpose="die"):
        name = directory / "inside"
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        before = os.read(descriptor, 100).decode()
        if before and is_alive(before.strip()):
            (directory / "violation").write_text(f"{os.getpid()} found {before} inside")
        os.pwrite(descriptor, str(os.getpid()).encode().ljust(8), 0)
        os.ftruncate(descriptor, len(str(os.getpid())))
        os.ftruncate(descriptor, 0)
        os.close(descriptor)
"""


def outlive_killed_processes(directory: Path, *, waves: int, processes: int) -> None:
    """Every process is killed at a random instant, acquiring, holding or releasing; the last wave must get in."""
    for _ in range(waves):
        workers = [start(KILLED, directory, 0.6) for _ in range(processes)]
        assert wait_for(workers) == {-signal.SIGKILL}
    assert not (directory / "violation").exists(), (directory / "violation").read_text()
    with lease(directory / "lock", purpose="the survivor", timeout=5):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_killed_processes_never_leave_a_lease_that_blocks_or_admits_two(tmp_path: Path) -> None:
    outlive_killed_processes(tmp_path, waves=2, processes=8)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_many_waves_of_killed_processes(tmp_path: Path) -> None:
    outlive_killed_processes(tmp_path, waves=12, processes=16)


def test_many_waiters_take_over_from_one_killed_holder_one_at_a_time(tmp_path: Path) -> None:
    for _ in range(3):
        holder = start_holder(tmp_path / "lock")
        (tmp_path / "counter").write_text("0")
        workers = [start(WORKER, tmp_path, 5) for _ in range(6)]
        time.sleep(0.3)
        end(holder)
        assert wait_for(workers) == {0}
        assert (tmp_path / "counter").read_text() == "30"
        assert not list(tmp_path.glob("lock*"))


def test_waiter_is_told_once_who_holds_the_lease(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "lock")
    told: list[Owner] = []
    threading.Timer(0.4, holder.kill).start()
    with lease(tmp_path / "lock", purpose="wait", on_wait=told.append):
        pass
    holder.communicate()
    (owner,) = told
    assert (owner.pid, owner.purpose) == (holder.pid, "create demo")
    assert str(owner) == f"pid {holder.pid} (create demo) on host {os.uname().nodename}"
    assert abs(owner.since - time.time()) < 60


def test_timeout_names_the_owner(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "lock")
    try:
        begun = time.monotonic()
        with pytest.raises(EnvironmentBusy) as raised, lease(tmp_path / "lock", purpose="wait", timeout=0.2):
            pass
        assert 0.2 <= time.monotonic() - begun < 30
        assert f"pid {holder.pid} (create demo)" in raised.value.message
        assert str(raised.value.hint).endswith(f"kill {holder.pid}")
        assert raised.value.details["pid"] == holder.pid
    finally:
        end(holder)


def test_two_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            with lease(tmp_path / "lock", purpose="thread"):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.001)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 40


def test_directory_that_others_remove_when_it_is_empty_is_made_again(tmp_path: Path) -> None:
    parent, stop = tmp_path / "hidden", threading.Event()

    def remove() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                parent.rmdir()

    removers = [threading.Thread(target=remove) for _ in range(3)]
    for remover in removers:
        remover.start()
    try:
        for _ in range(200):
            with lease(parent / "lease", purpose="testing"):
                assert (parent / "lease").exists()
    finally:
        stop.set()
        for remover in removers:
            remover.join()


def test_lease_is_removed_when_the_body_raises(tmp_path: Path) -> None:
    present: list[bool] = []

    def fail() -> None:
        with lease(tmp_path / "sub" / "lock", purpose="fail"):
            present.append((tmp_path / "sub" / "lock").exists())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert present == [True]
    assert list((tmp_path / "sub").iterdir()) == []


def test_lease_that_another_took_over_is_not_removed_at_the_end(tmp_path: Path) -> None:
    with lease(tmp_path / "lock", purpose="slept too long"):
        (tmp_path / "lock").unlink()
        write_lease(tmp_path / "lock")
    assert "other work" in (tmp_path / "lock").read_text()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_reused_pid_is_not_taken_for_the_owner(tmp_path: Path) -> None:
    write_lease(tmp_path / "lock", start_ticks=1)
    with lease(tmp_path / "lock", purpose="next", timeout=0):
        pass


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_owner_from_before_a_restart_of_this_host_is_dead(tmp_path: Path) -> None:
    write_lease(tmp_path / "lock", boot_id="00000000-0000-0000-0000-000000000000")
    os.utime(tmp_path / "lock", (1_000_000, 1_000_000))
    with lease(tmp_path / "lock", purpose="next", timeout=0):
        pass


@pytest.mark.parametrize(
    "elsewhere", [{"host": "node7"}, {"pid_namespace": "pid:[1]"}, {"boot_id": "another machine of this name"}]
)
def test_owner_that_cannot_be_looked_up_is_believed_while_it_may_live(
    tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    write_lease(tmp_path / "lock", pid=2**22 + 1, **elsewhere)
    with pytest.raises(EnvironmentBusy), lease(tmp_path / "lock", purpose="next", timeout=0.1):
        pass


def test_silence_is_measured_by_the_waiter_and_ended_by_a_touch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SILENCE", 0.4)  # a minute is too long for a test
    path = tmp_path / "lock"
    write_lease(path, host="node7")
    os.utime(path, (1_000_000, 1_000_000))  # the other machine's clock is years behind
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(0.05):
            os.utime(path)

    thread = threading.Thread(target=beat)
    thread.start()
    with pytest.raises(EnvironmentBusy), lease(path, purpose="next", timeout=0.8):
        pass
    stop.set()
    thread.join()
    begun = time.monotonic()
    with lease(path, purpose="next", timeout=10):
        assert time.monotonic() - begun > 0.3


def test_owner_touches_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT", 0.02)
    with lease(tmp_path / "lock", purpose="work"):
        os.utime(tmp_path / "lock", (1_000_000, 1_000_000))
        time.sleep(0.2)
        assert (tmp_path / "lock").stat().st_mtime > 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 300,
        b"{",
        b"[]",
        pytest.param(b"[" * 4000, id="deep"),
        b'{"schema": 1, "token": "../../x"}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_unreadable_lease_is_waited_for_and_then_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(leases, "GRACE", 0.15)
    (tmp_path / "lock").write_bytes(content)
    with (
        pytest.raises(EnvironmentBusy, match="does not say by whom"),
        lease(tmp_path / "lock", purpose="next", timeout=0.05),
    ):
        pass
    with lease(tmp_path / "lock", purpose="next", timeout=5):
        pass
    assert list(tmp_path.iterdir()) == []


def test_lease_is_held_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with (
        lease(tmp_path / "lock", purpose="first"),
        pytest.raises(EnvironmentBusy),
        lease(tmp_path / "lock", purpose="second", timeout=0),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_forked_child_does_not_release_its_parents_lease(tmp_path: Path) -> None:
    script = """
    import os, sys
    from pathlib import Path
    from envmgr.leases import lease
    path = Path(sys.argv[1])
    with lease(path, purpose="parent"):
        pid = os.fork()
        if pid == 0:
            pass
        else:
            os.waitpid(pid, 0)
            print(path.exists())
    """
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), tmp_path / "lock"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert process.stdout == "True\n"


def test_directory_in_place_of_the_lease_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="lock"), lease(tmp_path / "lock", purpose="next", timeout=1):
        pass


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs /sys, where not even root makes a file")
def test_directory_that_cannot_be_written_is_a_read_only_store() -> None:
    with pytest.raises(ReadOnlyStore, match="/sys/kernel/lock"), lease(Path("/sys/kernel/lock"), purpose="x"):
        pass


def test_full_disk_is_told_as_such() -> None:
    error = leases._translated(OSError(28, "No space left on device"), Path("/x/lock"))
    assert isinstance(error, NoSpace)


def test_importing_leases_imports_nothing_slow() -> None:
    slow = {"dataclasses", "asyncio", "socket", "subprocess", "yaml", "click", "platform"}
    script = f"import sys, envmgr.leases; print(*{slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == ""
