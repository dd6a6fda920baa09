"""The name and prefix that an environment file gives, without reading the rest (hot path)."""

from __future__ import annotations

import re

RESERVED_NAMES = frozenset({"base", "root"})
"""What no environment file may call an environment (CEP 24)."""

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")  # of a path of Windows
# The first line of nearly every file. What follows begins another key, so that the plain scalar has ended.
_FIRST_LINE = re.compile(r"name: ([A-Za-z][A-Za-z0-9_-]*) *\n(?=[A-Za-z])")
_DEEPEST = 32  # libyaml's time grows with the square of the depth of flow collections


def name_and_prefix(text: str) -> tuple[str | None, str | None]:
    """Return the top-level `name` (by `usable_name`) and `prefix` (as written) of an environment file (CEP 24).

    With a name on the first line, which beats a prefix, no more is read.
    Never raises: of a file that is not YAML the full reader says what is wrong with it.
    """
    first = _FIRST_LINE.match(text)
    if first is not None and first[1] not in RESERVED_NAMES:
        return first[1], None
    import yaml  # start-up time: it costs more than the rest of a create with nothing to do

    found: dict[str, str] = {}
    depth, key = 0, None
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                key = None
                if depth > _DEEPEST:
                    return None, None
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif depth == 1 and isinstance(event, yaml.ScalarEvent):
                if key is None:
                    key = event.value
                else:
                    found.setdefault(key, event.value)
                    key = None
    except (yaml.YAMLError, RecursionError):
        return None, None
    return usable_name(found.get("name") or ""), found.get("prefix") or None


def usable_name(written: str) -> str | None:
    """Return the name that a file means: of a path, which conda exports for an environment without a name, the last
    part; none for what is reserved (CEP 24) or empty, as micromamba exports it."""
    name = written
    if written.startswith("/") or _DRIVE.match(written):
        name = re.split(r"[\\/]", written.rstrip("\\/"))[-1]
    return name if name and name not in RESERVED_NAMES else None
