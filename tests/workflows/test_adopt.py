"""`adopt`: what another tool made, or a hand changed, gets a lock, and from then on every command works on it."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.packages import Package

SITE_GLOB = "lib/python*/site-packages"


@pytest.fixture
def theirs(machine: Envmgr, channel: LocalChannel) -> Envmgr:
    """`science` as another tool would leave it: records, history and dist-info, and nothing of ours."""
    channel.add(Package(name="extra", files={"share/extra": "1"}))
    more = "  - pip:\n      - pure==1.0\nvariables:\n  PLACE: lab\n"
    machine.write("environment.yml", environment_file(channel, "python", "provided", "tool=1", more=more))
    machine.ok("create", "-f", "environment.yml", "-q")
    shutil.rmtree(machine.prefix("science") / "conda-meta/envmgr")
    return machine


def put(envmgr: Envmgr, name: str, *, url: str | None = None) -> None:
    """Put a distribution of version 1.0 into `science`, as pip does."""
    (site,) = envmgr.prefix("science").glob(SITE_GLOB)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{name}-1.0.dist-info/METADATA,,\n")
    if url is not None:
        (info / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {"editable": True}}))


def test_until_then_it_is_read_in_memory(theirs: Envmgr) -> None:
    listed = {entry["name"]: entry for entry in theirs("list", "-n", "science", "--json").json}
    assert (listed["pure"]["version"], listed["pure"]["channel"]) == ("1.0", "pypi")
    assert [name for name, entry in listed.items() if entry["requested"] and entry["channel"] != "pypi"] == [
        "provided", "python", "tool",
    ]  # fmt: skip
    exported = theirs.ok("export", "-n", "science")
    assert "- tool=1\n" in exported
    assert "- pure==1.0\n" in exported
    assert 'PLACE: "lab"' in exported
    assert theirs.process("run", "-n", "science", "tool").out == "tool 1.0\n"
    done = theirs("install", "-n", "science", "greet")
    assert (done.code, done.err.splitlines()[-1]) == (1, "hint: give it a lock first: envmgr adopt -n science")


def test_both_halves_are_locked_with_hashes_and_nothing_is_touched(theirs: Envmgr) -> None:
    prefix = theirs.prefix("science")
    before = {path: when for path, when in entries(prefix).items() if path != "conda-meta/history"}
    document = theirs("adopt", "-n", "science", "--json").json
    assert document["requested"] == ["provided", "python", "tool=1", "pure"]
    assert {each["name"]: len(each["sha256"]) for each in document["pip"]} == {"helper": 64, "pure": 64}
    assert (document["generation"], document["left"]) == (1, [])
    after = entries(prefix)
    assert {path: after[path] for path in before} == before
    assert {path for path in after if path not in before and not path.startswith("conda-meta/envmgr/")} == {
        "conda-meta/history"
    }
    assert theirs("adopt", "-n", "science").out == "science has a lock already, and that is what is there\n"


def test_from_then_on_every_command_works_on_it(theirs: Envmgr) -> None:
    theirs.ok("adopt", "-n", "science", "-q")
    out = theirs.ok("install", "-n", "science", "greet")
    assert out.startswith("science: 1 new")
    code = "import os, pure, helper; print(*map(os.environ.get, ['PLACE', 'GREETING']))"
    assert theirs.process("run", "-n", "science", "python", "-c", code).out == "lab hello\n"
    theirs.ok("remove", "-n", "science", "pure")
    assert theirs.process("run", "-n", "science", "python", "-c", "import helper").code == 1
    theirs.ok("rollback", "-n", "science", "1", "-q")
    assert theirs.process("run", "-n", "science", "python", "-c", code).out == "lab None\n"
    assert theirs("why", "helper", "-n", "science").code == 0
    theirs.ok("clone", "science", "lab", "-q")
    assert theirs.process("run", "-n", "lab", "tool").out == "tool 1.0\n"


@pytest.mark.parametrize("command", ["clone", "rename"])
def test_it_can_be_cloned_and_renamed_without_having_been_adopted(theirs: Envmgr, command: str) -> None:
    put(theirs, "homemade")
    assert theirs(command, "science", "lab", "-q").code == 0
    code = "import os, pure, helper; print(os.environ['PLACE'])"
    assert theirs.process("run", "-n", "lab", "python", "-c", code).out == "lab\n"
    assert list(theirs.prefix("lab").glob(f"{SITE_GLOB}/homemade-1.0.dist-info"))
    assert theirs.prefix("science").exists() == (command == "clone")
    assert theirs("install", "-n", "lab", "greet", "-q").code == 0


def test_what_cannot_be_locked_is_said_and_needs_a_yes(theirs: Envmgr) -> None:
    put(theirs, "homemade")
    done = theirs("adopt", "-n", "science")
    assert done.code == 2
    assert "stays outside of the lock: homemade 1.0 (" in done.out
    assert "1 distribution cannot be locked" in done.err
    assert not (theirs.prefix("science") / "conda-meta/envmgr").exists()
    document = theirs("adopt", "-n", "science", "--yes", "--json").json
    assert [each["what"] for each in document["left"]] == ["homemade 1.0"]
    assert [each["name"] for each in document["pip"]] == ["helper", "pure"]
    theirs("install", "-n", "science", "greet", "-q")
    (site,) = theirs.prefix("science").glob(SITE_GLOB)
    assert (site / "homemade-1.0.dist-info").is_dir()


def test_what_a_hand_changed_is_listed_and_needs_a_yes(theirs: Envmgr) -> None:
    (theirs.prefix("science") / "share/base.txt").write_text("mine")
    done = theirs("adopt", "-n", "science")
    assert done.code == 2
    assert "share/base.txt" in done.out
    assert "1 fault" in done.err
    assert theirs("adopt", "-n", "science", "--yes").code == 0


def test_what_conda_put_into_an_environment_of_ours_is_taken_into_its_lock(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    channel.add(Package(name="extra", files={"share/extra": "1"}))
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "-q")
    envmgr.ok("create", "-n", "y", "-c", channel.url, "tool=1", "extra", "-q")
    ours, other = envmgr.prefix("x"), envmgr.prefix("y")
    for path in ("share/extra", "conda-meta/extra-1.0-0.json"):
        shutil.copy(other / path, ours / path)
    with (ours / "conda-meta/history").open("a") as history:
        history.write("==> 2026-01-01 00:00:00 <==\n# cmd: conda install extra\n# update specs: ['extra']\n")
    assert envmgr.ok("verify", "-n", "x").endswith(
        "installed by another conda tool, and not in the lock: extra\n"
        "take all that is there into the lock: envmgr adopt -n x\n"
        "or undo it: envmgr verify -n x --fix\n"
    )
    assert envmgr("adopt", "-n", "x", "--json").json["generation"] == 2  # nothing is lost, so that no yes is needed
    listed = {entry["name"]: entry["requested"] for entry in envmgr("list", "-n", "x", "--json").json}
    assert listed == {"base-files": False, "extra": True, "tool": True}
    envmgr.ok("rollback", "-n", "x", "1", "-q")
    assert not (ours / "share/extra").exists()
    for path in ("share/extra", "conda-meta/extra-1.0-0.json"):
        shutil.copy(other / path, ours / path)
    done = envmgr("verify", "-n", "x", "--fix")
    assert (done.code, done.out.splitlines()[-1]) == (0, "repaired: generation 4 of x, from the same lock")
    assert "another conda tool added it" in done.err  # where it still is
    assert not (ours / "share/extra").exists()


def test_what_conda_removed_from_an_environment_of_ours_leaves_its_lock(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "greet", "-q")
    prefix = envmgr.prefix("x")
    (record,) = prefix.glob("conda-meta/greet-*.json")
    for path in (*json.loads(record.read_bytes())["files"], f"conda-meta/{record.name}"):
        (prefix / path).unlink()
    assert envmgr("verify", "-n", "x").code == 1
    assert [each["name"] for each in envmgr("adopt", "-n", "x", "--json").json["conda"]] == ["base-files", "tool"]
    assert envmgr("verify", "-n", "x").code == 0


def test_variables_that_conda_set_are_taken_into_the_lock(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "-q")
    (envmgr.prefix("x") / "conda-meta/state").write_text('{"env_vars": {"PLACE": "lab"}}')
    assert "PLACE" not in envmgr.ok("export", "-n", "x")
    envmgr.ok("adopt", "-n", "x")
    assert 'PLACE: "lab"' in envmgr.ok("export", "-n", "x")
    assert envmgr("verify", "-n", "x", "--json").json["problems"] == []
    assert "has a lock already" in envmgr.ok("adopt", "-n", "x")


def test_specs_that_conda_wrote_for_urls_are_asked_for_without_the_place(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "greet", "-q")
    prefix = envmgr.prefix("x")
    shutil.rmtree(prefix / "conda-meta/envmgr")
    specs = [f"{channel.url}/noarch::tool==1.0=0", "mine/noarch::base-files==1.0=0", f"{channel.url}::greet"]
    with (prefix / "conda-meta/history").open("a") as history:
        history.write(f"==> 2026-01-01 00:00:00 <==\n# cmd: conda create --file x\n# update specs: {specs!r}\n")
    exported = envmgr.ok("export", "-n", "x")
    assert [line for line in exported.splitlines() if line.startswith("  - ")][-3:] == [
        "  - base-files==1.0=0", "  - greet", "  - tool==1.0=0",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", ["no hash", "no dependency", "stale spec"])
def test_records_that_no_lock_can_hold_are_named(envmgr: Envmgr, channel: LocalChannel, fault: str) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "-q")
    meta = envmgr.prefix("x") / "conda-meta"
    shutil.rmtree(meta / "envmgr")
    record = json.loads((meta / "tool-1.0-0.json").read_text())
    if fault == "no hash":
        (meta / "tool-1.0-0.json").write_text(json.dumps(record | {"sha256": None, "md5": None}))
    elif fault == "no dependency":
        (meta / "base-files-1.0-0.json").unlink()
    else:
        with (meta / "history").open("a") as history:
            history.write("# update specs: ['tool >=2']\n")
    done = envmgr("adopt", "-n", "x")
    if fault == "stale spec":
        assert done.code == 0
        assert "asked for as `tool >=2`, which tool-1.0-0 is not: taken as tool" in done.err
    else:
        assert done.code == 1
        assert ("so they cannot be locked: tool-1.0-0" if fault == "no hash" else "depends on base-files") in done.err
        assert "envmgr export -n x" in done.err
        assert not (meta / "envmgr").exists()


def test_real_prefixes_are_read_with_what_was_asked_for(envmgr: Envmgr, shared_data: Path, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    archive = shared_data / "prefixes/draskot__Vini.tar.zst"
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        tar.extractall(tmp_path / "real", filter="data")
    (prefix,) = (tmp_path / "real").rglob("envs/Vini")
    document = envmgr("adopt", "-p", str(prefix), "--dry-run", "--json").json
    assert document["requested"] == ["python=2.7", "requests"]
    assert document["channels"] == ["https://repo.anaconda.com/pkgs/main"]
    assert len(document["conda"]) == 30
    assert all(each["sha256"] for each in document["conda"])
    assert document["problems"]  # of its files, only records were kept
