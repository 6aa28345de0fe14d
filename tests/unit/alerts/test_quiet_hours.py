"""When the quiet of a practice is over, by its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts.quiet_hours import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = QuietHours(time(18), time(8))
NIGHTS_AND_WEEKENDS = QuietHours(time(18), time(8), ("sat", "sun"))


@pytest.mark.parametrize(
    ("hours", "at", "ends_at"),
    [
        (NIGHTS, "2026-11-04 12:00", None),
        (NIGHTS, "2026-11-04 08:00", None),  # the first minute of the day's work
        (NIGHTS, "2026-11-04 07:59", "2026-11-04 08:00"),
        (NIGHTS, "2026-11-04 18:00", "2026-11-05 08:00"),
        (NIGHTS_AND_WEEKENDS, "2026-11-06 17:59", None),
        (NIGHTS_AND_WEEKENDS, "2026-11-06 18:00", "2026-11-09 08:00"),  # a Friday evening
        (NIGHTS_AND_WEEKENDS, "2026-11-08 12:00", "2026-11-09 08:00"),
        (QuietHours(time(12), time(13)), "2026-11-04 12:30", "2026-11-04 13:00"),
        (QuietHours(time(0), time(0), ("wed",)), "2026-11-04 23:59", "2026-11-05 00:00"),
        (QuietHours(time(0), time(0)), "2026-11-04 12:00", None),
        # Six quiet days in a row, and the night after them.
        (
            QuietHours(time(18), time(8), ("mon", "tue", "wed", "thu", "fri", "sat")),
            "2026-11-01 20:00",
            "2026-11-08 08:00",
        ),
        (NIGHTS, "2026-03-28 20:00", "2026-03-29 08:00"),  # clocks go forward in this night
        (NIGHTS, "2026-10-24 20:00", "2026-10-25 08:00"),  # and back in this one
    ],
)
def test_quiet_ends_by_the_practices_clocks(
    hours: QuietHours, at: str, ends_at: str | None
) -> None:
    found = hours.ends_at(datetime.fromisoformat(at).replace(tzinfo=BERLIN).astimezone(UTC), BERLIN)
    assert (found and f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}") == ends_at
