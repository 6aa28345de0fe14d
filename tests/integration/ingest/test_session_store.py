"""Sessions of staff and of people at home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ingest import people, session_store, tenancy
from ingest.people import Role, SignedInBy
from ingest.session_store import HOME_IDLE, HOME_LIFETIME, STAFF_IDLE, STAFF_LIFETIME

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TOKEN = b"\1" * 32


@pytest.fixture
def entrance(database: Any) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with the rights of the entrance, which works for nobody yet."""
    with database.connect("homevitals_entrance") as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def staff_id(owner: psycopg.Connection[Any], home: Any) -> UUID:
    with owner.cursor() as cur:
        return people.add_staff(
            cur,
            home.practice_id,
            sign_in_name="casey",
            display_name="Casey Example",
            role=Role.CARE_MANAGER,
        )


@pytest.fixture
def person_id(owner: psycopg.Connection[Any], home: Any, staff_id: UUID) -> UUID:
    with owner.cursor() as cur:
        return people.add_home_person(
            cur,
            home.practice_id,
            home.patient_id,
            role=Role.CARER,
            display_name="Toivo Example",
            added_by=staff_id,
            at=AT,
        )


def open_session(
    cur: psycopg.Cursor[Any],
    home: Any,
    token: bytes = TOKEN,
    at: datetime = AT,
    **account: UUID,
) -> list[bytes] | None:
    by = SignedInBy.PASSWORD if "staff_id" in account else SignedInBy.ONE_TIME_CODE
    opened = session_store.open_session(
        cur, home.practice_id, **account, token_sha256=token, signed_in_by=by, at=at
    )
    cur.connection.commit()
    return opened


def test_session_tells_who_it_is(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID, person_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    open_session(entrance, home, b"\2" * 32, person_id=person_id)

    staff = session_store.session(entrance, TOKEN, AT)
    assert staff is not None
    assert (staff.practice_id, staff.staff_id) == (home.practice_id, staff_id)
    assert (staff.person_id, staff.patient_id) == (None, None)
    assert (staff.role, staff.display_name) == (Role.CARE_MANAGER, "Casey Example")
    assert (staff.signed_in_by, staff.proved_at) == (SignedInBy.PASSWORD, AT)
    assert staff.session_mark == "01" * 8
    at_home = session_store.session(entrance, b"\2" * 32, AT)
    assert at_home is not None
    assert (at_home.person_id, at_home.patient_id) == (person_id, home.patient_id)
    assert (at_home.staff_id, at_home.role) == (None, Role.CARER)
    assert session_store.session(entrance, b"\3" * 32, AT) is None


@pytest.mark.parametrize(
    ("kind", "idle", "lifetime"),
    [("staff", STAFF_IDLE, STAFF_LIFETIME), ("home", HOME_IDLE, HOME_LIFETIME)],
)
def test_session_lives_on_when_used_until_it_is_too_old(
    entrance: psycopg.Cursor[Any],
    home: Any,
    staff_id: UUID,
    person_id: UUID,
    kind: str,
    idle: timedelta,
    lifetime: timedelta,
) -> None:
    account = {"staff_id": staff_id} if kind == "staff" else {"person_id": person_id}
    open_session(entrance, home, **account)
    at = AT
    while at + idle - SECOND < AT + lifetime:
        at += idle - SECOND
        assert session_store.session(entrance, TOKEN, at) is not None
    assert session_store.session(entrance, TOKEN, AT + lifetime) is None

    open_session(entrance, home, b"\2" * 32, **account)
    assert session_store.session(entrance, b"\2" * 32, AT + idle) is None
    assert session_store.session(entrance, b"\2" * 32, AT + idle - SECOND) is not None


def test_looking_at_a_session_does_not_keep_it_alive(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    almost = AT + STAFF_IDLE - SECOND
    seen = session_store.look_at_session(entrance, TOKEN, almost)
    assert seen is not None
    assert (seen.staff_id, seen.role) == (staff_id, Role.CARE_MANAGER)
    assert session_store.look_at_session(entrance, TOKEN, AT + STAFF_IDLE) is None
    assert session_store.session(entrance, TOKEN, AT + STAFF_IDLE) is None
    assert session_store.session(entrance, TOKEN, almost) == seen


def test_session_ends_with_its_account_and_follows_its_role(
    owner: psycopg.Connection[Any],
    entrance: psycopg.Cursor[Any],
    home: Any,
    staff_id: UUID,
    person_id: UUID,
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    open_session(entrance, home, b"\2" * 32, person_id=person_id)
    owner.execute("update ingest.staff set role = 'auditor', display_name = 'New Name'")
    found = session_store.session(entrance, TOKEN, AT)
    assert found is not None
    assert (found.role, found.display_name) == (Role.AUDITOR, "New Name")
    entrance.connection.commit()

    owner.execute("update ingest.staff set disabled_at = now()")
    owner.execute("update ingest.home_person set disabled_at = now()")
    assert session_store.session(entrance, TOKEN, AT) is None
    assert session_store.session(entrance, b"\2" * 32, AT) is None
    assert open_session(entrance, home, b"\4" * 32, staff_id=staff_id) is None
    assert open_session(entrance, home, b"\5" * 32, person_id=person_id) is None


def test_clock_of_a_session_never_runs_backwards_when_two_pages_race(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    session_store.session(entrance, TOKEN, AT + timedelta(minutes=10))
    session_store.session(entrance, TOKEN, AT + timedelta(minutes=9))

    assert session_store.session(entrance, TOKEN, AT + timedelta(minutes=24)) is not None


def test_sixth_session_ends_the_first_of_the_same_account_only(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID, person_id: UUID
) -> None:
    open_session(entrance, home, b"\x99" * 32, AT - SECOND, person_id=person_id)
    tokens = [bytes([number]) * 32 for number in range(6)]
    ended = [
        open_session(entrance, home, token, AT + number * SECOND, staff_id=staff_id)
        for number, token in enumerate(tokens)
    ]
    assert ended == [[]] * 5 + [[tokens[0]]]
    assert session_store.session(entrance, b"\x99" * 32, AT) is not None


def test_sign_ins_side_by_side_leave_five(
    database: Any, home: Any, staff_id: UUID, owner: psycopg.Connection[Any]
) -> None:
    def sign_in(number: int) -> None:
        with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
            open_session(cur, home, bytes([number]) * 32, AT, staff_id=staff_id)

    threads = [threading.Thread(target=sign_in, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert owner.execute("select count(*) from ingest.session").fetchone() == (5,)


def test_session_goes_on_under_a_new_token_when_its_person_proved_it(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    later = AT + timedelta(minutes=5)
    who = session_store.session(entrance, TOKEN, later)
    assert who is not None

    def prove() -> bool:
        return session_store.prove_again(
            entrance,
            who,
            token_sha256=TOKEN,
            new_token_sha256=b"\2" * 32,
            signed_in_by=SignedInBy.PASSWORD_AND_TOTP,
            at=later,
        )

    assert prove()
    assert not prove()
    assert session_store.session(entrance, TOKEN, later) is None
    found = session_store.session(entrance, b"\2" * 32, later)
    assert found is not None
    assert (found.signed_in_by, found.proved_at) == (SignedInBy.PASSWORD_AND_TOTP, later)
    # Its age stays.
    assert session_store.session(entrance, b"\2" * 32, AT + STAFF_LIFETIME) is None


def test_all_sessions_of_an_account_end_but_the_one_at_hand(
    database: Any, entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID, person_id: UUID
) -> None:
    for number in (1, 2, 3):
        open_session(entrance, home, bytes([number]) * 32, staff_id=staff_id)
    open_session(entrance, home, b"\x99" * 32, person_id=person_id)
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        ended = session_store.end_sessions(
            cur, home.practice_id, staff_id=staff_id, kept_sha256=b"\2" * 32
        )
    assert sorted(ended) == [b"\1" * 32, b"\3" * 32]
    assert session_store.session(entrance, b"\2" * 32, AT) is not None
    assert session_store.session(entrance, b"\x99" * 32, AT) is not None


def test_closed_session_is_gone_and_may_be_closed_again(
    entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    session_store.close_session(entrance, TOKEN)
    session_store.close_session(entrance, TOKEN)
    assert session_store.session(entrance, TOKEN, AT) is None


def test_ended_sessions_are_deleted_when_the_clock_says_so(
    database: Any, entrance: psycopg.Cursor[Any], home: Any, staff_id: UUID, person_id: UUID
) -> None:
    open_session(entrance, home, staff_id=staff_id)
    open_session(entrance, home, b"\2" * 32, person_id=person_id)
    with database.connect("homevitals_scheduler") as connection, connection.cursor() as scheduler:
        deleted = [
            session_store.delete_ended_sessions(scheduler, AT + idle)
            for idle in (STAFF_IDLE - SECOND, STAFF_IDLE, HOME_IDLE - SECOND, HOME_IDLE)
        ]
    assert deleted == [0, 1, 0, 1]
