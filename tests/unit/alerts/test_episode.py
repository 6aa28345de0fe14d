"""What an episode's history says of the readings that breached."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from alerts.breaches import Breach
from alerts.episode import EpisodeEvent, EpisodeEventKind, breaches
from alerts.measures import Severity

FIRST, SECOND = uuid4(), uuid4()


def test_withdrawn_readings_stay_and_say_why(noon: datetime) -> None:
    def event(kind: EpisodeEventKind, reading_id: UUID | None, note: str) -> EpisodeEvent:
        measured_at = None if reading_id is None else noon
        return EpisodeEvent(
            at=noon, event=kind, reading_id=reading_id, measured_at=measured_at, note=note
        )

    found = breaches(
        [
            event(EpisodeEventKind.OPENED, FIRST, "184"),
            event(EpisodeEventKind.BREACHED_AGAIN, SECOND, "186"),
            event(EpisodeEventKind.READING_WITHDRAWN, FIRST, "Not the patient’s."),
            event(EpisodeEventKind.CLOSED, None, "Called."),
        ]
    )

    assert [(one.reading_id, one.sentence, one.withdrawn) for one in found] == [
        (FIRST, "184", "Not the patient’s."),
        (SECOND, "186", ""),
    ]


@pytest.mark.parametrize(
    ("withdrawn_h", "closed_h", "is_dealt_with"),
    [
        (None, None, True),
        (None, 1, True),
        (1, None, True),
        (2, 1, True),
        (1, 2, False),
        (1, 1, False),
    ],
    ids=[
        "counts",
        "closed with it",
        "withdrawn, open",
        "closed, then withdrawn",
        "withdrawn, then closed",
        "at the same instant",
    ],
)
def test_a_reading_is_dealt_with_where_whoever_closes_the_episode_has_it_before_them(
    noon: datetime, withdrawn_h: int | None, closed_h: int | None, is_dealt_with: bool
) -> None:
    def at(hour: int | None) -> datetime | None:
        return None if hour is None else noon + timedelta(hours=hour)

    breach = Breach(
        reading_id=FIRST,
        family="systolic-high",
        patient_id=SECOND,
        measured_at=noon,
        rule_id=SECOND,
        rule_version=1,
        severity=Severity.URGENT,
        is_late=False,
        episode_id=SECOND,
        silence=None,
        withdrawn_at=at(withdrawn_h),
    )

    assert breach.is_before_whoever_closes(at(closed_h)) is is_dealt_with
