"""The name and prefix that an environment file gives, without reading the rest (hot path)."""

from __future__ import annotations

import yaml

from envmgr.spec.names import RESERVED_NAMES

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 32  # libyaml's time grows with the square of the depth of flow collections


def name_and_prefix(text: str) -> tuple[str | None, str | None]:
    """Return the top-level `name` and `prefix` scalars of an environment file (CEP 24) as written.

    `base` and `root` are no names (CEP 24). Never raises: a file that is not YAML gives (None, None), and the full
    reader says what is wrong with it.
    """
    found: dict[str, str] = {}
    depth, key = 0, None
    try:
        for event in yaml.parse(text, Loader=_LOADER):
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
    name = found.get("name")
    return (name if name not in RESERVED_NAMES else None) or None, found.get("prefix") or None
