"""Assignments: one patient at a time, ended once, corrected with history; each change leaves work for ingest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ingest import assignments, people, tenancy
from ingest.assignments import Assignment, Span
from ingest.directory import UNDATED_REACHES_BACK
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.tenancy import Scope

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def cur(database: Any, home: Any) -> Iterator[psycopg.Cursor[Any]]:
    """In a transaction of the console that works for the practice."""
    with (
        database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        yield cur


@pytest.fixture
def cuff(cur: psycopg.Cursor[Any], home: Any) -> UUID:
    """Nobody's so far."""
    return people.add_peripheral(
        cur, home.practice_id, bluetooth_address="AA:BB:CC:DD:EE:09", profile_id="standard-cuff"
    )


def assign(
    cur: psycopg.Cursor[Any],
    home: Any,
    cuff: UUID,
    from_h: int,
    until_h: int | None,
    user_slot: int | None = 1,
    patient_id: UUID | None = None,
) -> UUID:
    return assignments.assign(
        cur,
        home.practice_id,
        peripheral_id=cuff,
        user_slot=user_slot,
        patient_id=patient_id or home.patient_id,
        valid_from=AT + from_h * HOUR,
        valid_until=None if until_h is None else AT + until_h * HOUR,
        assigned_by="Casey",
        at=AT,
    )


def only(cur: psycopg.Cursor[Any], home: Any, cuff: UUID) -> Assignment:
    (found,) = assignments.of_peripheral(cur, home.practice_id, cuff)
    return found


def work(cur: psycopg.Cursor[Any], cuff: UUID) -> list[tuple[Any, ...]]:
    """Return the work that was queued, oldest first."""
    cur.execute(
        "select user_slot, from_at, nullif(until_at, 'infinity'), made_by, due_at from ingest.attribution_work"
        " where peripheral_id = %s order by queue_id",
        (cuff,),
    )
    return cur.fetchall()


@pytest.mark.parametrize(
    ("user_slot", "from_h", "until_h", "is_allowed"),
    [
        (1, 0, 10, False),
        (1, 9, 11, False),
        (1, 10, 20, True),
        (1, 10, None, True),
        (1, -5, None, False),
        (1, -5, 0, True),
        (2, 0, 10, True),
        (None, 0, 10, True),
    ],
    ids=[
        "same time", "overlaps the end", "after it", "after it, open", "around it", "before it",
        "other slot", "no slot",
    ],
)  # fmt: skip
def test_slot_belongs_to_one_patient_at_a_time(
    cur: psycopg.Cursor[Any],
    home: Any,
    cuff: UUID,
    user_slot: int | None,
    from_h: int,
    until_h: int | None,
    is_allowed: bool,
) -> None:
    assign(cur, home, cuff, 0, 10)
    if is_allowed:
        assert isinstance(assign(cur, home, cuff, from_h, until_h, user_slot), UUID)
        return
    with pytest.raises(RefusedByStoreError) as refused:
        assign(cur, home, cuff, from_h, until_h, user_slot)
    assert refused.value.reason is RefusalReason.OVERLAPPING_ASSIGNMENT


def test_patient_of_another_practice_is_refused(
    cur: psycopg.Cursor[Any], home: Any, other_home: Any, cuff: UUID
) -> None:
    with pytest.raises(RefusedByStoreError) as refused:
        assign(cur, home, cuff, 0, None, patient_id=other_home.patient_id)
    assert refused.value.reason is RefusalReason.UNKNOWN_REFERENCE


def test_no_assignment_ends_before_it_begins(
    cur: psycopg.Cursor[Any], home: Any, cuff: UUID
) -> None:
    with pytest.raises(RefusedByStoreError) as refused:
        assign(cur, home, cuff, 2, 1)
    assert refused.value.reason is RefusalReason.IMPOSSIBLE


def test_assigning_leaves_work_for_now_and_for_a_little_later(
    cur: psycopg.Cursor[Any], home: Any, cuff: UUID
) -> None:
    assign(cur, home, cuff, 0, 10)

    # Undated readings may have been measured in the span although they arrived behind it.
    span = (1, AT, AT + 10 * HOUR + UNDATED_REACHES_BACK, "Casey")
    later = AT + assignments.LOOK_AGAIN_AFTER
    assert work(cur, cuff) == [(*span, AT), (*span, later)]
    assert not assignments.is_followed(cur, home.practice_id, cuff, AT)
    assert assignments.is_followed(cur, home.practice_id, cuff, AT - HOUR)


def test_an_assignment_ends_once_and_says_who_ended_it_and_when(
    cur: psycopg.Cursor[Any], home: Any, cuff: UUID
) -> None:
    assign(cur, home, cuff, 0, None)
    given = only(cur, home, cuff)
    told = {"ended_by": "Robin", "at": AT + 9 * HOUR}

    assert given.is_open
    assert not assignments.end(cur, home.practice_id, given, valid_until=AT, **told)
    assert assignments.end(cur, home.practice_id, given, valid_until=AT + HOUR, **told)
    assert not assignments.end(cur, home.practice_id, given, valid_until=AT + 2 * HOUR, **told)

    ended = only(cur, home, cuff)
    assert (ended.valid_until, ended.ended_by, ended.ended_at) == (
        AT + HOUR, "Robin", AT + 9 * HOUR
    )  # fmt: skip
    assert (ended.is_open, ended.assigned_by, ended.assigned_at) == (False, "Casey", AT)
    assert work(cur, cuff)[2:] == [
        (1, AT + HOUR, None, "Robin", AT + 9 * HOUR),
        (1, AT + HOUR, None, "Robin", AT + 9 * HOUR + assignments.LOOK_AGAIN_AFTER),
    ]


def test_a_corrected_assignment_stays_as_history_and_its_successor_points_at_it(
    cur: psycopg.Cursor[Any], home: Any, cuff: UUID
) -> None:
    assign(cur, home, cuff, 0, 10)
    wrong = only(cur, home, cuff)
    other = people.add_patient(
        cur, home.practice_id, display_name="Ann", born_on=date(1950, 1, 1), record_number="R-2",
        time_zone="UTC",
    )  # fmt: skip
    told = {"reason": "It was Ann’s.", "corrected_by": "Robin", "at": AT + HOUR}
    instead = [Span(other, AT - 5 * HOUR, AT + 5 * HOUR)]

    added = assignments.correct(cur, home.practice_id, wrong, instead, **told)

    assert added is not None
    right, voided = assignments.of_peripheral(cur, home.practice_id, cuff)
    assert [right.assignment_id] == added
    assert (right.patient_id, right.replaces) == (other, wrong.assignment_id)
    assert (right.valid_from, right.valid_until) == (AT - 5 * HOUR, AT + 5 * HOUR)
    assert voided == replace(
        wrong, voided_at=AT + HOUR, voided_by="Robin", void_reason="It was Ann’s."
    )
    assert [row[1:3] for row in work(cur, cuff)[2:]] == [
        (AT - 5 * HOUR, AT + 10 * HOUR + UNDATED_REACHES_BACK)
    ] * 2
    assert assignments.correct(cur, home.practice_id, wrong, instead, **told) is None


def test_a_voided_assignment_stands_in_nobodys_way(
    cur: psycopg.Cursor[Any], home: Any, cuff: UUID
) -> None:
    assign(cur, home, cuff, 0, 10)
    told = {"reason": "Nobody had it.", "corrected_by": "Robin", "at": AT}

    assert assignments.correct(cur, home.practice_id, only(cur, home, cuff), [], **told) == []
    assert isinstance(assign(cur, home, cuff, 5, 6), UUID)


def test_of_two_who_correct_at_once_the_second_finds_it_done(
    database: Any, home: Any, owner: psycopg.Connection[Any]
) -> None:
    with (
        database.connect("homevitals_console", home.practice_id) as first,
        database.connect("homevitals_console", home.practice_id) as second,
    ):
        (wrong,) = assignments.of_peripheral(first.cursor(), home.practice_id, home.peripheral_id)
        first.rollback()
        told = {"reason": "r", "corrected_by": "c", "at": AT}
        assert (
            assignments.correct(first.cursor(), home.practice_id, wrong, [wrong.span], **told)
            is not None
        )
        first.commit()
        assert assignments.correct(second.cursor(), home.practice_id, wrong, [], **told) is None


@pytest.mark.parametrize(
    "statement", ["delete from ingest.assignment", "delete from ingest.attribution_work"]
)
def test_nobody_deletes_what_was_said(cur: psycopg.Cursor[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        cur.execute(statement)


def test_a_restricted_patients_peripheral_is_somebodys_and_not_said_whose(
    database: Any, home: Any, owner: psycopg.Connection[Any]
) -> None:
    with owner.transaction():
        owner.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%(practice_id)s, %(practice_id)s, 'casey', 'c', 'care_manager')",
            {"practice_id": home.practice_id},
        )
        owner.execute(
            "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
            " values (%(practice_id)s, %(patient_id)s, %(at)s, 'r', %(practice_id)s)",
            {"practice_id": home.practice_id, "patient_id": home.patient_id, "at": AT},
        )
    with database.connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((home.practice_id,), staff_id=home.practice_id))

        assert assignments.of_peripheral(cur, home.practice_id, home.peripheral_id) == []
        assert assignments.current(cur, home.practice_id, datetime.now(UTC)) == []
        (hidden,) = assignments.hidden(cur, home.practice_id)
        assert (hidden.peripheral_id, hidden.user_slot, hidden.is_open) == (
            home.peripheral_id, None, True
        )  # fmt: skip
        assert people.patient(cur, home.practice_id, home.patient_id) is None
