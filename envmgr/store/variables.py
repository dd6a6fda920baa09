"""The variables of an environment across generations: those of the lock, and what was set by hand beside it.

`conda env config vars set` writes conda-meta/state (CEP 32), not the lock.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from envmgr.lock.model import Lock
from envmgr.shell.plan import variable_fault
from envmgr.store.inventory import read_regular

STATE = "conda-meta/state"


def merged(source: Path, before: Lock | None, after: Lock) -> tuple[tuple[str, str], ...]:
    """Return the variables of `after` with what was set by hand in the `source` tree since it was made from `before`.

    What the request says anew beats what was set by hand; what no process could have is left out.
    """
    old = dict(before.request.variables) if before is not None else {}
    new = dict(after.request.variables)
    by_hand = _read(source)
    if by_hand is None:
        return tuple(new.items())
    for name in {*old, *by_hand}:
        is_free = new.get(name) == old.get(name)
        if not is_free or by_hand.get(name) == old.get(name):
            continue
        if name in by_hand:
            new[name] = by_hand[name]
        else:
            del new[name]
    return tuple(sorted(new.items())) if new != dict(after.request.variables) else after.request.variables


def _read(source: Path) -> dict[str, str] | None:
    """Return the variables in a tree's state, nothing for a tree without; None for one that cannot be read."""
    try:
        document: Any = json.loads(read_regular(source / STATE))
        found = document.get("env_vars", {})
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if variable_fault(name, value) is None}
