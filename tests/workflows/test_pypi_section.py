"""`pypi:` of channels.yaml, as a user meets it: pins, the cooldown of both halves, sdists, and the lock."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel


@pytest.fixture
def gpu() -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.users["me"] = "s3cret"
        yield server.add(Wheel(name="torch", version="2.5", requires=["helper"]), Wheel(name="helper", version="99"))


@pytest.fixture
def lab(machine: Envmgr, channel: LocalChannel, index: IndexServer, gpu: IndexServer) -> Envmgr:
    index.add(Wheel(name="app", requires=["torch"]), Wheel(name="torch", version="9"))
    machine.write(
        "channels.yaml",
        f"pypi:\n  indexes:\n    gpu: http://me:${{GPU_TOKEN}}@{gpu.host}/simple\n  packages:\n    torch: gpu\n",
    )
    machine.environ["GPU_TOKEN"] = "s3cret"
    machine.write("environment.yml", environment_file(channel, "python") + "  - pip: [app]\n")
    return machine


def test_a_pin_holds_in_the_lock_which_records_the_index_and_no_credential(
    lab: Envmgr, index: IndexServer, gpu: IndexServer
) -> None:
    lab.ok("create", "-f", "environment.yml", "-q")
    listed = {entry["name"]: entry["version"] for entry in lab("list", "-n", "science", "--json").json}
    lock = (lab.directory / "environment.conda-lock.yml").read_text()

    assert {name: listed[name] for name in ("app", "helper", "torch")} == {
        "app": "1.0",
        "helper": "1.0",
        "torch": "2.5",
    }
    assert gpu.url in lock
    assert index.url in lock
    assert "s3cret" not in lock
    # The lock is followed through the pinned index again, with what only channels.yaml knows.
    lab.ok("remove", "-n", "science", "--all", "-y", "-q")
    gpu.requests.clear()
    lab.ok("create", "-f", "environment.yml", "--locked", "-q", UV_CACHE_DIR=str(lab.directory / "cold"))
    assert gpu.requests == ["/files/torch-2.5-py3-none-any.whl"]


def test_a_pin_that_changes_makes_the_lock_old(lab: Envmgr) -> None:
    lab.ok("create", "-f", "environment.yml", "-q")
    lab.write("channels.yaml", "channels: {}\n")
    done = lab("create", "-f", "environment.yml", "--locked")

    assert done.code == 1
    assert "what channels.yaml means by its names and pins" in done.err


def test_the_cooldown_is_for_both_halves(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> None:
    day = 24 * 3600 * 1000
    channel.add(
        Package(name="aged", version="1.0", timestamp=1_600_000_000_000, files={}),
        Package(name="aged", version="2.0", timestamp=1_600_000_000_000 + 400 * day, files={}),
    )
    index.add(Wheel(name="app", version="1.0"), **{"upload-time": "2020-01-01T00:00:00Z"})
    index.add(Wheel(name="app", version="2.0"), **{"upload-time": "2021-06-01T00:00:00Z"})
    machine.write("environment.yml", environment_file(channel, "aged", "python") + "  - pip: [app]\n")
    of_uv = machine("create", "-f", "environment.yml", "--dry-run", "--json", UV_EXCLUDE_NEWER="2021-01-31")
    machine.write("channels.yaml", "pypi:\n  exclude-newer: 2021-01-31\n")
    done = machine("create", "-f", "environment.yml", "--dry-run", "--json", "--exclude-newer", "2100-01-01")
    found = machine("create", "-f", "environment.yml", "--dry-run", "--json")

    def versions(document: dict[str, object]) -> dict[str, str]:
        listed = [*document["actions"]["LINK"], *document["pip"]["install"]]  # type: ignore[index]
        return {entry["name"]: entry["version"] for entry in listed if entry["name"] in ("aged", "app")}

    assert versions(done.json) == {"aged": "2.0", "app": "2.0"}, "a flag beats the file"
    assert versions(found.json) == versions(of_uv.json) == {"aged": "1.0", "app": "1.0"}


def test_a_wheel_without_upload_time_is_too_new_under_a_cooldown(
    machine: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    index.add(Wheel(name="undated"))
    del index.wheels["undated"][0][2]["upload-time"]
    machine.write("channels.yaml", "pypi:\n  exclude-newer: 14d\n")
    # An environment whose conda half has no time either would not solve; a package of conda is stamped here.
    machine.write("environment.yml", environment_file(channel, "python") + "  - pip: [undated]\n")
    done = machine("create", "-f", "environment.yml")

    assert done.code == 1
    assert "undated 1.0 has no upload time on its index, so that its age is unknown; the cutoff is" in done.err


def test_a_cooldown_that_is_no_date_has_its_line(machine: Envmgr, channel: LocalChannel) -> None:
    machine.write("channels.yaml", "pypi:\n  exclude-newer: 2026-99-01\n")
    machine.write("environment.yml", environment_file(channel, "python"))
    done = machine("create", "-f", "environment.yml", "--json")

    assert done.json["error"] == "ConfigError"
    assert "channels.yaml:2: pypi.exclude-newer `2026-99-01`" in json.dumps(done.json, ensure_ascii=False)


def test_forbidden_sdists_are_refused_with_the_line_that_forbids_them(
    machine: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    index.add(Wheel(name="sourceful"))
    entry = index.wheels["sourceful"][0][2]
    entry["filename"], entry["url"] = "sourceful-1.0.tar.gz", "/files/sourceful-1.0.tar.gz"
    machine.write("channels.yaml", "pypi:\n  sdists: forbid\n")
    machine.write("environment.yml", environment_file(channel, "python") + "  - pip: [sourceful]\n")
    done = machine("create", "-f", "environment.yml")

    assert done.code == 1
    assert "sourceful would have to be built, and " in done.err
    assert "channels.yaml:2: `sdists: forbid` does not allow it" in done.err
    assert not any(path.endswith(".tar.gz") for path in index.requests)
