"""Lines of the pip half that have no solution, as values for whoever looks for one elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.spec.model import Requirement

_NEEDS_PYTHON = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*?)(?:\[[^\]]*\])?(?:[<>=!~][^\s]*)? depends on Python([<>=!~]\S*[^\s,.;])"
)


class PythonDemand(NamedTuple):
    """A package that is for another python than the target's: `wanted` is its Requires-Python (PEP 440)."""

    name: str
    wanted: str


class Unresolved(PipError):
    """Lines that have no solution together: `lines` are those that uv names, `pythons` what they need of python.

    Whoever can solve raises one with edits in its place.
    """

    def __init__(
        self,
        message: str,
        lines: Sequence[Requirement] = (),
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        pythons: Iterable[PythonDemand] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.lines = tuple(lines)
        self.pythons = tuple(pythons)


def pythons(text: str) -> Iterator[PythonDemand]:
    """Yield what packages need of python, in the order in which uv says it, where that of the target is in the way."""
    if "Python version (" not in text:
        return
    found = {PythonDemand(canonicalize_name(name), wanted): None for name, wanted in _NEEDS_PYTHON.findall(text)}
    yield from found
