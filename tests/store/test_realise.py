"""Realise: both halves from a lock, in one step, whatever was there before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.packages import Package
from builders.store import Collector, Store
from envmgr.settings import Settings
from envmgr.store import generations, layout


@pytest.fixture
def store(settings: Settings, make_channel: Callable[..., LocalChannel]) -> Store:
    return Store(settings, make_channel())


def test_new_environment_has_the_files_of_its_packages(store: Store) -> None:
    store.channel.add(Package(name="tool", files={"bin/tool": "#!/bin/sh\n"}, executable=["bin/tool"]))
    result = store.create("science", "tool")
    prefix = store.settings.root / "envs/science"
    assert (prefix / "bin/tool").read_text() == "#!/bin/sh\n"
    assert result.is_new
    assert generations.current(prefix) == result.generation
    assert result.generation.number == 1
    assert layout.names(store.settings) == ("science",)
