"""Which environments count as needing the cache, and which as gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from builders.store import Store
from envmgr.store import known

# As a user who may not enter a directory: root may enter all of them.
ASK = """
import sys
from envmgr.settings import Settings
from envmgr.store import known
settings = Settings.load({"HOME": sys.argv[1] + "/home", "ENVMGR_ROOT": sys.argv[1], "ENVMGR_CACHE": sys.argv[2]})
print([[str(each.prefix) for each in find(settings)] for find in (known.environments, known.gone, known.hidden)])
"""


def test_they_are_known_by_name_by_path_and_from_other_stores(store: Store, tmp_path: Path) -> None:
    store.create("a", "tool")
    store.create(str(tmp_path / "b"), "tool")
    other = Store(store.settings._replace(root=tmp_path / "other", home=tmp_path / "else"), store.channel)
    other.create("c", "tool")
    prefixes = {store.location("a").prefix, tmp_path / "b", other.location("c").prefix}
    assert {each.prefix for each in known.environments(store.settings)} == prefixes
    (found,) = (each for each in known.environments(store.settings) if each.prefix.name == "c")
    assert (found.lease, found.generations) == (other.location("c").lease, other.location("c").generations)
    shutil.rmtree(tmp_path / "b")
    assert [each.prefix for each in known.gone(store.settings)] == [tmp_path / "b"]


def test_lines_and_notes_that_are_no_path_are_no_failure(store: Store) -> None:
    note = store.settings.cache / "environments/0"
    note.parent.mkdir(parents=True)
    note.write_bytes(b"/a\0b")
    (note.parent / "1").write_bytes(b"relative")
    register = store.settings.home / ".conda/environments.txt"
    register.parent.mkdir()
    register.write_bytes(b"/c\0d\n\xff\xfe\n\n")
    assert known.environments(store.settings) == ()
    assert len(known.gone(store.settings)) == 2


def test_what_cannot_be_seen_is_not_gone() -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and `setpriv`, to be somebody who may not see it")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        prefix = Path(directory, "private/env")
        (prefix / "conda-meta").mkdir(parents=True)
        (prefix / "conda-meta/history").touch()
        prefix.parent.chmod(0o700)
        note = Path(directory, "cache/environments/0")
        note.parent.mkdir(parents=True)
        note.write_text(str(prefix))
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run(
            [*become, sys.executable, "-c", ASK, f"{directory}/root", f"{directory}/cache"],
            cwd="/", capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if any(text in done.stderr for text in ("No module named", "setpriv", "shared libraries")):
            pytest.skip(f"others may not read this checkout or its python: {done.stderr[-200:]}")
        assert done.stdout == f"[[], [], ['{prefix}']]\n"
