"""What rattler says of a request that has no solution, without its repetitions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

_MOST_LINES = 25
_LONGEST_LINE = 400
_VERSION_LINE = re.compile(
    r"(?P<tree>[│├└─ ]*)(?P<name>[^\s│├└─]+) (?P<version>[^\s,|]+), (?P<rest>which conflicts with .*)"
)


def shortened(words: str) -> str:
    """Return the words with neighbours that say the same, or differ in the version alone, as one line, and so many
    lines at most; how many are left out is said."""
    lines = list(_gathered(words.splitlines()))
    left = len(lines) - _MOST_LINES
    shown = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines[:_MOST_LINES]]
    return "\n".join(shown if left <= 0 else [*shown, f"… and {left} more lines of that kind"])


def _gathered(lines: Sequence[str]) -> Iterator[str]:
    for _, group in itertools.groupby(lines, key=_without_version):
        same = list(group)
        found = [match for line in same if (match := _VERSION_LINE.fullmatch(line))]
        if not found:
            yield same[-1]
            continue
        versions = list(dict.fromkeys(match["version"] for match in found))
        shown = versions if len(versions) <= 3 else [versions[0], "…", versions[-1]]
        yield f"{found[-1]['tree']}{found[-1]['name']} {' | '.join(shown)}, {found[-1]['rest']}"


def _without_version(line: str) -> str:
    match = _VERSION_LINE.fullmatch(line)
    text = line if match is None else f"{match['tree']}{match['name']} {match['rest']}"
    return text.replace("├", "└")
