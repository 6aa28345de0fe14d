from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from alerts.courses import Courses
from alerts.measures import Measure
from ccm_link.plan import care_gap_facts, care_gaps
from ccm_link.plan.care_gaps import CareFacts, GapKind, Trend
from ccm_link.plan.care_plan import Head
from ccm_link.plan.medication import LastReview

NOW = datetime(2026, 11, 12, 15, tzinfo=UTC)
ID = uuid4()
SINCE = NOW - timedelta(days=90)
HEAD = Head(
    patient_id=ID,
    plan_id=uuid4(),
    version=2,
    signed_at=NOW - timedelta(days=60),
    signed_by_id=uuid4(),
    signed_by="Dana",
    review_months=6,
    medication_months=12,
    time_zone="America/New_York",
    reviewed_at=None,
    shared_at=NOW - timedelta(days=59),
)
REVIEWED = LastReview(
    patient_id=ID, time_zone="America/New_York", reconciled_at=SINCE, discharged_at=None
)
WELL = CareFacts(
    patient_id=ID,
    display_name="Amalia",
    record_number="1",
    time_zone="America/New_York",
    device_since=SINCE,
    in_care_since=SINCE,
    lacks_consent=False,
    measured_at=NOW - timedelta(days=1),
    contact_at=NOW - timedelta(days=20),
    head=HEAD,
    reviewed=REVIEWED,
)


def test_who_lacks_nothing_is_not_listed() -> None:
    assert care_gaps.gaps([WELL], NOW) == []


@pytest.mark.parametrize(
    ("lacking", "kind", "numbers"),
    [
        (
            {"trends": (Trend(Measure.SYSTOLIC_MMHG, 6.25, 28),)},
            GapKind.RISING_TREND,
            "Systolic pressure by 6.2 mmHg a week over 28 days.",
        ),
        (
            {"measured_at": NOW - timedelta(days=7, seconds=1)},
            GapKind.NO_READINGS,
            "The last one is of 5 Nov 2026, 7 days ago.",
        ),
        ({"measured_at": None}, GapKind.NO_READINGS, "None in the last 90 days."),
        ({"lacks_consent": True}, GapKind.CONSENT_MISSING, "No consent is in force."),
        ({"head": None}, GapKind.NO_PLAN, "None was ever signed."),
        (
            {"head": replace(HEAD, signed_at=datetime(2026, 5, 11, 3, tzinfo=UTC))},
            GapKind.PLAN_REVIEW_OVERDUE,
            "Version 2: due on 10 Nov 2026, 2 days overdue.",
        ),
        (
            {"head": replace(HEAD, shared_at=None)},
            GapKind.PLAN_NOT_SHARED,
            "Version 2 was signed 60 days ago.",
        ),
        (
            {"reviewed": replace(REVIEWED, discharged_at=NOW - timedelta(days=31))},
            GapKind.MEDICATION_REVIEW_OVERDUE,
            "Last one in time no more: due on 11 Nov 2026, 1 day overdue.",
        ),
        (
            {"contact_at": NOW - timedelta(days=32)},
            GapKind.NO_CONTACT,
            "Last spoken with 32 days ago.",
        ),
        (
            {"contact_at": None},
            GapKind.NO_CONTACT,
            "None is recorded in the last 90 days.",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_gap_tells_its_numbers_and_what_to_do(
    lacking: dict[str, Any], kind: GapKind, numbers: str
) -> None:
    (found,) = care_gaps.gaps([replace(WELL, **lacking)], NOW)
    (gap,) = found.gaps
    assert (gap.kind, gap.numbers) == (kind, numbers)
    assert kind.to_do.endswith(".")


def test_what_is_just_in_time_is_no_gap() -> None:
    just = replace(
        WELL,
        measured_at=NOW - timedelta(days=7),
        contact_at=NOW - timedelta(days=31),
        head=replace(HEAD, signed_at=datetime(2026, 5, 12, 15, tzinfo=UTC)),
        reviewed=replace(REVIEWED, discharged_at=NOW - timedelta(days=30)),
    )
    assert care_gaps.gaps_of(just, NOW) == ()


def test_who_has_no_device_is_not_missed_for_readings_and_the_most_pressing_come_first() -> None:
    no_device = replace(WELL, device_since=None, measured_at=None, head=None)
    rising = replace(WELL, trends=(Trend(Measure.GLUCOSE_MG_DL, 12, 28),), contact_at=None)
    found = care_gaps.gaps([no_device, WELL, rising], NOW)
    assert [[gap.kind for gap in one.gaps] for one in found] == [
        [GapKind.RISING_TREND, GapKind.NO_CONTACT],
        [GapKind.NO_PLAN],
    ]


def test_a_trend_is_told_of_those_alone_whose_last_days_rise() -> None:
    day = np.arange(27)
    numbers = np.concatenate([130 + day, 130 + (day % 3), 160 - day]).astype(float)
    courses = Courses(
        patient=np.repeat(np.arange(3), len(day)),
        at_s=np.tile(day * 86_400, 3),
        local_day=np.tile(day, 3),
        numbers={Measure.SYSTOLIC_MMHG: numbers},
        flags={},
        until_s=10**9,
    )
    ((number, per_week),) = care_gap_facts.rises(care_gaps.TRENDS[0], courses)
    assert (number, round(per_week, 6)) == (0, 7.0)
