"""Realise: both halves from a lock, in one step, whatever was there before."""

from __future__ import annotations

from builders.store import Store
from envmgr.store import generations, layout


def test_new_environment_has_the_files_of_its_packages(store: Store) -> None:
    result = store.create("science", "tool")
    prefix = store.settings.root / "envs/science"
    assert (prefix / "bin/tool").read_text() == "#!/bin/sh\necho 1\n"
    assert result.is_new
    assert generations.current(prefix) == result.generation
    assert result.generation.number == 1
    assert layout.names(store.settings) == ("science",)
