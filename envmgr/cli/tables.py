"""Text for people: aligned columns, sizes and times."""

from __future__ import annotations

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, indent: str = "", gap: str = "  ") -> str:
    """Return the rows as left-aligned columns, one line a row, without trailing blanks."""
    if not rows:
        return ""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        indent + gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def size(count: int) -> str:
    """Return a number of bytes in the unit that people read, as `12.3 MB` (powers of 1000)."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plural(count: int, noun: str) -> str:
    """Return `1 package`, `2 packages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
