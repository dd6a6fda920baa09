"""`create` as a user runs it: what is printed, what is made, and what is left alone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, entries, environment_file
from builders.packages import Package
from builders.servers import FileServer
from envmgr.lock import conda_lock

ENTRY = {"name", "version", "build_string", "build_number", "channel", "platform", "dist_name", "url", "sha256"}


def test_first_create_shows_the_plan_its_size_and_how_to_use_it(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    out = envmgr.ok("create", "-f", "environment.yml")
    head, *rows, ready, use = out.splitlines()
    used = [channel.records["noarch"][f"{stem}-0.conda"] for stem in ("base-files-1.0", "greet-1.0", "tool-1.0")]
    size = sum(record["size"] for record in used)
    assert head == f"science: 3 new (3 packages in all; {size / 1000:.1f} kB to download)"
    assert [row.split()[:5] for row in rows] == [
        ["+", "base-files", "1.0", "0", "channel"],
        ["+", "greet", "1.0", "0", "channel"],
        ["+", "tool", "1.0", "0", "channel"],
    ]
    assert all(row.endswith(("B", "kB")) for row in rows)
    assert ready.startswith("science is ready in ")
    assert ready.endswith(f": {envmgr.prefix('science')}")
    assert use == "use it: envmgr run -n science COMMAND"
    assert envmgr.process("run", "-n", "science", "tool", "x").out == "tool 1.0 x\n"


def test_create_again_is_up_to_date_and_touches_nothing(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    envmgr.ok("create", "-f", "environment.yml")  # notes by what the next one knows that there is nothing to do
    before = entries(envmgr.root)
    out = envmgr.ok("create", "-f", "environment.yml")
    assert out == f"science is up to date: {envmgr.prefix('science')}\n"
    assert entries(envmgr.root) == before
    document = envmgr("create", "-f", "environment.yml", "--json").json
    assert document["success"] is document["up_to_date"] is True
    assert document["actions"] == {"FETCH": [], "LINK": [], "UNLINK": [], "PREFIX": str(envmgr.prefix("science"))}


def test_an_environment_that_lost_its_history_is_not_up_to_date(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml")
    (envmgr.prefix("science") / "conda-meta/history").unlink()
    assert envmgr("create", "-f", "environment.yml").code == 1


def test_comments_and_order_change_nothing(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", "greet"))
    envmgr.ok("create", "-f", "environment.yml")
    text = environment_file(channel, "greet", "tool  # the tool")
    envmgr.write("environment.yml", f"# a comment\n{text}")
    assert "science is up to date" in envmgr.ok("create", "-f", "environment.yml")


def test_a_changed_file_makes_a_new_generation_and_keeps_the_old(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    envmgr.ok("create", "-f", "environment.yml")
    prefix = envmgr.prefix("science")
    (prefix / "share/mine.txt").write_text("mine")
    envmgr.write("environment.yml", environment_file(channel, "tool=2", "numpy"))
    done = envmgr("create", "-f", "environment.yml")
    assert done.code == 0
    assert done.out.startswith("science: 1 new, 1 changed, 1 removed (3 packages in all; ")
    assert "\n  ~  tool   1.0 → 2.0  0  channel" in done.out
    assert "\n  -  greet  1.0        0  channel" in done.out
    kept = envmgr.root / "envs/.generations/science/1"
    assert done.err == "carried over into the new generation: 1 file of no package (share/mine.txt)\n"
    assert (prefix / "share/mine.txt").read_text() == "mine"
    assert (kept / "share/mine.txt").read_text() == "mine"
    assert "tool 1.0" in (kept / "bin/tool").read_text()
    assert envmgr.process("run", "-n", "science", "tool").out == "tool 2.0\n"
    assert not (prefix / "etc/conda/activate.d/greet.sh").exists()


def test_json_names_what_is_fetched_linked_and_unlinked(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet"))
    first = envmgr("create", "-f", "environment.yml", "--json").json
    assert (first["success"], first["dry_run"], first["up_to_date"]) == (True, False, False)
    assert first["prefix"] == first["actions"]["PREFIX"] == str(envmgr.prefix("science"))
    assert [entry["name"] for entry in first["actions"]["FETCH"]] == ["base-files", "greet", "tool"]
    assert first["actions"]["UNLINK"] == []
    assert first["pip"] == {"install": [], "remove": []}
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    second = envmgr("create", "-f", "environment.yml", "--json").json["actions"]
    assert [entry["dist_name"] for entry in second["LINK"]] == ["tool-2.0-0"]
    assert [entry["dist_name"] for entry in second["UNLINK"]] == ["greet-1.0-0", "tool-1.0-0"]
    (entry,) = second["FETCH"]
    assert entry.keys() >= ENTRY
    assert entry["url"] == f"{channel.url}/noarch/tool-2.0-0.conda"
    assert (entry["channel"], entry["platform"], entry["build_number"]) == ("channel", "noarch", 0)


def test_dry_run_shows_the_plan_and_changes_no_environment(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1"))
    out = envmgr.ok("create", "-f", "environment.yml", "--dry-run")
    assert "+  tool" in out
    assert out.endswith(f"dry run: nothing was changed at {envmgr.prefix('science')}\n")
    assert not envmgr.root.exists()
    assert list(envmgr.cache.glob("pkgs/*")) == []
    envmgr.ok("create", "-f", "environment.yml")
    before = entries(envmgr.root)
    envmgr.write("environment.yml", environment_file(channel, "tool=2"))
    document = envmgr("create", "-f", "environment.yml", "--dry-run", "--json").json
    assert (document["success"], document["dry_run"], document["up_to_date"]) == (True, True, False)
    assert [entry["version"] for entry in document["actions"]["LINK"]] == ["2.0"]
    assert entries(envmgr.root) == before


def test_quiet_prints_nothing(envmgr: Envmgr, channel: LocalChannel) -> None:
    assert envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "--quiet") == ""
    assert envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "-q") == ""


def test_long_plans_show_what_was_asked_for_and_verbose_shows_all(envmgr: Envmgr, channel: LocalChannel) -> None:
    needed = [f"part-{number}" for number in range(45)]
    channel.add(*(Package(name=name, files={}) for name in needed), Package(name="whole", depends=needed, files={}))
    short = envmgr.ok("create", "-n", "x", "-c", channel.url, "whole", "--dry-run")
    assert "  and 45 more that they need (--verbose lists them)\n" in short
    assert "part-7" not in short
    long = envmgr.ok("create", "-n", "x", "-c", channel.url, "whole", "--dry-run", "--verbose")
    assert long.count("+  part-") == 45


def test_specs_need_no_file(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "greet>=1")
    assert [entry["name"] for entry in envmgr("list", "-n", "x", "--json").json] == ["base-files", "greet", "tool"]


def test_specs_add_to_a_file_and_name_beats_it(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.ok("create", "-f", "environment.yml", "-n", "other", "greet", "tool=1")
    listed = {entry["name"]: entry["version"] for entry in envmgr("list", "-n", "other", "--json").json}
    assert listed == {"base-files": "1.0", "greet": "1.0", "tool": "1.0"}
    assert not envmgr.prefix("science").exists()


def test_several_files_are_merged(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("one.yml", environment_file(channel, "tool=1", name="one"))
    envmgr.write("two.yml", environment_file(channel, "greet", name="two"))
    done = envmgr("create", "-f", "one.yml", "-f", "two.yml")
    assert (done.code, done.err) == (0, "warning: two.yml: name `two` replaces `one`\n")
    assert [entry["name"] for entry in envmgr("list", "-n", "two", "--json").json] == ["base-files", "greet", "tool"]


def test_file_from_stdin(envmgr: Envmgr, channel: LocalChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    text = environment_file(channel, "tool").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "science is ready" in envmgr.ok("create", "-f", "-")


def test_file_from_a_url(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    (served / "environment.yml").write_text(environment_file(channel, "tool"))
    with FileServer(served) as server:
        assert "science is ready" in envmgr.ok("create", "-f", f"{server.url}/environment.yml")
        missing = envmgr("create", "-f", f"{server.url}/other.yml")
        offline = envmgr("create", "-f", f"{server.url}/environment.yml", "--offline")
    assert (missing.code, offline.code) == (1, 1)
    assert "other.yml cannot be read: HTTP 404" in missing.err
    assert "envmgr is offline" in offline.err


def test_an_environment_without_packages_needs_no_channel(envmgr: Envmgr) -> None:
    out = envmgr.ok("create", "-n", "bare")
    assert out.startswith("bare: empty (no packages are asked for)\n")
    assert envmgr("list", "-n", "bare", "--json").json == []


def test_another_platform_is_named_in_the_plan_and_the_lock(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "--platform", "osx-arm64", "tool")
    assert envmgr("create", "-n", "x", "-c", channel.url, "tool").out.startswith("x: the same packages")


def test_options_that_decide_the_solve_are_noticed(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="gpu", depends=["__cuda >=12"], files={}))
    base = ("create", "-n", "x", "-c", channel.url)
    refused = envmgr(*base, "gpu", CONDA_OVERRIDE_CUDA="")
    assert refused.code == 1
    assert "__cuda" in refused.err
    envmgr.ok(*base, "gpu", "--virtual-package", "__cuda=12.8")
    assert "up to date" in envmgr.ok(*base, "gpu", "--virtual-package", "__cuda=12.8")
    assert "the same packages" in envmgr.ok(*base, "gpu", CONDA_OVERRIDE_CUDA="13")


def test_exclude_newer_leaves_out_what_came_later(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="dated", version="1", timestamp=1_500_000_000_000, files={}))
    channel.add(Package(name="dated", version="2", timestamp=1_700_000_000_000, files={}))
    document = envmgr("create", "-n", "x", "-c", channel.url, "dated", "--exclude-newer", "2020-01-01", "--json").json
    assert [entry["version"] for entry in document["actions"]["LINK"]] == ["1"]


def test_channel_options(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    other = LocalChannel(tmp_path / "other").add(Package(name="tool", version="9", files={}))
    envmgr.write("environment.yml", environment_file(channel, "tool"))

    def versions(*options: str) -> list[str]:
        document = envmgr("create", "-f", "environment.yml", "--dry-run", "--json", *options).json
        return [entry["version"] for entry in document["actions"]["LINK"] if entry["name"] == "tool"]

    assert versions() == ["2.0"]
    assert versions("-c", other.url) == ["9"]
    assert versions("-c", other.url, "--override-channels") == ["9"]
    assert versions("-c", channel.url, "-c", str(other.directory), "--channel-priority", "disabled") == ["9"]
    assert versions("-c", channel.url, "-c", str(other.directory)) == ["2.0"]


def test_offline_works_with_what_is_here(envmgr: Envmgr, channel: LocalChannel) -> None:
    assert "is ready" in envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "--offline")
    done = envmgr("create", "-n", "y", "-c", "https://conda.invalid/lab", "tool", "--offline")
    assert done.code == 1
    assert "envmgr is offline" in done.err


def test_variables_of_the_file_are_set_and_a_change_of_them_is_noticed(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", more="variables:\n  COLOUR: red\n"))
    envmgr.ok("create", "-f", "environment.yml")
    assert envmgr.process("run", "-n", "science", "sh", "-c", "echo $COLOUR").out == "red\n"
    envmgr.write("environment.yml", environment_file(channel, "tool", more="variables:\n  COLOUR: blue\n"))
    assert "the same packages" in envmgr.ok("create", "-f", "environment.yml")
    assert envmgr.process("run", "-n", "science", "sh", "-c", "echo $COLOUR").out == "blue\n"


def test_a_clash_names_file_and_line(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=2", "greet", "old-only"))
    done = envmgr("create", "-f", "environment.yml")
    assert (done.code, done.out) == (1, "")
    assert "environment.yml:5" in done.err
    assert "environment.yml:7" in done.err
    assert "environment.yml:6" not in done.err
    document = envmgr("create", "-f", "environment.yml", "--json").json
    assert (document["success"], document["error"]) == (False, "Unsatisfiable")
    assert {conflict["where"] for conflict in document["details"]["conflicts"]} == {
        "environment.yml:5",
        "environment.yml:7",
    }
    assert isinstance(document["details"]["edits"], list)


def test_what_no_channel_has_is_named_with_the_nearest(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool", "nunpy"))
    done = envmgr("create", "-f", "environment.yml")
    assert done.code == 1
    assert "environment.yml:6" in done.err
    assert "`nunpy`" in done.err
    assert "hint: did you mean `numpy`?" in done.err
    assert envmgr("create", "-f", "environment.yml", "--json").json["error"] == "PackagesNotFound"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-n", "x", "-c", "conda-forgee", "tool"], 1, "the channel `conda-forgee` is unknown; `conda-forge` is known"),
        (["-n", "x", "-c", "./nothing", "tool"], 1, "which is no directory"),
        (["-f", "enviroment.yml"], 1, "hint: did you mean `environment.yml`?"),
        (["-f", "."], 1, "hint: name the file in it: `-f environment.yml`"),
        (["-n", "x", "-p", "y", "tool"], 2, "-n x and -p y both name the environment"),
        (["-n", "", "tool"], 2, "cannot be the name of an environment: it is empty"),
        (["-p", "", "tool"], 2, "-p is empty"),
        (["-n", "a/b", "tool"], 2, "hint: to use a path, write -p a/b"),
        (["-p", "/", "tool"], 2, "/ cannot be an environment"),
        ([], 2, "hint: envmgr create -f environment.yml"),
        (["tool"], 2, "hint: add -n NAME or -p PATH"),
        (["-f", "nameless.yml"], 2, "hint: add -n NAME or -p PATH, or write `name: NAME` into the file"),
        (["-f", "tabs.yml"], 1, "tabs.yml:2: not YAML"),
        (["-n", "x", "tool>>1"], 1, "command line: `tool>>1` is not a match spec"),
        (["-n", "x", "--platform", "linux64", "tool"], 2, "`linux64` is not a platform name"),
        (["-n", "x", "--exclude-newer", "later", "tool"], 2, "--exclude-newer `later`: expected a date"),
        (["-n", "x", "--virtual-package", "cuda", "tool"], 2, "hint: write `--virtual-package __cuda=12.8`"),
        (["-n", "x", "--override-channels", "tool"], 2, "hint: add -c CHANNEL"),
        (["-n", "x", "--solver", "magic", "tool"], 2, "hint: envmgr create --help"),
        (["-n", "x", "--channel-priority", "none", "tool"], 2, "hint: envmgr create --help"),
        (["-f"], 2, "Option '-f' requires an argument.\n\nhint: envmgr create --help"),
        (["--nmae", "x"], 2, "hint: did you mean `--name`?"),
    ],
)
def test_wrong_uses_say_what_to_write(
    envmgr: Envmgr, channel: LocalChannel, arguments: list[str], code: int, said: str
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    envmgr.write("nameless.yml", environment_file(channel, "tool", name=None))
    envmgr.write("tabs.yml", "name: science\n\tdependencies: []\n")
    done = envmgr("create", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert said in done.err
    document = envmgr("create", *arguments, "--json") if arguments != ["-f"] else done
    if document is not done:
        assert document.err == ""
        assert document.json.keys() == {"success", "error", "message", "hint", "details", "exception_name"}
    assert not envmgr.root.exists()


def test_every_fault_of_a_file_is_told_at_once(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool>>1", "greet", "numpy=="))
    done = envmgr("create", "-f", "environment.yml")
    assert done.code == 1
    assert "environment.yml:5" in done.err
    assert "environment.yml:7" in done.err
    assert "environment.yml:6" not in done.err


def test_a_file_that_cannot_be_read_at_all(envmgr: Envmgr) -> None:
    (envmgr.directory / "latin.yml").write_bytes(b"name: x\nprefix: \xe9\n")
    done = envmgr("create", "-f", "latin.yml")
    assert (done.code, done.err.splitlines()[0]) == (1, "error: latin.yml:2: not UTF-8")


def test_a_damaged_lock_is_replaced(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    lock = envmgr.prefix("x") / "conda-meta/envmgr/environment.conda-lock.yml"
    lock.write_text("{")
    done = envmgr("create", "-n", "x", "-c", channel.url, "tool=2")
    assert done.code == 0
    assert str(lock) in done.err
    assert "the packages are chosen anew" in done.err
    assert envmgr("list", "-n", "x", "--json").json[1]["version"] == "2.0"


def test_locked_versions_are_kept_where_the_file_allows_them(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool", "greet")
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 1.0\n"


def test_a_wrong_hash_is_refused_and_leaves_nothing(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="forged", files={"x": "y"}), sha256="0" * 64)
    done = envmgr("create", "-n", "x", "-c", channel.url, "forged", "--json")
    assert (done.code, done.json["error"]) == (1, "ChecksumMismatch")
    assert not envmgr.prefix("x").exists()
    assert envmgr("env", "list", "--json").json["envs"] == []


def test_a_reader_that_left_does_not_keep_the_environment_from_being_made(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "create", "-n", "x", "-c", channel.url, "tool"],
        env=envmgr.environ, stdout=write, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert envmgr.process("run", "-n", "x", "tool").out == "tool 2.0\n"


def test_a_terminal_is_asked_before_something_that_exists_changes(envmgr: Envmgr, channel: LocalChannel) -> None:
    pty = pytest.importorskip("pty")
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1")
    for answer, code, version in (("n\n", 1, "1.0"), ("y\n", 0, "2.0")):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        done = subprocess.run(
            [*PROGRAM, "create", "-n", "x", "-c", channel.url, "tool=2"],
            env=envmgr.environ, stdin=theirs, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        assert done.returncode == code, done
        assert "change x?" in done.stderr
        assert ("nothing was changed" in done.stderr) == (code == 1)
        assert envmgr.process("run", "-n", "x", "tool").out == f"tool {version}\n"


def test_export_gives_the_same_environment_elsewhere(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet", more="variables:\n  A: 'yes'\n"))
    envmgr.ok("create", "-f", "environment.yml")
    envmgr.write("exported.yml", envmgr.ok("export", "-n", "science"))
    envmgr.ok("create", "-f", "exported.yml", "-n", "copy")
    digests = [
        json.loads((envmgr.prefix(name) / "conda-meta/envmgr/generation.json").read_text())["lock_digest"]
        for name in ("science", "copy")
    ]
    assert digests[0] == digests[1]
    assert "science is up to date" in envmgr.ok("create", "-f", "exported.yml")


def test_flags_that_condas_users_type_are_understood(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "numpy", "-q", "-y", "--no-default-packages",
              "--strict-channel-priority")  # fmt: skip
    envmgr.ok("install", "-n", "x", "greet", "-q", "--freeze-installed", "--no-channel-priority")
    path = envmgr.prefix("x") / "conda-meta/envmgr/environment.conda-lock.yml"
    (lock,) = conda_lock.loads(path.read_bytes(), source="x").values()
    assert lock.channel_priority == "disabled"
    envmgr.ok("uninstall", "-n", "x", "numpy", "-q", "-y")
    assert "numpy" not in envmgr.ok("list", "-n", "x")


def test_files_that_are_read_once(envmgr: Envmgr, channel: LocalChannel) -> None:
    text = environment_file(channel, "greet")
    script = f"{' '.join(PROGRAM)} create -f <(printf '%s' '{text}')"
    piped = subprocess.run(
        ["bash", "-c", script], cwd=envmgr.directory, env=envmgr.environ, capture_output=True, text=True, check=False
    )
    assert (piped.returncode, piped.stderr) == (0, "")
    assert "-f - is there twice" in envmgr("create", "-f", "-", "-f", "-").err
    (envmgr.directory / "bad\udcff.yml").write_text(text)
    done = envmgr("create", "-f", "bad\udcff.yml")
    assert (done.code, "hint: rename the file" in done.err) == (1, True)
