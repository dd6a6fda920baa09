"""Whatever an index does: one error that says what to do, the environment as it was, nothing left behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.index_server import JSON_TYPE, IndexServer
from builders.wheels import Wheel

WHEEL = "/files/app-1.0-py3-none-any.whl"
PAGE = "/simple/app/"
Prepare = Callable[[IndexServer], object]


def answering(path: str, status: int, body: bytes = b"no", kind: str = "text/plain") -> Prepare:
    return lambda index: index.answers.__setitem__(path, (status, kind, body))


def breaking_off(path: str) -> Prepare:
    return lambda index: index.cut.add(path)


def offering(wheel: Wheel, **lies: object) -> Prepare:
    def prepare(index: IndexServer) -> None:
        del index.wheels["app"]
        index.add(wheel, **lies)

    return prepare


# what the index does, the line that asks, what is said, and what to do about it
CASES: dict[str, tuple[Prepare, str, str, str]] = {
    "slow": (lambda index: setattr(index, "delay", 20.0), "app", "cannot be reached: operation timed out", "network"),
    "login page": (answering(PAGE, 200, b"<html>who?</html>", "text/html"), "app", "no versions of app", "a login"),
    "page for JSON": (answering(PAGE, 200, b"<html>", JSON_TYPE), "app", "none of a package index", "/simple"),
    "listing breaks off": (breaking_off(PAGE), "app", "/simple/app/ broke off before its end", "try again"),
    "401": (answering(PAGE, 401), "app", "answered 401 Unauthorized", "password in PIP_INDEX_URL"),
    "403": (answering(PAGE, 403), "app", "answered 403 Forbidden", "may not read it"),
    "404": (answering(PAGE, 404), "app", "environment.yml:7: no package index in use has `app`", "spelling"),
    "429": (answering(PAGE, 429), "app", "answered 429 Too Many Requests", "try again later"),
    "500": (answering(PAGE, 500), "app", "answered 500 Internal Server Error", "try again later"),
    "unknown name": (lambda index: None, "heplers", "no package index in use has `heplers`", "did you mean `helper`?"),
    "unknown name, large index": (
        lambda index: index.answers.__setitem__("/simple/", (200, JSON_TYPE, b" " * (1 << 20) + b"{}")),
        "heplers", "no package index in use has `heplers`", "check the spelling",
    ),
    "no such version": (lambda index: None, "app==7", "there is no version of app==7", "index has of app: 1.0"),
    "for another python": (
        offering(Wheel(name="app", tag="cp36-cp36m-manylinux2014_x86_64")),
        "app", "no wheels with a matching", "app 1.0 has wheels for python 3.6: ask for `python 3.6.*`",
    ),
    "yanked": (offering(Wheel(name="app"), yanked="eats data"), "app", "was yanked (reason: eats data)", "`app==1.0`"),
    "wheel 404": (answering(WHEEL, 404), "app", "app-1.0-py3-none-any.whl answered 404", "locked anew"),
    "wheel 429": (answering(WHEEL, 429), "app", "app-1.0-py3-none-any.whl answered 429", "try again later"),
    "wheel breaks off": (breaking_off(WHEEL), "app", "the wheel of app==1.0 broke off before its end", "try again"),
    "wheel is a page": (answering(WHEEL, 200, b"<html>"), "app", "the wheel of app==1.0", ""),
    "another wheel": (
        answering(WHEEL, 200, Wheel(name="app", files={"app.py": "evil()"}).content()),
        "app", "not the one that was locked: expected 953 bytes", "distrust it",
    ),
    "wrong hash": (
        offering(Wheel(name="app"), hashes={"sha256": "0" * 64}), "app", f"expected sha256 {'0' * 64}", "distrust it"
    ),
    "other metadata": (answering(f"{WHEEL}.metadata", 200, b"x"), "app", "not the metadata that the index", "distrust"),
}  # fmt: skip


@pytest.fixture
def science(machine: Envmgr, channel: LocalChannel, index: IndexServer, tmp_path: Path) -> Envmgr:
    """An environment `science` without a pip half, and an index that has `app`."""
    index.add(Wheel(name="app", requires=["helper"]))
    (tmp_path / "tmp").mkdir()
    machine.environ |= {"TMPDIR": str(tmp_path / "tmp")}
    machine.ok("create", "-n", "science", "-c", channel.url, "base-files", "-q")
    return machine


def ask(science: Envmgr, channel: LocalChannel, line: str) -> None:
    science.write("environment.yml", environment_file(channel, "python") + f"  - pip:\n    - {line}\n")


def leftovers(science: Envmgr) -> list[str]:
    """Return what is in the places where only a running command has something."""
    temporary = Path(science.environ["TMPDIR"])
    staging = science.root / "envs" / ".staging"
    return [path.name for directory in (temporary, staging) if directory.is_dir() for path in directory.iterdir()]


@pytest.mark.parametrize("case", CASES)
def test_bad_luck_is_one_error_with_a_hint_and_changes_nothing(
    science: Envmgr, channel: LocalChannel, index: IndexServer, case: str
) -> None:
    prepare, line, message, hint = CASES[case]
    ask(science, channel, line)
    before = entries(science.prefix("science"))
    prepare(index)
    patience = {"UV_HTTP_TIMEOUT": "1"} if case == "slow" else {}
    done = science("create", "-f", "environment.yml", "-y", **patience)

    text, _, said = done.err.partition("\nhint: ")
    assert done.code == 1
    assert message in text
    assert hint in said
    assert "Traceback" not in done.err
    assert entries(science.prefix("science")) == before
    assert leftovers(science) == []


def test_an_index_that_is_down_is_named(science: Envmgr, channel: LocalChannel) -> None:
    ask(science, channel, "app")
    done = science("create", "-f", "environment.yml", "-y", PIP_INDEX_URL="http://127.0.0.1:1/simple")

    assert done.err.startswith("error: http://127.0.0.1:1/simple/app/ cannot be reached: Connection refused")
    assert leftovers(science) == []


@pytest.mark.parametrize("status", [429, 500])
def test_what_passes_is_waited_for(science: Envmgr, channel: LocalChannel, index: IndexServer, status: int) -> None:
    ask(science, channel, "app")
    index.passing = {PAGE: [(status, "text/plain", b"busy")], WHEEL: [(status, "text/plain", b"busy")]}
    index.retry_after = 0
    science.ok("create", "-f", "environment.yml", "-y", "-q", UV_HTTP_RETRIES="2")

    assert index.requests.count(PAGE) == 2
    assert index.passing == {PAGE: [], WHEEL: []}


def test_a_yanked_release_is_taken_where_it_is_pinned_and_said(
    science: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    offering(Wheel(name="app"), yanked="eats data")(index)
    ask(science, channel, "app==1.0")
    done = science("create", "-f", "environment.yml", "-y", "-q")

    assert done.code == 0
    assert done.err.startswith("warning: app 1.0 was yanked from its index: eats data (it is taken because exactly")


def test_an_interrupt_while_the_index_is_slow_leaves_everything_as_it_was(
    science: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    ask(science, channel, "app")
    before = entries(science.prefix("science"))
    index.requests.clear()
    index.delay = 20.0
    with science.start("create", "-f", "environment.yml", "-y", UV_HTTP_TIMEOUT="30") as process:
        while not index.requests and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)

    assert code == 130
    assert entries(science.prefix("science")) == before
    assert leftovers(science) == []
