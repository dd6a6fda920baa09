from __future__ import annotations

import pytest

from envmgr.cli.tables import columns, plural, size


def test_columns_align_and_leave_no_trailing_blanks() -> None:
    assert columns([("a", "bb", ""), ("aaa", "b", "c")], indent="  ") == "  a    bb\n  aaa  b   c"
    assert columns([]) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (12_345_678, "12.3 MB"),
        (5 * 10**9, "5.0 GB"),
        (3 * 10**12, "3.0 TB"),
    ],
)
def test_sizes_are_in_the_unit_that_people_read(count: int, text: str) -> None:
    assert size(count) == text


def test_plural() -> None:
    assert (plural(1, "package"), plural(0, "package")) == ("1 package", "0 packages")
