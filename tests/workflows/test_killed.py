"""Commands killed (SIGKILL) at every step and at random instants: whole environments, a whole cache, no rubbish."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders import by_hand
from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.index_server import IndexServer
from builders.killed import Machine, wait_for_settling
from builders.packages import Package
from builders.pip_half import SITE, environ_of, locked, python_package
from builders.store import Store, realise_until
from builders.wheels import Wheel
from envmgr.settings import Settings
from envmgr.store import generations
from envmgr.workflows import verify as workflow

STEPS = ["fetched", "journal written", "linked", "pip half installed", "metadata written", "carried", "staged",
         "exchanged", "committed", "late writes brought", "journal removed", "registered", "pruning", "pruned aside",
         "pruned"]  # fmt: skip


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


def put_things_there(prefix: Path) -> None:
    """Do what people do: a file, an edit, a `pip install`."""
    by_hand.put(prefix, {"share/mine/data": "precious"})
    by_hand.install(prefix, "rich", site=SITE)
    by_hand.replace(prefix / "share/tool", "edited")


def check_things(prefix: Path, step: str) -> None:
    assert (prefix / "share/mine/data").read_text() == "precious", step
    assert (prefix / SITE / "rich.py").is_file(), step
    edited = [prefix / "share/tool", prefix / "share/tool.envmgr-saved"]
    assert [path.read_text() for path in edited if path.exists()].count("edited") == 1, step


def test_killed_at_every_step_both_halves_and_what_people_put_there_are_whole(
    environ: dict[str, str], index: IndexServer, make_channel: Callable[..., LocalChannel]
) -> None:
    """Every state is the ground for the next command, which gets no help."""
    environ = environ_of(environ, index)
    store = Store(Settings.load(environ)._replace(keep_generations=0), make_channel())
    store.channel.add(python_package(), Package(name="tool", files={"share/tool": "1", "share/other": "1"}),
                      Package(name="more", files={"share/more": "1"}))  # fmt: skip
    machine = Machine(Path("/"), environ, seed=0)
    wheel = locked(index, Wheel(name="greeter", scripts=["greet = greeter:main"]))
    locks = [store.lock("python", "tool", pip=[wheel]), store.lock("more", "python", "tool", pip=[wheel])]
    store.realise(store.request("a", locks[0]))
    prefix = store.location("a").prefix
    wait_for_settling()
    put_things_there(prefix)
    seen: list[str] = []
    for step in STEPS:
        present = generations.current(prefix)
        assert present is not None
        request = store.request("a", locks[present.number % 2])
        assert realise_until(store.settings, request, step) == -signal.SIGKILL, step
        assert [each for each in machine.faults("a") if "share/tool" not in each] == [], step
        check_things(prefix, step)
        seen.append(step)
    steps: list[str] = []
    store.realise(store.request("a", locks[0]), steps.append)
    assert steps == seen  # no step is left out
    assert machine.faults("a") == []
    assert machine.rubbish("a") == []
    check_things(prefix, "end")
    assert generations.kept(store.location("a")) == ()


def test_repair_passes_the_steps_of_every_other_generation(
    settings: Settings, make_channel: Callable[..., LocalChannel]
) -> None:
    store = Store(settings, make_channel())
    store.channel.add(Package(name="tool", files={"share/tool": "1"}))
    store.create("a", "tool")
    location = store.location("a")
    (location.prefix / "share/tool").unlink()
    steps: list[str] = []
    findings = workflow.verify(location, settings, store.reporter)
    workflow.repair(location, findings, settings, store.reporter, command=("x",), checkpoint=steps.append)
    assert steps == [step for step in STEPS if not step.startswith(("prun", "pip"))] + ["pruned"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20261124, 20261125])
def test_killed_at_random_instants_everything_is_whole(envmgr: Envmgr, channel: LocalChannel, seed: int) -> None:
    """Some two hundred kills of create, install, remove, update, rollback, verify --fix and clean."""
    many = {f"lib/many/{number % 20}/{number}": f"{number}" for number in range(300)}
    channel.add(Package(name="many", files=many), Package(name="more", files={"share/more": "1"}))
    machine = Machine(envmgr.directory, envmgr.environ, seed)
    here = ("--override-channels", "-c", channel.url)
    prefix = envmgr.prefix("a")
    assert machine.run("create", "-q", "-n", "a", *here, "many", "tool=1") == 0
    wait_for_settling()
    by_hand.put(prefix, {f"share/mine/{number}": "precious" for number in range(40)})
    commands: list[tuple[float, tuple[str, ...]]] = [
        (0.15, ("install", "-q", "-n", "a", "more")),
        (0.15, ("rollback", "-q", "-n", "a")),
        (0.15, ("remove", "-q", "-n", "a", "more")),
        (0.15, ("update", "-q", "-n", "a", "--all")),
        (0.15, ("rollback", "-q", "-n", "a", "1")),
        (0.15, ("create", "-q", "-n", "b", *here, "many", "greet")),
        (0.10, ("remove", "-q", "-y", "-n", "b", "--all")),
        (0.10, ("clean", "-q", "-y")),
        (0.15, ("verify", "-q", "-n", "a", "--fix")),
    ]
    for turn in range(90):
        longest, command = commands[turn % len(commands)]
        if command[0] == "verify" and os.path.lexists(prefix / "bin/tool"):
            (prefix / "bin/tool").unlink()
        machine.run_for(longest, *command)
        if command[0] == "verify" and "missing bin/tool" in machine.faults("a"):
            assert machine.run("verify", "-q", "-n", "a", "--fix") == 0, command
        assert machine.faults("a") == [], (turn, command)
        assert machine.faults("b") == [], (turn, command)
        assert sum(path.read_text() == "precious" for path in prefix.glob("share/mine/*")) == 40, (turn, command)
    assert machine.kills > 45
    for command in (("create", "-q", "-n", "a", *here, "tool=2"), ("create", "-q", "-n", "b", *here, "greet")):
        assert machine.run(*command) == 0, command
    assert machine.run("clean", "-q", "-y") == 0
    assert machine.rubbish("a") == []
    assert machine.faults("a") == []
    assert machine.run("run", "-n", "a", "tool") == 0
