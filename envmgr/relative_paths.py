"""Relative paths as RECORD writes them: with `/`, on every system."""

from __future__ import annotations

import posixpath
import re

# What normpath would change; most paths have nothing of it, and normpath is slow for thousands of them
_ODD = re.compile(r"//|(?:^|/)\.\.?(?:/|$)|/$")


def joined(directory: str, path: str) -> str:
    """Return `path`, relative to `directory`, as posixpath.normpath of both together has it; an absolute one stays."""
    if path.startswith("/"):
        return posixpath.normpath(path)
    both = f"{directory}/{path}"
    return posixpath.normpath(both) if _ODD.search(both) else both
