"""What `doctor` finds, one value a thing."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that is wrong (`fault`) or will surprise (`notice`): what, and the command or line that mends it."""

    severity: str
    message: str
    mend: str
    check: str = ""


def fault(message: str, mend: str) -> Finding:
    """Return what is wrong, and the command or line that mends it."""
    return Finding("fault", message, mend)


def notice(message: str, mend: str) -> Finding:
    """Return what will surprise, likewise."""
    return Finding("notice", message, mend)
