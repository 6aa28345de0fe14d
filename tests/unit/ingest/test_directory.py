from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ingest.directory import Assignment, Peripheral

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ANN, BOB = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("user_slot", "at", "patient_id"),
    [
        (1, NOON, ANN),
        (1, NOON - MOMENT, None),
        (1, NOON + timedelta(hours=1) - MOMENT, ANN),
        (1, NOON + timedelta(hours=1), BOB),
        (1, NOON + timedelta(days=3000), BOB),
        (2, NOON, BOB),
        (3, NOON, None),
        (None, NOON, None),
    ],
    ids=[
        "first instant",
        "just before",
        "last instant",
        "handed over",
        "open end",
        "other slot",
        "slot of nobody",
        "no slot is not slot 1",
    ],
)
def test_patient_is_the_one_whose_assignment_was_valid_when_measured(
    user_slot: int | None, at: datetime, patient_id: UUID | None
) -> None:
    cuff = Peripheral(
        UUID(int=3),
        (
            Assignment(1, ANN, NOON, NOON + timedelta(hours=1), "UTC"),
            Assignment(1, BOB, NOON + timedelta(hours=1), None, "UTC"),
            Assignment(2, BOB, NOON, NOON + MOMENT, "UTC"),
        ),
    )

    assert getattr(cuff.assignment_at(user_slot, at), "patient_id", None) == patient_id


def test_patient_is_found_when_the_peripheral_does_not_tell_users_apart() -> None:
    cuff = Peripheral(UUID(int=3), (Assignment(None, ANN, NOON, None, "UTC"),))

    assert getattr(cuff.assignment_at(None, NOON), "patient_id", None) == ANN
    assert cuff.assignment_at(1, NOON) is None
