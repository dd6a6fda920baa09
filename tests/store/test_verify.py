"""Every way in which an environment can differ from its lock is found and named; an untouched one has none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from builders.channels import LocalChannel
from builders.index_server import IndexServer
from builders.packages import Package
from builders.pip_half import SITE, environ_of, locked, python_package
from builders.store import Store
from builders.wheels import Wheel
from envmgr.lock.model import Lock
from envmgr.settings import Settings
from envmgr.store.layout import LOCK_FILE
from envmgr.store.metadata import read_lock
from envmgr.store.problems import Problem
from envmgr.store.verify import verify

OWN = "conda-meta/envmgr"


def found(store: Store, where: str = "a") -> list[Problem]:
    location = store.location(where)
    return list(verify(location, read_lock(location.prefix), store.reporter).findings.problems)


def short(store: Store, where: str = "a") -> list[tuple[str, str, str, str | None]]:
    return [(each.severity, each.kind, each.path, each.package) for each in found(store, where)]


@pytest.fixture
def prefix(store: Store) -> Path:
    """The environment `a` of the packages of the room's store, and one with links."""
    store.channel.add(
        Package(
            name="linked",
            files={"lib/real/file": "real", "lib/x.so.1": "x"},
            symlinks={"lib/x.so": "x.so.1", "lib/alias": "real"},
        )
    )
    store.create("a", "tool", "extra", "patched", "linked")
    return store.location("a").prefix


def replaced(path: Path, content: bytes) -> None:
    """Put other content at a path as an editor does: a new file."""
    path.unlink()
    path.write_bytes(content)


def test_untouched_environment_is_whole(store: Store, prefix: Path) -> None:
    verified = verify(store.location("a"), read_lock(prefix), store.reporter)
    assert verified.findings.problems == ()
    assert (verified.findings.packages, verified.findings.files) == (4, 9)
    assert verified.findings.bytes > 0


NAMES = st.text("abcXYZ-_.é ", min_size=1, max_size=6).filter(lambda name: name.strip(" .") == name)
PATHS = st.tuples(st.sampled_from(["share", "lib/deep/er", "etc/é"]), NAMES).map("/".join)


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    trees=st.lists(st.dictionaries(PATHS, st.binary(max_size=40), max_size=5), min_size=1, max_size=3),
    patched=st.booleans(),
)
def test_no_untouched_environment_has_faults(trees: list[dict[str, bytes]], patched: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        environ = {"HOME": directory, "ENVMGR_ROOT": f"{home}/root", "ENVMGR_CACHE": f"{home}/cache",
                   "ENVMGR_CONFIG": f"{home}/none.yaml", "PATH": os.environ["PATH"]}  # fmt: skip
        store = Store(Settings.load(environ), LocalChannel(home / "channel").index())
        names = []
        for number, files in enumerate(trees):
            names.append(f"p{number}")
            script = f"share/p{number}.conf"
            store.channel.add(
                Package(
                    name=f"p{number}",
                    files={**files, script: b"at=/opt/placeholder\n"},
                    symlinks={f"lib/link{number}": f"../{script}"},
                    placeholders={script: ("/opt/placeholder", "text")} if patched else {},
                )
            )
        store.create("a", *names)
        assert [problem for problem in found(store) if problem.severity == "fault"] == []


@pytest.mark.parametrize(
    ("path", "package"), [("bin/tool", "tool"), ("etc/patched.conf", "patched"), ("lib/x.so", "linked")]
)
def test_missing_file_is_a_fault(store: Store, prefix: Path, path: str, package: str) -> None:
    (prefix / path).unlink()
    assert short(store) == [("fault", "missing", path, package)]


@pytest.mark.parametrize("path", ["lib/tool/data", "share/extra/one"])
@pytest.mark.parametrize("content", [b"", b"2 and more", b"9"])
def test_changed_file_is_a_fault_whatever_its_size(store: Store, prefix: Path, path: str, content: bytes) -> None:
    replaced(prefix / path, content)
    (problem,) = found(store)
    assert (problem.severity, problem.kind, problem.path) == ("fault", "changed", path)
    if len(content) == 1:
        assert str(problem.found).startswith("sha256 ")
    else:
        assert (problem.expected, problem.found) == ("1 bytes", f"{len(content)} bytes")


def test_patched_file_is_held_against_what_was_written_for_this_prefix(store: Store, prefix: Path) -> None:
    text = (prefix / "etc/patched.conf").read_bytes()
    assert os.fsencode(prefix) in text
    replaced(prefix / "etc/patched.conf", text.replace(b"home", b"HOME"))
    assert short(store) == [("fault", "changed", "etc/patched.conf", "patched")]


@pytest.mark.parametrize("kind", ["directory", "pipe", "link", "dangling link"])
def test_file_that_became_something_else_is_a_fault_and_is_not_opened(store: Store, prefix: Path, kind: str) -> None:
    path = prefix / "bin/tool"
    path.unlink()
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "link" else "nowhere")
    (problem,) = found(store)
    assert (problem.severity, problem.kind, problem.path, problem.package) == ("fault", "changed", "bin/tool", "tool")
    assert problem.found != "a file"


@pytest.mark.parametrize("target", ["x.so.2", "/etc/passwd", "../../../../../../etc/passwd", "real/file"])
def test_link_with_another_target_is_a_fault(store: Store, prefix: Path, target: str) -> None:
    (prefix / "lib/x.so").unlink()
    (prefix / "lib/x.so").symlink_to(target)
    (problem,) = found(store)
    assert (problem.kind, problem.path, problem.found) == ("changed", "lib/x.so", f"a link to {target}")


def test_directory_that_became_a_link_out_is_not_followed(store: Store, prefix: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(prefix / "share/extra", outside)
    shutil.rmtree(prefix / "share/extra")
    (prefix / "share/extra").symlink_to(outside)
    assert short(store) == [
        ("fault", "missing", "share/extra/one", "extra"),
        ("fault", "missing", "share/extra/two", "extra"),
        ("notice", "foreign", "share/extra", None),
    ]


def test_file_behind_a_link_inside_of_the_prefix_is_found(store: Store, prefix: Path) -> None:
    (prefix / "lib64").symlink_to("lib")
    document = record(prefix, "tool-1.0-0")
    write_record(prefix, "tool-1.0-0", {**document, "files": [*document["files"], "lib64/tool/data", "lib64/gone"]})  # type: ignore[misc] # a list
    assert short(store) == [("fault", "missing", "lib64/gone", "tool"), ("notice", "foreign", "lib64", None)]


@pytest.mark.parametrize("directory", ["conda-meta", OWN])
def test_metadata_that_was_moved_behind_a_link_is_a_fault(
    store: Store, prefix: Path, directory: str, tmp_path: Path
) -> None:
    os.rename(prefix / directory, tmp_path / "out")
    (prefix / directory).symlink_to(tmp_path / "out")
    assert ("fault", "changed", directory, None) in short(store)
    assert (("fault", "missing", "conda-meta/tool-1.0-0.json", "tool") in short(store)) == (directory == "conda-meta")


def test_prefix_that_is_a_link_to_its_generation_is_whole(store: Store) -> None:
    store.create("b", "tool", "extra", switch="symlink")
    assert store.location("b").prefix.is_symlink()
    assert found(store, "b") == []
    (store.location("b").prefix / "bin/tool").unlink()
    assert short(store, "b") == [("fault", "missing", "bin/tool", "tool")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_a_fault(store: Store, prefix: Path) -> None:
    replaced(prefix / "bin/tool", b"#!/bin/sh\necho 1\n")
    (prefix / "bin/tool").chmod(0)
    (prefix / "share/extra").chmod(0)
    try:
        assert ("fault", "unreadable", "bin/tool", "tool") in short(store)
        assert ("fault", "unreadable", "share/extra/one", "extra") in short(store)
        assert ("fault", "unreadable", "share/extra", None) in short(store)
    finally:
        (prefix / "share/extra").chmod(0o755)


def test_missing_record_is_a_fault(store: Store, prefix: Path) -> None:
    (prefix / "conda-meta/tool-1.0-0.json").unlink()
    assert short(store)[0] == ("fault", "missing", "conda-meta/tool-1.0-0.json", "tool")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"name": 1}', "\0", '{"name": "tool", "version": "1.0", "build": "0"}', "[" * 10_000]
)
def test_damaged_record_is_a_fault(store: Store, prefix: Path, content: str) -> None:
    replaced(prefix / "conda-meta/tool-1.0-0.json", content.encode())
    assert short(store)[0] == ("fault", "unreadable", "conda-meta/tool-1.0-0.json", "tool")


def record(prefix: Path, name: str) -> dict[str, object]:
    document: dict[str, object] = json.loads((prefix / f"conda-meta/{name}.json").read_text())
    return document


def write_record(prefix: Path, name: str, document: dict[str, object]) -> None:
    path = prefix / f"conda-meta/{name}.json"
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(document))


def test_record_of_another_version_is_a_change_of_that_package(store: Store, prefix: Path) -> None:
    document = record(prefix, "tool-1.0-0")
    (prefix / "conda-meta/tool-1.0-0.json").unlink()
    write_record(prefix, "tool-2.0-0", {**document, "version": "2.0"})
    assert found(store) == [
        Problem("fault", "changed", "conda-meta/tool-1.0-0.json", "tool", "tool-1.0-0", "tool-2.0-0")
    ]


def test_record_that_was_added_by_another_tool_is_a_notice(store: Store, prefix: Path) -> None:
    (prefix / "share/other").write_text("other")
    write_record(prefix, "other-1-0", {**record(prefix, "tool-1.0-0"), "name": "other", "version": "1",
                                       "files": ["share/other"], "paths_data": {"paths": []}})  # fmt: skip
    assert short(store) == [("notice", "foreign", "conda-meta/other-1-0.json", "other")]


def test_second_record_of_a_package_is_a_fault(store: Store, prefix: Path) -> None:
    write_record(prefix, "tool-2.0-0", {**record(prefix, "tool-1.0-0"), "version": "2.0"})
    assert short(store) == [("fault", "changed", "conda-meta/tool-2.0-0.json", "tool")]


def test_record_of_another_artifact_is_a_fault(store: Store, prefix: Path) -> None:
    write_record(prefix, "tool-1.0-0", {**record(prefix, "tool-1.0-0"), "sha256": "0" * 64})
    (problem,) = found(store)
    assert (problem.kind, problem.found) == ("changed", f"that with sha256 {'0' * 64}")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../outside", "a/../../b", ""])
def test_record_that_names_a_path_outside_is_a_fault_and_nothing_there_is_read(
    store: Store, prefix: Path, path: str
) -> None:
    document = record(prefix, "tool-1.0-0")
    write_record(prefix, "tool-1.0-0", {**document, "files": [*document["files"], path]})  # type: ignore[misc] # a list
    assert short(store) == [("fault", "outside", path, "tool")]


def test_files_of_nobody_are_notices_and_bytecode_is_not(store: Store, prefix: Path) -> None:
    (prefix / "share/mine/__pycache__").mkdir(parents=True)
    (prefix / "share/mine/__pycache__/x.cpython-312.pyc").write_bytes(b"")
    (prefix / "share/mine/__pycache__/x.lock").write_bytes(b"")
    (prefix / "share/mine/model.bin").write_bytes(b"1")
    (prefix / "share/out").symlink_to("/etc")
    assert short(store) == [
        ("notice", "foreign", "share/mine/model.bin", None),
        ("notice", "foreign", "share/out", None),
    ]


def test_path_with_two_owners_is_a_notice(store: Store) -> None:
    store.channel.add(
        Package(name="first", files={"share/both": "first", "share/same": "x"}),
        Package(name="second", files={"share/both": "second", "share/same": "x"}, depends=["first"]),
    )
    store.create("a", "first", "second")
    assert short(store) == [("notice", "clobbered", "share/both", "first")]
    replaced(store.location("a").prefix / "share/both", b"first!")
    assert ("fault", "changed", "share/both", "second") in short(store)


def test_bytecode_that_python_wrote_anew_is_no_fault(store: Store) -> None:
    store.channel.add(Package(name="compiled", files={"lib/m.pyc": "old", "lib/n.pyc": "n", "lib/m.py": ""}))
    store.create("a", "compiled")
    prefix = store.location("a").prefix
    replaced(prefix / "lib/m.pyc", b"new")
    (prefix / "lib/n.pyc").unlink()
    assert short(store) == [("notice", "changed", "lib/m.pyc", "compiled")]


@pytest.mark.parametrize("file", ["activate.sh", "deactivate.sh", "run.json"])
def test_activation_scripts_are_what_activation_would_write_now(store: Store, prefix: Path, file: str) -> None:
    path = prefix / OWN / file
    path.write_bytes(path.read_bytes() + b"echo intruder\n")
    assert short(store) == [("fault", "changed", f"{OWN}/{file}", None)]
    path.unlink()
    assert short(store) == [("fault", "missing", f"{OWN}/{file}", None)]


def test_script_that_is_out_of_date_is_not_used_and_no_fault(store: Store, prefix: Path) -> None:
    (prefix / "etc/conda/activate.d").mkdir(parents=True)
    (prefix / "etc/conda/activate.d/mine.sh").write_text("export MINE=1\n")
    later = os.stat(prefix / OWN / "run.json").st_mtime_ns + 10**9
    os.utime(prefix / "etc/conda/activate.d", ns=(later, later))
    assert short(store) == [("notice", "foreign", "etc/conda/activate.d/mine.sh", None)]


def test_changed_lock_is_a_fault(store: Store, prefix: Path) -> None:
    lock = read_lock(prefix)
    assert lock is not None
    changed = lock._replace(conda=tuple(package for package in lock.conda if package.name != "extra"))
    problems = verify(store.location("a"), changed, store.reporter).findings.problems
    assert [(each.kind, each.path) for each in problems if each.severity == "fault"] == [("changed", LOCK_FILE)]
    assert [each.path for each in problems if each.severity == "notice"] == ["conda-meta/extra-1.0-0.json"]


def test_environment_that_was_moved_by_hand_is_a_fault(store: Store, prefix: Path, tmp_path: Path) -> None:
    os.rename(prefix, tmp_path / "moved")
    paths = {each[2] for each in short(store, f"{tmp_path}/moved")}
    assert f"{OWN}/generation.json" in paths


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": 99}'])
def test_unreadable_record_of_the_generation_is_a_fault(store: Store, prefix: Path, content: bytes) -> None:
    (prefix / OWN / "generation.json").write_bytes(content)
    assert short(store) == [("fault", "unreadable", f"{OWN}/generation.json", None)]


def test_variables_that_conda_set_are_a_notice_and_lost_ones_a_fault(store: Store) -> None:
    lock = store.lock("tool", variables=[("HOME_OF", "here")])
    store.realise(store.request("a", lock))
    prefix = store.location("a").prefix
    assert found(store) == []
    (prefix / "conda-meta/state").write_text(json.dumps({"env_vars": {"HOME_OF": "there"}}))
    assert ("notice", "changed", "conda-meta/state", None) in short(store)
    (prefix / "conda-meta/state").unlink()
    assert ("fault", "changed", "conda-meta/state", None) in short(store)


@pytest.mark.usefixtures("hard_links")
def test_changed_files_with_more_links_are_handed_on(store: Store, prefix: Path) -> None:
    (prefix / "lib/tool/data").write_bytes(b"9")
    replaced(prefix / "share/extra/one", b"9")
    verified = verify(store.location("a"), read_lock(prefix), store.reporter)
    assert [owned.path for owned, entry in verified.linked] == ["lib/tool/data"]


# The pip half


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


@pytest.fixture
def both(environ: dict[str, str], index: IndexServer, make_channel: Callable[..., LocalChannel]) -> Store:
    """A store with the environment `a`: python and six from conda, greeter from an index."""
    store = Store(Settings.load(environ_of(environ, index)), make_channel())
    six = {f"{SITE}/six.py": "1", f"{SITE}/six-1.0.dist-info/METADATA": "", f"{SITE}/six-1.0.dist-info/RECORD": ""}
    store.channel.add(python_package(), Package(name="six", files=six))
    greeter = locked(index, Wheel(name="greeter", scripts=["greet = greeter:main"]))
    store.realise(store.request("a", store.lock("python", "six", pip=[greeter])))
    return store


def install_by_hand(site: Path, wheel: Wheel, *, instead_of: str | None = None) -> None:
    """Do to a site-packages what pip does: the files of a wheel, INSTALLER and RECORD."""
    if instead_of is not None:
        shutil.rmtree(site / instead_of)
    for name, data in wheel.members().items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    (site / wheel.dist_info / "INSTALLER").write_text("pip\n")
    rows = "".join(f"{name},,\n" for name in [*wheel.members(), f"{wheel.dist_info}/INSTALLER"])
    (site / wheel.dist_info / "RECORD").write_text(f"{rows}{wheel.dist_info}/RECORD,,\n")


def test_untouched_pip_half_is_whole(both: Store) -> None:
    assert found(both) == []


def test_files_of_the_pip_half_are_held_against_record(both: Store) -> None:
    prefix = both.location("a").prefix
    replaced(prefix / SITE / "greeter/__init__.py", b"changed")
    (prefix / "bin/greet").unlink()
    assert short(both) == [
        ("fault", "missing", "bin/greet", "greeter"),
        ("fault", "changed", f"{SITE}/greeter/__init__.py", "greeter"),
    ]


def test_foreign_pip_install_is_one_notice_with_name_and_version(both: Store) -> None:
    install_by_hand(both.location("a").prefix / SITE, Wheel(name="httpx", version="0.27"))
    assert found(both) == [
        Problem("notice", "foreign", f"{SITE}/httpx-0.27.dist-info", "httpx", None,
                "httpx 0.27 installed by pip, 5 files")
    ]  # fmt: skip


def test_pip_package_of_another_version_is_changed(both: Store) -> None:
    newer = Wheel(name="greeter", version="2.0")
    install_by_hand(both.location("a").prefix / SITE, newer, instead_of="greeter-1.0.dist-info")
    (problem,) = [each for each in found(both) if each.severity == "fault"]
    assert problem == Problem("fault", "changed", f"{SITE}/greeter-2.0.dist-info", "greeter", "greeter 1.0",
                              "greeter 2.0 installed by pip")  # fmt: skip


def test_pip_package_that_was_uninstalled_is_missing(both: Store) -> None:
    site = both.location("a").prefix / SITE
    shutil.rmtree(site / "greeter")
    shutil.rmtree(site / "greeter-1.0.dist-info")
    assert ("fault", "missing", "greeter-1.0.dist-info", "greeter") in short(both)


def test_reinstalling_with_pip_is_a_notice(both: Store) -> None:
    path = both.location("a").prefix / SITE / "greeter-1.0.dist-info"
    replaced(path / "INSTALLER", b"pip\n")
    record = (path / "RECORD").read_text().splitlines()
    replaced(path / "RECORD", "\n".join(row for row in record if "INSTALLER" not in row).encode())
    assert short(both) == [("notice", "changed", f"{SITE}/greeter-1.0.dist-info/INSTALLER", "greeter")]


def test_pip_that_installed_before_the_environment_was_adopted_is_no_notice(both: Store) -> None:
    path = both.location("a").prefix / SITE / "greeter-1.0.dist-info"
    replaced(path / "INSTALLER", b"pip\n")
    record = (path / "RECORD").read_text().splitlines()
    replaced(path / "RECORD", "\n".join(row for row in record if "INSTALLER" not in row).encode())
    os.utime(path / "INSTALLER", (1, 1))
    assert found(both) == []


def test_pip_over_a_conda_package_names_both(both: Store) -> None:
    prefix = both.location("a").prefix
    wheel = Wheel(name="six", version="2.0", files={"six.py": "22"})
    install_by_hand(prefix / SITE, wheel, instead_of="six-1.0.dist-info")
    problems = found(both)
    assert ("missing", f"{SITE}/six-1.0.dist-info/METADATA") in [(each.kind, each.path) for each in problems]
    (changed,) = [each for each in problems if each.kind == "changed"]
    assert changed.path == f"{SITE}/six.py"
    assert changed.found == "2 bytes, of six 2.0 installed by pip"


@pytest.mark.parametrize(
    ("text", "kind"),
    [(None, "missing"), (b"\xff\xfe", "unreadable"), (b"x" * 200_000, "unreadable"), (b"", "changed")],
)
def test_record_that_says_nothing_is_a_fault(both: Store, text: bytes | None, kind: str) -> None:
    path = both.location("a").prefix / SITE / "greeter-1.0.dist-info/RECORD"
    path.unlink()
    if text is not None:
        path.write_bytes(text)
    assert [each.kind for each in found(both) if each.path.endswith("/RECORD") and each.severity == "fault"] == [kind]


def test_record_of_pip_that_leads_outside_reads_nothing_there(both: Store) -> None:
    path = both.location("a").prefix / SITE / "greeter-1.0.dist-info/RECORD"
    text = path.read_bytes()
    replaced(path, text + b"../../../../../../etc/passwd,sha256=AAAA,1\n/etc/passwd,,\n")
    assert [(each.kind, each.package) for each in found(both)] == [("outside", "greeter")] * 2


def test_link_in_the_place_of_site_packages_metadata_is_not_followed(both: Store, tmp_path: Path) -> None:
    site = both.location("a").prefix / SITE
    os.rename(site / "greeter-1.0.dist-info", tmp_path / "out")
    (site / "greeter-1.0.dist-info").symlink_to(tmp_path / "out")
    assert ("fault", "missing", "greeter-1.0.dist-info", "greeter") in short(both)


def test_lock_is_what_counts_not_what_the_records_say(store: Store) -> None:
    store.create("a", "tool")
    wanted: Lock = store.lock("tool", "extra")
    problems = verify(store.location("a"), wanted, store.reporter).findings.problems
    assert ("missing", "extra") in [(each.kind, each.package) for each in problems]
