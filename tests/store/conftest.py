"""A store with one channel for every test of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from builders.store import Store
from envmgr.settings import Settings
from envmgr.store import copying


@pytest.fixture
def store(settings: Settings, make_channel: Callable[..., LocalChannel]) -> Store:
    """An empty store and a channel with `tool` 1.0 (a script), `extra` 1.0 and `patched` 1.0 (names its prefix)."""
    store = Store(settings, make_channel())
    store.channel.add(
        Package(name="tool", files={"bin/tool": "#!/bin/sh\necho 1\n", "lib/tool/data": "1"}, executable=["bin/tool"]),
        Package(name="extra", files={"share/extra/one": "1", "share/extra/two": "2"}),
        Package(
            name="patched",
            files={"etc/patched.conf": "home=/opt/placeholder\n"},
            placeholders={"etc/patched.conf": ("/opt/placeholder", "text")},
        ),
    )
    return store


@pytest.fixture
def hard_links(tmp_path: Path) -> None:
    """Skip where the file system clones files: then nothing that is linked from the cache shares its inode."""
    if copying.can_reflink(tmp_path):
        pytest.skip("this file system clones files")
