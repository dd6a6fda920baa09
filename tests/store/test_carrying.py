"""What people put into an environment comes along into every next generation, and nothing of it is lost."""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.by_hand import SITE
from builders.packages import Package
from builders.store import Store, faults
from envmgr.store import bringing, carried, copying, generations
from envmgr.store.carried import Carried, Distribution, Left, Saved
from envmgr.store.realise import Realised

MIB = 1 << 20


def changed(store: Store, *names: str) -> Realised:
    """Make the next generation of `a`."""
    time.sleep(0.02)  # clocks of file systems are coarse
    return store.create("a", *names)


@pytest.fixture
def prefix(store: Store) -> Path:
    """An environment `a` of `tool` and `patched`; the next generations have `extra` instead."""
    store.create("a", "tool", "patched")
    time.sleep(0.02)
    return store.location("a").prefix


def test_files_links_and_directories_come_along_as_they_are(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"share/data/a": "a", "share/data/deep/b": "b", "conda-meta/pinned": "numpy 1.*\n"})
    (prefix / "share/data/a").chmod(0o4750)
    os.utime(prefix / "share/data/a", ns=(1_000_000_001, 1_234_567_891))
    (prefix / "share/link").symlink_to("data/a")
    (prefix / "dangling").symlink_to("/nowhere")
    (prefix / "empty").mkdir(mode=0o711)
    os.utime(prefix / "empty", ns=(1, 987_654_321))
    os.link(prefix / "share/data/a", prefix / "share/same")
    result = changed(store, "extra")
    assert by_hand.tree(prefix, below="share/data") == {"share/data/a": "a", "share/data/deep/b": "b"}
    status = os.lstat(prefix / "share/data/a")
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o4750, 1_234_567_891)
    assert (status.st_nlink, (prefix / "share/same").stat().st_ino) == (2, status.st_ino)
    assert os.readlink(prefix / "share/link") == "data/a"
    assert os.readlink(prefix / "dangling") == "/nowhere"
    assert (stat.S_IMODE((prefix / "empty").stat().st_mode), (prefix / "empty").stat().st_mtime_ns) == (
        0o711, 987_654_321)  # fmt: skip
    assert result.carried == Carried(
        files=("conda-meta/pinned", "dangling", "share/data/a", "share/data/deep/b", "share/link", "share/same"),
        directories=("empty", "share", "share/data", "share/data/deep"),
        size=len("a") * 2 + len("b") + len("numpy 1.*\n"),
    )
    assert carried.read(prefix) == result.carried
    again = changed(store, "tool").carried
    assert (again.files, again.directories) == (result.carried.files, ("empty", "share/data", "share/data/deep"))
    changed(store, "extra")
    assert faults(prefix, store.lock("extra")) == []
    assert store.reporter.warnings == []


def test_an_edit_of_the_carried_file_changes_no_kept_generation(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"mine": "old"})
    kept = changed(store, "extra").kept
    assert kept is not None
    (prefix / "mine").write_text("new")
    assert (kept / "mine").read_text() == "old"


def test_extended_attributes_and_holes_stay(store: Store, prefix: Path) -> None:
    with (prefix / "sparse").open("wb") as file:
        file.truncate(8 * MIB)
        file.seek(4 * MIB)
        file.write(b"data")
    try:
        os.setxattr(prefix / "sparse", "user.note", b"kept")
    except OSError:
        pytest.skip("the file system of the temporary directory has no extended attributes")
    before = (prefix / "sparse").stat()
    changed(store, "extra")
    after = (prefix / "sparse").stat()
    assert os.getxattr(prefix / "sparse", "user.note") == b"kept"
    assert (after.st_size, after.st_blocks <= before.st_blocks + 64) == (before.st_size, True)
    assert (prefix / "sparse").read_bytes()[4 * MIB : 4 * MIB + 4] == b"data"


def test_what_cannot_be_carried_is_named_and_left(store: Store, prefix: Path) -> None:
    os.mkfifo(prefix / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(prefix / "socket"))
    by_hand.put(prefix, {"mine": ""})
    result = changed(store, "extra")
    assert result.carried.left == (
        Left("pipe", "a named pipe", is_lost=False),
        Left("socket", "a socket", is_lost=False),
    )
    assert [notice for notice in store.reporter.notices if "pipe (a named pipe); socket (a socket)" in notice]
    assert result.kept is not None
    assert not (result.kept / generations.FOREIGN).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_named_and_left(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"secret": "", "closed/x": ""})
    (prefix / "secret").chmod(0)
    (prefix / "closed").chmod(0)
    left = changed(store, "extra").carried.left
    assert [each.what for each in left] == ["closed/", "secret"]


def test_edited_file_is_saved_beside_what_the_package_brings(store: Store, prefix: Path) -> None:
    by_hand.replace(prefix / "lib/tool/data", "mine")
    by_hand.replace(prefix / "etc/patched.conf", "mine too")
    result = changed(store, "tool")
    assert (prefix / "lib/tool/data").read_text() == "1"
    assert by_hand.tree(prefix, below="lib")["lib/tool/data.envmgr-saved"] == "mine"
    assert by_hand.tree(prefix, below="etc") == {"etc/patched.conf.envmgr-saved": "mine too"}
    assert result.carried.saved == (
        Saved("etc/patched.conf.envmgr-saved", "etc/patched.conf"),
        Saved("lib/tool/data.envmgr-saved", "lib/tool/data"),
    )
    assert ["lib/tool/data.envmgr-saved" in warning for warning in store.reporter.warnings] == [True]


def test_saved_file_is_carried_on_under_its_name_and_saved_once(store: Store, prefix: Path) -> None:
    by_hand.replace(prefix / "lib/tool/data", "mine")
    for number in range(3):
        changed(store, "tool", *(["extra"] if number % 2 else []))
        assert by_hand.tree(prefix, below="lib") == {"lib/tool/data": "1", "lib/tool/data.envmgr-saved": "mine"}
        assert carried.read(prefix).saved == (Saved("lib/tool/data.envmgr-saved", "lib/tool/data"),)
    assert len(store.reporter.warnings) == 1  # said once
    by_hand.replace(prefix / "lib/tool/data", "mine")  # the same edit again
    changed(store, "tool")
    assert by_hand.tree(prefix, below="lib") == {"lib/tool/data": "1", "lib/tool/data.envmgr-saved": "mine"}
    by_hand.replace(prefix / "lib/tool/data", "another")
    changed(store, "tool", "extra")
    assert by_hand.tree(prefix, below="lib") == {
        "lib/tool/data": "1",
        "lib/tool/data.envmgr-saved": "another",
        "lib/tool/data.envmgr-saved.1": "mine",
    }


@pytest.mark.usefixtures("hard_links")
def test_edit_in_place_does_not_come_back_from_the_cache(store: Store, prefix: Path) -> None:
    assert (prefix / "lib/tool/data").stat().st_nlink > 1
    (prefix / "lib/tool/data").write_text("mine")
    changed(store, "tool")
    assert by_hand.tree(prefix, below="lib") == {"lib/tool/data": "1", "lib/tool/data.envmgr-saved": "mine"}
    artifact = store.cache.find(store.channel.package("tool"))
    assert artifact is not None
    assert store.cache.verify(artifact) == ()


def test_file_that_the_new_lock_brings_does_not_take_the_place_of_that_of_a_person(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"share/extra/one": "mine", "share/extra/two": "2"})
    result = changed(store, "extra")
    assert by_hand.tree(prefix, below="share") == {
        "share/extra/one": "1",
        "share/extra/one.envmgr-saved": "mine",
        "share/extra/two": "2",  # the same text in both
    }
    assert result.carried.files == ("share/extra/one.envmgr-saved",)


@pytest.mark.parametrize("there", ["file for directory", "directory for file", "link for directory"])
def test_file_and_directory_of_one_name_do_not_meet(store: Store, prefix: Path, tmp_path: Path, there: str) -> None:
    expected = {"share/extra/one": "1", "share/extra/two": "2"}
    if there == "file for directory":
        by_hand.put(prefix, {"share/extra": "mine"})
        expected["share/extra.envmgr-saved"] = "mine"
    elif there == "directory for file":
        by_hand.put(prefix, {"share/extra/one/mine": "mine"})
        expected["share/extra/one.envmgr-saved/mine"] = "mine"
    else:
        by_hand.put(tmp_path / "outside", {"one": "outside"})
        (prefix / "share").mkdir()
        (prefix / "share/extra").symlink_to(tmp_path / "outside")
    changed(store, "extra")
    assert by_hand.tree(prefix, below="share") == expected
    if there == "link for directory":
        assert os.readlink(prefix / "share/extra.envmgr-saved") == str(tmp_path / "outside")
        assert by_hand.tree(tmp_path / "outside") == {"one": "outside"}
    changed(store, "extra", "patched")
    assert by_hand.tree(prefix, below="share") == expected


def test_nothing_is_written_through_a_link_of_a_package(store: Store, prefix: Path, tmp_path: Path) -> None:
    store.channel.add(Package(name="linked", files={"real/x": ""}, symlinks={"data": "real"}))
    by_hand.put(prefix, {"data/mine": "mine"})
    changed(store, "linked")
    assert by_hand.tree(prefix, below="real") == {"real/x": ""}
    assert (prefix / "data.envmgr-saved/mine").read_text() == "mine"


# Distributions


def test_distribution_comes_along_as_a_whole_and_is_named(store: Store, prefix: Path) -> None:
    by_hand.install(prefix, "Rich", rows=("../../../bin/rich,,",))
    by_hand.put(prefix, {"bin/rich": "#!", f"{SITE}/__pycache__/rich.pyc": "", f"{SITE}/rich-data": "x"})
    result = changed(store, "extra")
    assert (prefix / "bin/rich").read_text() == "#!"
    assert not (prefix / SITE / "__pycache__").exists()
    assert result.carried.distributions == (Distribution("Rich", "1.0", f"{SITE}/Rich-1.0.dist-info"),)
    assert result.carried.files == (f"{SITE}/rich-data",)
    assert any("envmgr install -n a --adopt" in notice for notice in store.reporter.notices)


def test_editable_install_comes_along_pointing_where_it_points(store: Store, prefix: Path, tmp_path: Path) -> None:
    by_hand.install(prefix, "project", files={"__editable__.project.pth": f"{tmp_path}/src\n"})
    changed(store, "extra")
    assert (prefix / SITE / "__editable__.project.pth").read_text() == f"{tmp_path}/src\n"


@pytest.mark.parametrize("by", ["name", "path"])
def test_distribution_that_touches_what_the_new_lock_brings_is_left_whole_and_named(
    store: Store, prefix: Path, by: str
) -> None:
    store = Store(store.settings._replace(keep_generations=0), store.channel)
    info = f"{SITE}/numpy-1.0.dist-info" if by == "name" else "share/x"
    store.channel.add(Package(name="conda-numpy", files={f"{SITE}/numpy/core.py": "conda", f"{info}/METADATA": ""}))
    name = "NumPy" if by == "name" else "other"
    by_hand.install(
        prefix, name, "2.0", files={f"{'else' if by == 'name' else 'numpy'}/core.py": "pip", "more.py": "pip"}
    )
    result = changed(store, "conda-numpy")
    assert (prefix / SITE / "numpy/core.py").read_text() == "conda"
    assert not (prefix / SITE / "more.py").exists()
    (left,) = result.carried.left
    assert left.what == f"{name} 2.0 (installed with pip)"
    assert left.reason.startswith("the new generation brings ")
    assert result.kept is not None
    assert str(result.kept) in store.reporter.warnings[-1]
    assert not (prefix / SITE / f"{name}-2.0.dist-info").exists()
    assert result.carried.directories == ()
    changed(store, "tool")
    assert (result.kept / SITE / "more.py").read_text() == "pip"


def test_what_is_of_another_python_is_left_and_named(store: Store) -> None:
    def python(minor: int) -> Package:
        files = {f"lib/python3.{minor}/site-packages/README.txt": "", "bin/python": ""}
        return Package(name="python", version=f"3.{minor}.1", files=files)

    store.channel.add(python(11))
    store.create("a", "tool", "python")
    store.channel.add(python(12))
    prefix = store.location("a").prefix
    time.sleep(0.02)
    by_hand.install(prefix, "rich", rows=("../../../bin/rich,,",))
    by_hand.put(prefix, {"bin/rich": "", f"{SITE}/mine.py": "", "share/mine": ""})
    by_hand.replace(prefix / SITE / "README.txt", "edited")
    result = changed(store, "tool", "python")
    assert not (prefix / "lib/python3.11").exists()
    assert not (prefix / "bin/rich").exists()
    assert result.carried.files == ("share/mine",)
    assert [(each.what, "3.11" in each.reason) for each in result.carried.left] == [
        (f"{SITE}/mine.py, {SITE}/README.txt", True),
        ("rich 1.0 (installed with pip)", True),
    ]
    assert result.kept is not None
    assert (result.kept / generations.FOREIGN).exists()


def test_package_of_another_conda_tool_is_left_and_named(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"conda-meta/added-1.0-0.json": '{"files": ["share/added"]}', "share/added": ""})
    result = changed(store, "extra")
    assert [each.what for each in result.carried.left] == ["added-1.0-0"]
    assert not (prefix / "share/added").exists()
    assert faults(prefix, store.lock("extra")) == []


# The environment's own metadata


def test_variables_set_by_hand_stay_until_the_request_says_otherwise(store: Store) -> None:
    store.realise(store.request("a", store.lock("tool", variables=[("A", "1"), ("B", "1"), ("C", "1")])))
    prefix = store.location("a").prefix
    state = {"env_vars": {"A": "by hand", "B": "by hand", "MINE": "2", "1BAD": "x"}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    store.realise(store.request("a", store.lock("extra", variables=[("A", "1"), ("B", "new"), ("C", "1")])))
    values = json.loads((prefix / "conda-meta/state").read_text())["env_vars"]
    assert values == {"A": "by hand", "B": "new", "MINE": "2"}
    assert "by hand" in (prefix / "conda-meta/envmgr/activate.sh").read_text()


def test_activation_script_of_a_person_is_in_what_activates_the_new_generation(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"etc/conda/activate.d/mine.sh": "export MINE=1\n"})
    changed(store, "extra")
    assert "etc/conda/activate.d/mine.sh" in (prefix / "conda-meta/envmgr/activate.sh").read_text()


def test_frozen_mark_stays(store: Store, prefix: Path) -> None:
    (prefix / "conda-meta/frozen").write_text("{}")
    time.sleep(0.02)
    store.create("a", "extra", override_frozen=True)
    assert (prefix / "conda-meta/frozen").read_text() == "{}"
    assert carried.read(prefix) == Carried()


# Late, large, and what cannot be


def test_what_is_written_while_the_command_runs_comes_along(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"mine": "old", "gone": "1", "same": "1"})

    def meanwhile(step: str) -> None:
        if step == "staged":
            time.sleep(0.02)
            by_hand.put(prefix, {"mine": "new", "share/later": "2", "share/extra/one": "mine"})
            by_hand.install(prefix, "rich")
            by_hand.replace(prefix / "lib/tool/data", "edited late")

    store.create("a", "extra", "tool", checkpoint=meanwhile)
    found = by_hand.tree(prefix)
    assert (found["mine"], found["share/later"], found["same"]) == ("new", "2", "1")
    assert (found["share/extra/one"], found["share/extra/one.envmgr-saved"]) == ("1", "mine")
    assert (found["lib/tool/data"], found["lib/tool/data.envmgr-saved"]) == ("1", "edited late")
    assert f"{SITE}/rich.py" in found
    manifest = carried.read(prefix)
    assert [each.name for each in manifest.distributions] == ["rich"]
    assert {"mine", "share/later", "share/extra/one.envmgr-saved"} <= set(manifest.files)
    (notice,) = [notice for notice in store.reporter.notices if notice.startswith("written while this command ran")]
    assert "share/later" in notice
    assert "same" not in notice
    assert faults(prefix, store.lock("extra", "tool")) == []


def test_large_file_is_handed_on_where_it_could_only_be_copied(store: Store, prefix: Path) -> None:
    with (prefix / "model.bin").open("wb") as file:
        file.truncate(65 * MIB)
    inode = (prefix / "model.bin").stat().st_ino
    is_moved = not copying.can_reflink(prefix)
    for names in (["extra"], ["tool"]):
        result = changed(store, *names)
        assert result.kept is not None
        status = (prefix / "model.bin").stat()
        assert (status.st_size, status.st_nlink) == (65 * MIB, 1)
        assert (status.st_ino == inode) == is_moved
        assert (result.kept / "model.bin").exists() != is_moved
        assert result.carried.moved == (("model.bin",) if is_moved else ())


def test_failure_on_the_way_leaves_large_files_where_they_are(store: Store, prefix: Path) -> None:
    with (prefix / "model.bin").open("wb") as file:
        file.truncate(65 * MIB)

    def stop(step: str) -> None:
        if step == "staged":
            raise RuntimeError

    with pytest.raises(RuntimeError):
        store.create("a", "extra", checkpoint=stop)
    assert (prefix / "model.bin").stat().st_nlink == 1
    assert not (prefix / generations.FOREIGN).exists()


def test_room_for_carried_files_is_counted(store: Store, prefix: Path) -> None:
    from envmgr.store import metadata, survey

    by_hand.put(prefix, {"share/data": "x" * 3 * MIB})
    need = bringing.needs(survey.read(prefix, metadata.read_lock(prefix)), prefix)
    assert need.inodes == 2
    assert need.bytes == (0 if copying.can_reflink(prefix) else 3 * MIB)


def test_pristine_carries_nothing_and_says_where_it_is(store: Store, prefix: Path) -> None:
    by_hand.put(prefix, {"mine": "1"})
    by_hand.install(prefix, "rich")
    (prefix / "conda-meta/state").write_text('{"env_vars": {"MINE": "1"}}')
    time.sleep(0.02)
    result = store.create("a", "extra", extent="nothing")
    assert not (prefix / "mine").exists()
    assert not (prefix / "conda-meta/state").exists()
    assert result.kept is not None
    assert (result.kept / "mine").exists()
    (warning,) = store.reporter.warnings
    assert warning == (
        f"not carried over into the new generation, and kept in {result.kept}: "
        "mine, rich 1.0 (installed with pip) (--pristine)"
    )


def test_names_that_are_no_text_come_along(store: Store, prefix: Path) -> None:
    (prefix / os.fsdecode(b"caf\xe9\x1b[31m")).write_text("mine")
    changed(store, "extra")
    assert (prefix / os.fsdecode(b"caf\xe9\x1b[31m")).read_text() == "mine"
    assert carried.read(prefix).files == (os.fsdecode(b"caf\xe9\x1b[31m"),)
    assert not any("\x1b" in notice or "\udce9" in notice for notice in store.reporter.notices)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"schema": 99}', b"\xff", b'{"schema": 1, "files": 3}'])
def test_manifest_that_says_nothing_is_no_obstacle(store: Store, prefix: Path, content: bytes) -> None:
    by_hand.put(prefix, {"mine": "1"})
    (prefix / carried.FILE).write_bytes(content)
    changed(store, "extra")
    assert carried.read(prefix).files == ("mine",)
