from __future__ import annotations

from envmgr.solve.wording import shortened


def test_lines_that_say_the_same_are_one() -> None:
    words = [
        "├─ numpy >=2 cannot be installed because there are no viable options:",
        *(f"│  ├─ numpy 2.{n}.0, which conflicts with the versions reported above." for n in (5, 5, 4, 3, 2)),
        "│  └─ numpy 2.0.0, which conflicts with the versions reported above.",
        *["├─ the constraint x 1.* cannot be fulfilled"] * 5,
        "└─ the constraint x 1.* cannot be fulfilled",
    ]
    assert shortened("\n".join(words)).splitlines() == [
        "├─ numpy >=2 cannot be installed because there are no viable options:",
        "│  └─ numpy 2.5.0 | … | 2.0.0, which conflicts with the versions reported above.",
        "└─ the constraint x 1.* cannot be fulfilled",
    ]


def test_what_is_left_out_is_said() -> None:
    lines = shortened("\n".join(f"line {n}" for n in range(30))).splitlines()
    assert (lines[0], lines[24], lines[25:]) == ("line 0", "line 24", ["… and 5 more lines of that kind"])
