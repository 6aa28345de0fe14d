"""When somebody died, as exactly as that is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from ingest.errors import StandingReason, StandingRefused
from ingest.standing import NewStanding, Recorded, Standing

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 12, 17, tzinfo=UTC)  # 12:00 there


@pytest.mark.parametrize(
    ("on", "at_time", "since_at"),
    [
        (None, None, NOW),
        (date(2026, 11, 10), None, datetime(2026, 11, 11, 5, tzinfo=UTC)),  # the day's end there
        (date(2026, 11, 12), None, NOW),  # the day is not over
        (date(2026, 11, 1), None, datetime(2026, 11, 2, 5, tzinfo=UTC)),  # a day of 25 hours
        (date(2026, 11, 10), time(8, 30), datetime(2026, 11, 10, 13, 30, tzinfo=UTC)),
    ],
    ids=["unknown", "day", "today", "clocks-went-back", "to-the-minute"],
)
def test_a_death_holds_from_when_it_is_known_to_have_been(
    on: date | None, at_time: time | None, since_at: datetime
) -> None:
    new = NewStanding.death(on, at_time, ZONE, NOW)
    assert (new.standing, new.since_at, new.died_on) == (Standing.DECEASED, since_at, on)
    assert (new.died_at is None) == (at_time is None)


@pytest.mark.parametrize(
    ("on", "at_time"), [(date(2026, 11, 13), None), (date(2026, 11, 12), time(12, 1))]
)
def test_nobody_dies_in_the_future(on: date, at_time: time | None) -> None:
    with pytest.raises(StandingRefused) as refused:
        NewStanding.death(on, at_time, ZONE, NOW)
    assert refused.value.reason is StandingReason.FUTURE


def test_a_reading_behind_the_death_is_somebody_elses() -> None:
    new = NewStanding.death(date(2026, 11, 10), None, ZONE, NOW)
    line = Recorded(
        standing_id=uuid4(),
        standing=Standing.DECEASED,
        since_at=new.since_at,
        died_on=new.died_on,
        died_at=None,
        transferred_to=None,
        reason="r",
        recorded_by="c",
        recorded_at=NOW,
        withdrawn_at=None,
        withdrawn_by=None,
        withdrawn_why=None,
    )
    assert not line.is_after_death(new.since_at)  # perhaps in the last hour of the day
    assert line.is_after_death(new.since_at + timedelta(minutes=1))
