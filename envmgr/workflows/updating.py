"""Packages of a lock that are to be as new as can be, while the others stay where they may."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from envmgr.errors import UsageError
from envmgr.lock.model import Lock


def names(locks: Iterable[Lock], update: Sequence[str]) -> frozenset[str]:
    """Return the names that are to move, as the locks spell them; raises UsageError for one that none of them has."""
    locked = {package.name for lock in locks for half in (lock.conda, lock.pip) for package in half}
    wanted = frozenset(name if name in locked else re.sub(r"[-_.]+", "-", name).lower() for name in update)
    unknown = sorted(wanted - locked)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(locked), n=1)
        raise UsageError(
            f"not in the lock, so not to be updated: {', '.join(unknown)}",
            hint=f"did you mean `{near[0]}`?" if near else "a new package goes into the environment file",
        )
    return wanted
