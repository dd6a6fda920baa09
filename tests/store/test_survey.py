"""What lies in a tree that its packages did not install, found by names and times."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from builders import by_hand
from builders.by_hand import SITE
from builders.packages import Package
from builders.store import Store
from envmgr.lock.model import PipPackage
from envmgr.store import generations, metadata, ownership, survey
from envmgr.store.survey import Survey
from envmgr.store.walk import Statuses


def surveyed(store: Store) -> Survey:
    prefix = store.location("a").prefix
    return survey.read(prefix, metadata.read_lock(prefix))


def created(store: Store, *names: str) -> Path:
    store.create("a", *names)
    time.sleep(0.02)  # clocks of file systems are coarse
    return store.location("a").prefix


def test_fresh_environment_has_nothing_of_people(store: Store) -> None:
    created(store, "extra", "patched", "tool")
    found = surveyed(store)
    assert (found.loose, found.directories, found.edited, found.missing, found.touched) == ({}, {}, (), (), ())
    assert found.owned["bin/tool"] == "conda-meta/tool-1.0-0.json"


def test_loose_files_links_and_directories_are_found_and_derived_files_are_not(store: Store) -> None:
    prefix = created(store, "tool")
    by_hand.put(prefix, {"etc/conda/activate.d/mine.sh": "", "conda-meta/pinned": "numpy 1.*\n", "code/x.py": ""})
    by_hand.put(prefix, {"lib/tool/__pycache__/data.cpython-311.pyc": "", "code/x.pyc": "", "only.pyc": ""})
    by_hand.put(prefix, {"was-a-package/__pycache__/x.pyc": ""})
    (prefix / "outside").symlink_to("/")
    (prefix / "empty/below").mkdir(parents=True)
    found = surveyed(store)
    assert sorted(found.loose) == ["code/x.py", "conda-meta/pinned", "etc/conda/activate.d/mine.sh", "only.pyc",
                                   "outside"]  # fmt: skip
    assert sorted(found.directories) == ["code", "empty", "empty/below", "etc", "etc/conda", "etc/conda/activate.d"]


def test_what_was_edited_is_found_whatever_its_times_say(store: Store) -> None:
    prefix = created(store, "extra", "patched", "tool")
    (prefix / "lib/tool/data").write_text("in place")
    by_hand.replace(prefix / "share/extra/one", "9")
    os.utime(prefix / "share/extra/one", (1, 1))
    by_hand.replace(prefix / "share/extra/two", "2")
    (prefix / "etc/patched.conf").touch()
    (prefix / "bin/tool").unlink()
    found = surveyed(store)
    assert found.edited == ("lib/tool/data", "share/extra/one")
    assert found.missing == ("bin/tool",)


def test_distribution_installed_by_hand_is_foreign_as_a_whole(store: Store) -> None:
    prefix = created(store, "tool")
    rows = ("../../../bin/mine,,", "../../../../../../../../etc/passwd,,", "/etc/shadow,,", "gone.py,,")
    by_hand.install(prefix, "mine", rows=rows)
    by_hand.put(prefix, {"bin/mine": "", f"{SITE}/mine-1.0.dist-info/licenses/LICENSE": ""})
    (found,) = surveyed(store).distributions
    assert (found.name, found.version, found.dist_info) == ("mine", "1.0", f"{SITE}/mine-1.0.dist-info")
    info = [f"{SITE}/mine-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "REQUESTED")]
    assert found.files == ("bin/mine", *info, f"{SITE}/mine-1.0.dist-info/licenses/LICENSE", f"{SITE}/mine.py")


def test_distributions_of_conda_packages_and_of_the_pip_half_are_not_foreign(store: Store) -> None:
    record = "conda_made.py,,\nconda_made-1.0.dist-info/METADATA,,\nconda_made-1.0.dist-info/RECORD,,\n"
    info = f"{SITE}/conda_made-1.0.dist-info"
    files = {f"{SITE}/conda_made.py": "", f"{info}/METADATA": "", f"{info}/RECORD": record}
    store.channel.add(Package(name="conda-made", files=files))
    prefix = created(store, "conda-made")
    by_hand.install(prefix, "Locked_One", "1.0")
    pip = PipPackage(name="locked-one", version="1.0.0", url="", filename="", sha256="")
    lock = store.lock("conda-made", pip=[pip])
    found = survey.read(prefix, lock)
    assert (found.distributions, found.loose) == ((), {})
    other = survey.read(prefix, lock._replace(pip=(pip._replace(version="2.0"),)))
    assert [each.name for each in other.distributions] == ["Locked_One"]


def test_record_of_another_installer_is_no_edit(store: Store) -> None:
    prefix = created(store, "tool")
    by_hand.install(prefix, "locked-one", "1.0")
    pip = PipPackage(name="locked-one", version="1.0", url="", filename="", sha256="")
    assert survey.read(prefix, store.lock("tool", pip=[pip])).edited == ()


def test_conda_file_that_pip_overwrote_is_that_of_the_distribution(store: Store) -> None:
    store.channel.add(Package(name="numpy", files={f"{SITE}/numpy.py": "conda"}))
    prefix = created(store, "numpy")
    by_hand.install(prefix, "numpy", "2.0")
    found = surveyed(store)
    assert found.edited == ()
    assert f"{SITE}/numpy.py" in found.distributions[0].files


def test_package_that_another_conda_tool_added_is_named(store: Store) -> None:
    prefix = created(store, "tool")
    by_hand.put(prefix, {"conda-meta/added-1.0-0.json": '{"files": ["share/added"]}', "share/added": ""})
    found = surveyed(store)
    assert (found.records, found.loose) == (("added-1.0-0",), {})


def test_second_name_of_the_library_directory_is_not_looked_at_twice(store: Store) -> None:
    store.channel.add(
        Package(name="python", files={f"{SITE}/x.py": "", "bin/python": ""}, symlinks={"lib/python3.1": "python3.11"})
    )
    prefix = created(store, "python")
    assert ownership.site_packages(prefix) == (SITE,)
    assert surveyed(store).loose == {}


def test_directory_that_became_a_link_hides_nothing(store: Store, tmp_path: Path) -> None:
    prefix = created(store, "extra")
    (prefix / "share/extra").rename(tmp_path / "extra")
    (prefix / "share/extra").symlink_to(tmp_path / "extra")
    found = surveyed(store)
    assert (list(found.loose), found.missing) == (["share/extra"], ())


def test_sockets_and_pipes_are_loose_things_that_nobody_reads(store: Store) -> None:
    prefix = created(store, "tool")
    os.mkfifo(prefix / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(prefix / "socket"))
    assert sorted(surveyed(store).loose) == ["pipe", "socket"]


@pytest.mark.parametrize("change", ["write", "touch back", "rename", "new", "owned", "owned in place"])
def test_changes_since_a_survey_are_seen(store: Store, change: str) -> None:
    prefix = created(store, "tool", "patched")
    by_hand.put(prefix, {"mine": "1", "other": "2"})
    time.sleep(0.02)
    found, moment = surveyed(store), time.time_ns()
    moved = prefix.rename(prefix.with_name("moved"))
    (moved / generations.FOREIGN).touch()
    assert not survey.has_changed_since(found, moved, moment)
    time.sleep(0.02)
    if change == "write":
        (moved / "mine").write_text("3")
    elif change == "touch back":
        os.utime(moved / "mine", (1, 1))
    elif change == "rename":
        (moved / "other").rename(moved / "mine")
    elif change == "new":
        (moved / "lib/tool/new").touch()
    elif change == "owned":
        by_hand.replace(moved / "lib/tool/data", "2")
    else:
        assert (moved / "etc/patched.conf").stat().st_nlink == 1
        (moved / "etc/patched.conf").write_text("2")
    assert survey.has_changed_since(found, moved, moment)


@pytest.mark.usefixtures("hard_links")
def test_what_two_trees_share_is_asked_for_once_and_found_the_same(store: Store) -> None:
    prefix = created(store, "extra", "patched", "tool")
    store.create("b", "extra", "patched", "tool")
    other = store.location("b").prefix
    time.sleep(0.02)
    (other / "lib/tool/data").write_text("in place, in the cache and so in both")
    by_hand.replace(other / "share/extra/one", "9")
    lock = metadata.read_lock(prefix)
    known: Statuses = {}
    survey.read(prefix, lock, known=known)
    shared = len(known)
    assert shared > 0
    assert survey.read(other, lock, known=known) == survey.read(other, lock)
    assert survey.read(other, lock, known=known).edited == ("lib/tool/data", "share/extra/one")
    assert len(known) == shared


def test_file_that_gave_way_to_that_of_another_package_is_not_of_people(store: Store) -> None:
    store.channel.add(
        Package(name="first", files={"share/both": "first", "share/same": "x"}),
        Package(name="second", files={"share/both": "second", "share/same": "x"}, depends=["first"]),
        Package(name="noarch", noarch="python", entry_points=["run = x:main"], files={"site-packages/x.py": ""}),
        Package(name="python", version="3.11.1", files={f"{SITE}/README": "", "bin/python": "#!/bin/sh\n"}),
    )
    prefix = created(store, "first", "second", "noarch", "python")
    assert (prefix / "__clobbers__/first/share/both").is_file()
    found = surveyed(store)
    assert (found.loose, found.directories, found.edited, found.missing) == ({}, {}, (), ())
