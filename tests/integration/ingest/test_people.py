from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import people
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.people import Role

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def cur(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    with owner.cursor() as cursor:
        yield cursor


@pytest.fixture
def console(database: Any, home: Any) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with the rights of the console, which works for the practice at home."""
    with (
        database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cursor,
    ):
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


def test_people_are_found_when_the_practice_is_theirs(
    home: Any, other_home: Any, console: psycopg.Cursor[Any]
) -> None:
    (patient,) = people.patients(console, home.practice_id)

    assert patient.patient_id == home.patient_id
    assert (patient.display_name, patient.born_on) == ("Pat Example", date(1950, 1, 2))
    assert people.patient(console, home.practice_id, home.patient_id) == patient
    assert people.patient(console, other_home.practice_id, home.patient_id) is None
    assert people.patient(console, home.practice_id, uuid4()) is None


def test_practices_are_listed_by_name_at_the_entrance_alone(
    cur: psycopg.Cursor[Any], home: Any, console: psycopg.Cursor[Any], database: Any
) -> None:
    with cur.connection.transaction():
        practice_id = people.add_practice(cur, slug="ash", name="Ash Lane", time_zone="UTC")

    with database.connect("homevitals_entrance") as connection, connection.cursor() as entrance:
        found = people.practices(entrance)
        assert [practice.name for practice in found] == ["Ash Lane", "Elm Street"]
        practice = people.practice_by_slug(entrance, "ash")
        assert practice is not None
        assert (practice.practice_id, practice.time_zone) == (practice_id, "UTC")
        assert people.practice_by_slug(entrance, "nowhere") is None
    assert [practice.practice_id for practice in people.practices(console)] == [home.practice_id]
    assert people.practice(console, practice_id) is None


def test_owner_adds_a_practice_behind_its_own_walls(database: Any) -> None:
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        practice_id = people.add_practice(cur, slug="ash", name="Ash Lane", time_zone="UTC")
        staff_id = people.add_staff(
            cur, practice_id, sign_in_name="ada", display_name="Ada", role=Role.AUDITOR
        )
        (member,) = people.staff(cur, practice_id)
    assert (member.staff_id, member.role, member.disabled_at) == (staff_id, Role.AUDITOR, None)
    assert (member.has_password, member.has_second_factor, member.is_linked) == (False,) * 3


def test_role_is_changed_and_account_closed_once(
    console: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    change = {"former_role": Role.CARE_MANAGER, "role": Role.CLINICIAN}
    assert people.change_role(console, home.practice_id, staff_id, **change)
    assert not people.change_role(console, home.practice_id, staff_id, **change)
    assert people.disable_staff(console, home.practice_id, staff_id, AT)
    assert not people.disable_staff(console, home.practice_id, staff_id, AT)
    (member,) = people.staff(console, home.practice_id)
    assert (member.role, member.disabled_at) == (Role.CLINICIAN, AT)
    assert not people.change_role(
        console, home.practice_id, staff_id, former_role=Role.CLINICIAN, role=Role.AUDITOR
    )


def test_patient_has_one_account_and_any_number_of_carers(
    console: psycopg.Cursor[Any], home: Any, staff_id: UUID
) -> None:
    def add(role: Role) -> UUID:
        return people.add_home_person(
            console,
            home.practice_id,
            home.patient_id,
            role=role,
            display_name="Pat",
            added_by=staff_id,
            at=AT,
        )

    first = add(Role.PATIENT)
    add(Role.CARER)
    add(Role.CARER)
    with pytest.raises(RefusedByStoreError), console.connection.transaction():
        add(Role.PATIENT)
    assert people.disable_home_person(console, home.practice_id, first, AT)
    assert not people.disable_home_person(console, home.practice_id, first, AT)
    second = add(Role.PATIENT)
    found = people.home_people(console, home.practice_id, home.patient_id)
    assert [one.role for one in found].count(Role.PATIENT) == 2
    assert people.home_person(console, home.practice_id, second) in found


@pytest.mark.parametrize("role", sorted(people.STAFF_ROLES))
def test_staff_do_not_sign_in_as_people_at_home(
    console: psycopg.Cursor[Any], home: Any, staff_id: UUID, role: Role
) -> None:
    with pytest.raises(RefusedByStoreError) as refused:
        people.add_home_person(
            console,
            home.practice_id,
            home.patient_id,
            role=role,
            display_name="Pat",
            added_by=staff_id,
            at=AT,
        )
    assert refused.value.reason is RefusalReason.IMPOSSIBLE


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
        people.add_staff(
            cur, home.practice_id, sign_in_name="casey", display_name="Other", role=Role.AUDITOR
        )
    with refused(RefusalReason.IMPOSSIBLE):
        people.add_peripheral(
            cur, home.practice_id, bluetooth_address="aa:bb", profile_id="standard-cuff"
        )
    with refused(RefusalReason.UNKNOWN_REFERENCE):
        people.add_patient(cur, uuid4(), record_number="R-2", **patient)
