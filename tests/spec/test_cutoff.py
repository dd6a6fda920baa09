from __future__ import annotations

from datetime import datetime, timezone

import pytest

from envmgr.errors import UsageError
from envmgr.spec.cutoff import cutoff

NOW = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", "2026-01-31T23:59:59+00:00"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00+02:00"),
        ("14d", "2026-01-01T12:00:00+00:00"),
        ("2 weeks", "2026-01-01T12:00:00+00:00"),
        ("PT12H", "2026-01-15T00:00:00+00:00"),
        ("P14D", "2026-01-01T12:00:00+00:00"),
        ("0d", "2026-01-15T12:00:00+00:00"),
    ],
)
def test_date_is_its_end_and_a_duration_is_before_now(text: str, moment: str) -> None:
    found = cutoff(text, now=NOW)
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14",
        "-3d",
        "99999999d",
        "1y",
        "yesterday",
        "2025-13-01",
        "1700000000",
        "20260131",
        "2026-W05",
        "9999-12-31T23:00:00-12:00",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a date"):
        cutoff(text, now=NOW)
