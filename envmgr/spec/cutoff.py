"""A moment after which nothing counts, as `--exclude-newer` and channels.yaml write it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from envmgr.errors import UsageError

# And by ISO 8601, as uv has them
_DURATION = re.compile(r"(?:PT?)?(\d+)\s*(d|day|days|w|week|weeks|h|hour|hours)", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")


def cutoff(text: str | None, *, now: datetime | None = None) -> datetime | None:
    """Return the moment that `--exclude-newer` names: a date (its end, UTC), a time, or `14d`, `2w`, `12h` before now.

    Raises UsageError for anything else.
    """
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    try:
        if match:
            hours = {"h": 1, "d": 24, "w": 168}[match[2][0].lower()] * int(match[1])
            return (now or datetime.now(timezone.utc)) - timedelta(hours=hours)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.fromisoformat(text).replace(tzinfo=timezone.utc) + timedelta(days=1, seconds=-1)
        if not _TIME.match(text):  # newer Pythons read weeks and dates without dashes, of which the hour is 0
            raise ValueError(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment.astimezone(timezone.utc)  # which the first and the last day of the calendar may have none in
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--exclude-newer `{text}`: expected a date (2026-01-31), a time (2026-01-31T12:00:00Z) or a duration (14d)"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def is_duration(text: str | None) -> bool:
    """Whether `--exclude-newer` names a moment that moves with the clock."""
    return text is not None and _DURATION.fullmatch(text.strip()) is not None
