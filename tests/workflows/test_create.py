"""`create` among other processes: two at once, interrupted, killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.packages import Package
from builders.web import Answer, Request, WebServer
from envmgr.leases import lease
from envmgr.reporting import SilentReporter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.usage import is_cache_used
from envmgr.workflows.create import Plan, create
from envmgr.workflows.request import CreateRequest

SECONDS = 60


def _finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in err
    return process.returncode, out, err


def _generation(prefix: Path) -> int:
    return int(json.loads((prefix / "conda-meta/envmgr/generation.json").read_text())["number"])


def _leftovers(envmgr: Envmgr) -> list[str]:
    """Return what is left in the store beside environments, kept generations and the directories themselves."""
    hidden = [*envmgr.root.glob("envs/.staging/*"), *envmgr.root.glob("envs/.leases/*")]
    return [str(path) for path in (*hidden, *envmgr.cache.glob("pkgs/.tmp-*"))]


@contextlib.contextmanager
def _slow(channel: LocalChannel, *held: str) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """Serve a channel; artifacts of `held` come when `release` is set, and `asked` says that one is waited for."""
    asked, release = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        path = channel.directory / request.path.lstrip("/")
        if path.name.startswith(held):
            asked.set()
            release.wait(SECONDS)
        return Answer(body=path.read_bytes()) if path.is_file() else Answer(status=404)

    with WebServer(answer) as server:
        try:
            yield server.url, asked, release
        finally:
            release.set()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def test_who_waits_says_for_whom_and_finds_it_done(envmgr: Envmgr, channel: LocalChannel) -> None:
    location = layout.named(Settings.load(envmgr.environ), "x")
    command = ("create", "-n", "x", "-c", channel.url, "tool")
    with lease(location.lease, purpose="changing x"):
        processes = [envmgr.start(*command), envmgr.start(*command)]
        # One of them waits for us, the other for the one that does.
        told = sorted(_first_line(process).partition(" on host ")[0] for process in processes)
        holders = {f"waiting for pid {process.pid} (creating x)" for process in processes}
        assert f"waiting for pid {os.getpid()} (changing x)" in told
        assert holders & set(told)
    ended = [_finish(process) for process in processes]
    assert [code for code, _, _ in ended] == [0, 0]
    assert sorted("is up to date" in out for _, out, _ in ended) == [False, True]
    assert sorted("is ready" in out for _, out, _ in ended) == [False, True]
    assert _generation(envmgr.prefix("x")) == 1
    assert _leftovers(envmgr) == []


def test_json_of_who_waited_says_up_to_date(envmgr: Envmgr, channel: LocalChannel) -> None:
    location = layout.named(Settings.load(envmgr.environ), "x")
    command = ("create", "-n", "x", "-c", channel.url, "tool", "--json", "-q")
    with lease(location.lease, purpose="changing x"):
        processes = [envmgr.start(*command), envmgr.start(*command)]
        time.sleep(1.0)
    documents = [json.loads(out) for _, out, _ in map(_finish, processes)]
    assert all(document["success"] for document in documents)
    assert sorted(document["up_to_date"] for document in documents) == [False, True]
    assert [document["actions"]["LINK"] for document in documents if document["up_to_date"]] == [[]]


def test_two_different_creates_of_one_name_at_once(envmgr: Envmgr, channel: LocalChannel) -> None:
    """The second was solved against what the first replaced: it is refused, and nothing is lost."""
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet")
    location = layout.named(Settings.load(envmgr.environ), "x")
    with lease(location.lease, purpose="changing x"):
        processes = [envmgr.start("create", "-n", "x", "-c", channel.url, f"tool={version}") for version in (1, 2)]
        for process in processes:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("waiting for ")
    ended = sorted(map(_finish, processes))
    assert [code for code, _, _ in ended] == [0, 1]
    assert "error: x was changed by another command while this one ran" in ended[1][2]
    assert "hint: run the command again" in ended[1][2]
    assert _generation(envmgr.prefix("x")) == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM], ids=lambda stop: stop.name)
def test_stopped_halfway_leaves_the_old_environment_and_the_next_create_works(
    envmgr: Envmgr, channel: LocalChannel, stop: signal.Signals
) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    with _slow(channel, "numpy") as (url, asked, release):
        command = ("create", "-n", "x", "-c", url, "tool=2", "numpy")
        process = envmgr.start(*command)
        assert asked.wait(SECONDS)
        os.killpg(process.pid, stop)
        code, _, err = _finish(process)
        if stop == signal.SIGINT:
            assert (code, err) == (130, "\nerror: interrupted\n")
        else:
            assert code == -stop
        assert envmgr.process("run", "-n", "x", "tool").out == "tool 1.0\n"
        assert _generation(envmgr.prefix("x")) == 1
        release.set()
        assert _finish(envmgr.start(*command))[0] == 0
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 2.0\n"
    assert _leftovers(envmgr) == []


def test_interrupted_where_there_was_none_leaves_none(envmgr: Envmgr, channel: LocalChannel) -> None:
    with _slow(channel, "numpy") as (url, asked, _):
        process = envmgr.start("create", "-n", "x", "-c", url, "numpy")
        assert asked.wait(SECONDS)
        os.killpg(process.pid, signal.SIGINT)
        assert _finish(process)[0] == 130
    assert envmgr("env", "list", "--json").json["envs"] == []
    assert not envmgr.prefix("x").exists()
    assert _leftovers(envmgr) == []


def test_interrupted_while_waiting_for_another(envmgr: Envmgr, channel: LocalChannel) -> None:
    location = layout.named(Settings.load(envmgr.environ), "x")
    with lease(location.lease, purpose="changing x"):
        process = envmgr.start("create", "-n", "x", "-c", channel.url, "tool")
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting for ")
        os.killpg(process.pid, signal.SIGINT)
        assert _finish(process)[0] == 130
        assert location.lease.exists()


def test_the_cache_counts_as_used_until_the_environment_is_made(envmgr: Envmgr, channel: LocalChannel) -> None:
    settings = Settings.load(envmgr.environ)
    request = CreateRequest(command=("create",), name="x", specs=("tool",), channels=(channel.url,))
    used = []

    def confirm(plan: Plan) -> bool:
        used.append(is_cache_used(settings))
        return True

    outcome = create(request, settings, SilentReporter(), confirm=confirm)
    assert (used, outcome.up_to_date, is_cache_used(settings)) == ([True], False, False)
    assert create(request, settings, SilentReporter(), confirm=confirm).up_to_date
    assert len(used) == 1


def test_what_was_declined_is_not_done(envmgr: Envmgr, channel: LocalChannel) -> None:
    settings = Settings.load(envmgr.environ)
    request = CreateRequest(command=("create",), name="x", specs=("tool",), channels=(channel.url,))
    outcome = create(request, settings, SilentReporter(), confirm=lambda _: False)
    assert outcome.declined
    assert outcome.plan is not None
    assert [package.name for package in outcome.plan.fetched] == ["base-files", "tool"]
    assert not envmgr.root.exists()


@pytest.mark.slow
def test_interrupted_at_any_time_there_is_no_traceback_and_no_half(envmgr: Envmgr, channel: LocalChannel) -> None:
    files = {f"share/many/{number}.txt": f"{number}" for number in range(400)}
    channel.add(*(Package(name="many", version=version, files=files) for version in ("1", "2")))
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "many=1"))
    whole = envmgr.ok("create", "-f", "environment.yml", "-q") == ""
    for number in range(16):
        envmgr.write("environment.yml", environment_file(channel, f"tool={1 + number % 2}", f"many={1 + number % 2}"))
        process = envmgr.start("create", "-f", "environment.yml")
        time.sleep(0.05 + number * 0.04)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with process:
            _, err = process.communicate(timeout=SECONDS)
        # Before our first line and after our last one, it is the interpreter that was interrupted, and says so.
        if "/envmgr/" in err:
            assert "Traceback" not in err
            assert process.returncode in (0, 130), err
        done = envmgr.process("run", "-n", "science", "tool")
        assert done.out in ("tool 1.0\n", "tool 2.0\n"), done
        listed = {entry["name"]: entry["version"] for entry in envmgr("list", "-n", "science", "--json").json}
        assert listed["tool"] == f"{listed['many']}.0"
        assert done.out == f"tool {listed['tool']}\n"
        assert len(list((envmgr.prefix("science") / "share/many").iterdir())) == 400
    assert whole
    assert envmgr("create", "-f", "environment.yml").code == 0
    assert _leftovers(envmgr) == []


@pytest.mark.slow
def test_eight_at_once_twenty_times(envmgr: Envmgr, channel: LocalChannel) -> None:
    for number in range(20):
        version = 1 + number % 2
        envmgr.write("environment.yml", environment_file(channel, f"tool={version}"))
        processes = [envmgr.start("create", "-f", "environment.yml") for _ in range(8)]
        ended = [_finish(process) for process in processes]
        assert [code for code, _, _ in ended] == [0] * 8, [err for _, _, err in ended]
        assert sum("is ready" in out for _, out, _ in ended) == 1
        assert sum("is up to date" in out for _, out, _ in ended) == 7
        assert _generation(envmgr.prefix("science")) == number + 1
        assert envmgr.process("run", "-n", "science", "tool").out == f"tool {version}.0\n"
    assert _leftovers(envmgr) == []
