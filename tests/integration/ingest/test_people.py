from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import people
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.people import SESSION_IDLE, SESSION_LIFETIME, Role

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TOKEN = b"\1" * 32


@pytest.fixture
def cur(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    with owner.cursor() as cursor:
        yield cursor


@pytest.fixture
def console(database: Any) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with the rights of the console, which is who signs people in."""
    with database.connect("homevitals_console") as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def staff_id(cur: psycopg.Cursor[Any], home: Any) -> UUID:
    return people.add_staff(
        cur,
        home.practice_id,
        sign_in_name="casey",
        display_name="Casey Example",
        role=Role.CARE_MANAGER,
        password_argon2="$argon2id$…",
    )


def open_session(console: psycopg.Cursor[Any], at: datetime = AT) -> None:
    staff = people.find_staff(console, "casey")
    assert staff is not None
    people.open_session(console, staff, TOKEN, at)
    console.connection.commit()


def test_people_are_found_when_the_practice_is_theirs(
    home: Any, other_home: Any, console: psycopg.Cursor[Any]
) -> None:
    (patient,) = people.patients(console, home.practice_id)

    assert patient.patient_id == home.patient_id
    assert (patient.display_name, patient.born_on) == ("Pat Example", date(1950, 1, 2))
    assert people.patient(console, home.practice_id, home.patient_id) == patient
    assert people.patient(console, other_home.practice_id, home.patient_id) is None
    assert people.patient(console, home.practice_id, uuid4()) is None


def test_practices_are_listed_by_name(
    cur: psycopg.Cursor[Any], home: Any, console: psycopg.Cursor[Any]
) -> None:
    practice_id = people.add_practice(cur, name="Ash Lane", time_zone="UTC")

    assert [practice.name for practice in people.practices(console)] == ["Ash Lane", "Elm Street"]
    practice = people.practice(console, practice_id)
    assert practice is not None
    assert practice.time_zone == "UTC"
    assert people.practice(console, uuid4()) is None


def test_staff_is_found_by_exact_name_until_the_account_is_disabled(
    cur: psycopg.Cursor[Any], staff_id: UUID, console: psycopg.Cursor[Any]
) -> None:
    found = people.find_staff(console, "casey")

    assert found is not None
    assert (found.staff_id, found.role) == (staff_id, Role.CARE_MANAGER)
    assert people.find_staff(console, "Casey") is None
    cur.execute("update ingest.staff set disabled_at = now()")
    console.connection.rollback()
    assert people.find_staff(console, "casey") is None


def test_session_tells_who_it_is_and_lives_on_when_used(
    staff_id: UUID, console: psycopg.Cursor[Any]
) -> None:
    open_session(console)
    at = AT
    # used every quarter of an hour, it lives until it is too old
    while at + SESSION_IDLE - SECOND < AT + SESSION_LIFETIME:
        at += SESSION_IDLE - SECOND
        signed_in = people.session(console, TOKEN, at)
        assert signed_in is not None
        assert (signed_in.staff_id, signed_in.role) == (staff_id, Role.CARE_MANAGER)

    assert people.session(console, TOKEN, AT + SESSION_LIFETIME) is None


def test_session_ends_when_it_was_idle(staff_id: UUID, console: psycopg.Cursor[Any]) -> None:
    open_session(console)

    assert people.session(console, TOKEN, AT + SESSION_IDLE) is None
    assert people.session(console, TOKEN, AT + SESSION_IDLE - SECOND) is not None


def test_session_ends_when_the_account_is_disabled_or_signs_out(
    cur: psycopg.Cursor[Any], staff_id: UUID, console: psycopg.Cursor[Any]
) -> None:
    open_session(console)
    assert people.session(console, b"\2" * 32, AT) is None
    assert people.session(console, TOKEN, AT) is not None
    console.connection.commit()

    cur.execute("update ingest.staff set disabled_at = now()")
    assert people.session(console, TOKEN, AT) is None
    cur.execute("update ingest.staff set disabled_at = null")
    console.connection.rollback()
    people.close_session(console, TOKEN)
    people.close_session(console, TOKEN)
    assert people.session(console, TOKEN, AT) is None


def test_clock_of_a_session_never_runs_backwards_when_two_pages_race(
    staff_id: UUID, console: psycopg.Cursor[Any]
) -> None:
    open_session(console)
    people.session(console, TOKEN, AT + timedelta(minutes=10))
    people.session(console, TOKEN, AT + timedelta(minutes=9))

    assert people.session(console, TOKEN, AT + timedelta(minutes=24)) is not None


def test_ended_sessions_are_deleted_when_the_clock_says_so(
    staff_id: UUID, console: psycopg.Cursor[Any], database: Any
) -> None:
    open_session(console)

    with database.connect("homevitals_scheduler") as connection, connection.cursor() as scheduler:
        assert people.delete_ended_sessions(scheduler, AT + SESSION_IDLE - SECOND) == 0
        assert people.delete_ended_sessions(scheduler, AT + SESSION_IDLE) == 1


def test_row_is_refused_in_our_words_when_it_contradicts_another(
    cur: psycopg.Cursor[Any], home: Any, other_home: Any, staff_id: UUID
) -> None:
    def refused(reason: RefusalReason) -> Any:
        return pytest.raises(RefusedByStoreError, check=lambda error: error.reason is reason)

    patient = {"display_name": "Secret", "born_on": date(1950, 1, 2), "time_zone": "UTC"}
    with refused(RefusalReason.ALREADY_THERE) as found:
        people.add_patient(cur, home.practice_id, record_number="R-1", **patient)
    assert "Secret" not in str(found.value)
    with refused(RefusalReason.ALREADY_THERE):
        people.add_gateway(cur, other_home.practice_id, gateway_id=home.gateway_id, label="x")
    with refused(RefusalReason.ALREADY_THERE):
        people.add_staff(
            cur, other_home.practice_id, sign_in_name="casey", display_name="Other",
            role=Role.AUDITOR, password_argon2="x",
        )  # fmt: skip
    with refused(RefusalReason.IMPOSSIBLE):
        people.add_gateway(cur, home.practice_id, gateway_id="gw/+", label="x")
    with refused(RefusalReason.IMPOSSIBLE):
        people.add_peripheral(
            cur, home.practice_id, bluetooth_address="aa:bb", profile_id="standard-cuff"
        )
    with refused(RefusalReason.UNKNOWN_REFERENCE):
        people.add_patient(cur, uuid4(), record_number="R-2", **patient)


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
    user_slot: int | None,
    from_h: int,
    until_h: int | None,
    is_allowed: bool,
) -> None:
    peripheral_id = people.add_peripheral(
        cur, home.practice_id, bluetooth_address="AA:BB:CC:DD:EE:09", profile_id="standard-cuff"
    )

    def assign(user_slot: int | None, from_h: int, until_h: int | None) -> UUID:
        return people.assign(
            cur,
            home.practice_id,
            peripheral_id=peripheral_id,
            user_slot=user_slot,
            patient_id=home.patient_id,
            valid_from=AT + timedelta(hours=from_h),
            valid_until=None if until_h is None else AT + timedelta(hours=until_h),
            assigned_by="test",
        )

    assign(1, 0, 10)
    if is_allowed:
        assert isinstance(assign(user_slot, from_h, until_h), UUID)
        return
    with pytest.raises(RefusedByStoreError) as refused:
        assign(user_slot, from_h, until_h)
    assert refused.value.reason is RefusalReason.OVERLAPPING_ASSIGNMENT


def test_patient_of_another_practice_is_refused_when_assigning(
    cur: psycopg.Cursor[Any], home: Any, other_home: Any
) -> None:
    with pytest.raises(RefusedByStoreError) as refused:
        people.assign(
            cur,
            home.practice_id,
            peripheral_id=home.peripheral_id,
            user_slot=1,
            patient_id=other_home.patient_id,
            valid_from=AT,
            assigned_by="test",
        )

    assert refused.value.reason is RefusalReason.UNKNOWN_REFERENCE
