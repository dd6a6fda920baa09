"""Paths are joined as posixpath does it."""

from __future__ import annotations

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from envmgr.relative_paths import joined

PARTS = st.sampled_from(["", ".", "..", "a", "b.c", "..d", "/"])


@given(st.lists(PARTS.filter(lambda part: part not in ("", ".", "..", "/")), min_size=1), st.lists(PARTS, max_size=6))
def test_a_path_is_what_normpath_makes_of_both(directory: list[str], path: list[str]) -> None:
    base, relative = "/".join(directory), "/".join(path)
    assert joined(base, relative) == posixpath.normpath(posixpath.join(base, relative))
