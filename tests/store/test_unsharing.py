from __future__ import annotations

import os
from pathlib import Path

from envmgr.store import unsharing


def test_every_hard_link_becomes_a_file_of_its_own_with_its_mode_and_time(tmp_path: Path) -> None:
    cache, tree = tmp_path / "cache", tmp_path / "tree/sub"
    cache.mkdir()
    tree.mkdir(parents=True)
    (cache / "file").write_text("content\n")
    (cache / "file").chmod(0o755)
    os.utime(cache / "file", ns=(10**18, 10**18 + 5))
    os.link(cache / "file", tree / "file")
    (tree / "own").write_text("own\n")
    (tree / "link").symlink_to("file")
    (tmp_path / "tree/elsewhere").symlink_to(cache)
    before = (tree / "own").stat().st_ino
    assert unsharing.unshare(str(tmp_path / "tree")) == 1
    status = (tree / "file").stat()
    assert status.st_ino != (cache / "file").stat().st_ino
    assert (status.st_mode & 0o777, status.st_mtime_ns, status.st_nlink) == (0o755, 10**18 + 5, 1)
    assert ((tree / "own").stat().st_ino, os.readlink(tree / "link")) == (before, "file")
    assert (cache / "file").stat().st_nlink == 1
    assert sorted(path.name for path in tree.iterdir()) == ["file", "link", "own"]
