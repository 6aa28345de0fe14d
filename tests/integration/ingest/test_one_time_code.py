from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ingest import errors, one_time_code, tenancy
from ingest.one_time_code import LIFETIME, MOST_WRONG_TRIES, Purpose, Redeemed

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
CLAIM = Purpose.CLAIM_GATEWAY
PRACTICE, OTHER_PRACTICE = UUID(int=1), UUID(int=2)
GATEWAY, SPARE_GATEWAY, OTHER_GATEWAY = "gw-aaaa1111", "gw-aaaa2222", "gw-bbbb3333"
STAFF, PERSON, PATIENT = UUID(int=3), UUID(int=4), UUID(int=5)

Redeem = Callable[..., Redeemed | None]


@pytest.fixture
def everybody(database: Any) -> None:
    """Two practices, each with a gateway; the first one with a member of staff and a person at home."""
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone)"
            " values (%s, 'elm', 'n', 'UTC'), (%s, 'oak', 'n', 'UTC')",
            (PRACTICE, OTHER_PRACTICE),
        )
        for practice_id, gateway_id in (
            (PRACTICE, GATEWAY),
            (PRACTICE, SPARE_GATEWAY),
            (OTHER_PRACTICE, OTHER_GATEWAY),
        ):
            connection.execute(
                "insert into ingest.gateway (practice_id, gateway_id, label, status) values (%s, %s, 'l', 'expected')",
                (practice_id, gateway_id),
            )
        connection.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%s, %s, 'casey', 'Casey', 'care_manager')",
            (PRACTICE, STAFF),
        )
        connection.execute(
            "insert into ingest.patient (practice_id, patient_id, display_name, born_on, record_number, time_zone)"
            " values (%s, %s, 'd', '1950-01-02', 'r', 'UTC')",
            (PRACTICE, PATIENT),
        )
        connection.execute(
            "insert into ingest.home_person"
            " (practice_id, person_id, patient_id, role, display_name, added_by, added_at)"
            " values (%s, %s, %s, 'patient', 'd', %s, %s)",
            (PRACTICE, PERSON, PATIENT, STAFF, AT),
        )


@pytest.fixture
def console(database: Any, everybody: None) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("homevitals_console") as connection:
        yield connection


@pytest.fixture
def redeem(database: Any, everybody: None) -> Iterator[Redeem]:
    """Redeem in a transaction of the entrance's and commit, as its callers do."""
    with database.connect("homevitals_entrance") as connection:

        def try_it(typed: str, at: datetime = AT, purpose: Purpose = CLAIM) -> Redeemed | None:
            with connection.transaction(), connection.cursor() as cur:
                return one_time_code.redeem(cur, purpose, typed, at)

        yield try_it


def issue(
    console: psycopg.Connection[Any],
    subject: str | UUID = GATEWAY,
    purpose: Purpose = CLAIM,
    practice_id: UUID = PRACTICE,
    at: datetime = AT,
) -> str:
    with tenancy.transaction(console, practice_id) as cur:
        created_by = STAFF if practice_id == PRACTICE else None
        return one_time_code.issue(cur, practice_id, purpose, subject, created_by=created_by, at=at)


def with_another_secret(code: str) -> str:
    return code[:-1] + ("2" if code[-1] != "2" else "3")


@pytest.mark.parametrize(
    ("purpose", "subject", "groups"),
    [
        (Purpose.CLAIM_GATEWAY, GATEWAY, 5),
        (Purpose.INVITE_STAFF, STAFF, 5),
        (Purpose.HOME_SIGN_IN, PERSON, 3),
    ],
    ids=str,
)
def test_code_names_its_subject_once(
    console: psycopg.Connection[Any],
    redeem: Redeem,
    purpose: Purpose,
    subject: str | UUID,
    groups: int,
) -> None:
    code = issue(console, subject, purpose)

    assert [len(group) for group in code.split("-")] == [4] * groups
    redeemed = redeem(code.lower().replace("-", " "), purpose=purpose)
    assert redeemed is not None
    assert (redeemed.practice_id, redeemed.subject) == (PRACTICE, subject)
    assert redeem(code, purpose=purpose) is None


def test_only_a_hash_of_the_secret_is_stored(
    console: psycopg.Connection[Any], database: Any
) -> None:
    code = issue(console)

    with database.connect("postgres") as connection:
        (row,) = connection.execute("select one_time_code::text from ingest.one_time_code")
    letters = code.replace("-", "")
    assert letters[:4] in row[0]
    assert not any(part in row[0] for part in (code, letters, letters[4:], code[5:]))
    assert "$argon2id$" in row[0]


def test_code_ends_with_its_lifetime(console: psycopg.Connection[Any], redeem: Redeem) -> None:
    code = issue(console)

    assert redeem(code, AT + LIFETIME[CLAIM]) is None
    assert redeem(code, AT + LIFETIME[CLAIM] - timedelta(microseconds=1)) is not None


@pytest.mark.parametrize("wrong_tries", [MOST_WRONG_TRIES - 1, MOST_WRONG_TRIES])
def test_five_wrong_secrets_void_a_code(
    console: psycopg.Connection[Any], redeem: Redeem, wrong_tries: int
) -> None:
    code = issue(console)

    for _ in range(wrong_tries):
        assert redeem(with_another_secret(code)) is None
    assert (redeem(code) is not None) == (wrong_tries < MOST_WRONG_TRIES)


@pytest.mark.parametrize(
    "typed",
    ["", "0000-0000-0000-0000-0000", "no code at all", "0" * 20_000],
    ids=["nothing", "unknown locator", "words", "very long"],
)
def test_what_finds_no_code_counts_against_none(
    console: psycopg.Connection[Any], redeem: Redeem, typed: str
) -> None:
    code = issue(console)

    for _ in range(MOST_WRONG_TRIES):
        assert redeem(typed) is None
    assert redeem(code) is not None


def test_code_is_good_for_its_purpose_alone(
    console: psycopg.Connection[Any], redeem: Redeem
) -> None:
    code = issue(console, STAFF, Purpose.INVITE_STAFF)

    assert redeem(code, purpose=CLAIM) is None
    assert redeem(code, purpose=Purpose.INVITE_STAFF) is not None


def test_new_code_voids_the_former_of_the_same_subject_only(
    console: psycopg.Connection[Any], redeem: Redeem
) -> None:
    former = issue(console)
    others = issue(console, OTHER_GATEWAY, practice_id=OTHER_PRACTICE)
    invitation = issue(console, STAFF, Purpose.INVITE_STAFF)
    latest = issue(console)

    assert redeem(former) is None
    assert redeem(latest) is not None
    assert redeem(others) is not None
    assert redeem(invitation, purpose=Purpose.INVITE_STAFF) is not None


def test_used_code_stays_used_when_a_new_one_is_issued(
    console: psycopg.Connection[Any], redeem: Redeem, database: Any
) -> None:
    code = issue(console)
    redeem(code)
    issue(console)

    with database.connect("postgres") as connection:
        ends = connection.execute(
            "select used_at is not null, voided_at is not null from ingest.one_time_code"
        ).fetchall()
    assert sorted(ends) == [(False, False), (True, False)]


def test_right_code_lives_on_when_what_it_was_for_failed(
    console: psycopg.Connection[Any], redeem: Redeem, database: Any
) -> None:
    code = issue(console)

    with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
        assert one_time_code.redeem(cur, CLAIM, code, AT) is not None
        connection.rollback()
    assert redeem(code) is not None


def at_once(work: Callable[[], Any], times: int = 4) -> list[Any]:
    """Run something in several threads that start together; return what each found."""
    barrier, found = threading.Barrier(times), []

    def run() -> None:
        barrier.wait(30)
        found.append(work())

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == times
    return found


def test_one_of_many_who_redeem_at_once_gets_it(
    console: psycopg.Connection[Any], database: Any
) -> None:
    code = issue(console)

    def redeem() -> Redeemed | None:
        with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
            return one_time_code.redeem(cur, CLAIM, code, AT)

    assert sorted(found is not None for found in at_once(redeem)) == [False, False, False, True]


def test_wrong_tries_made_at_once_are_all_counted(
    console: psycopg.Connection[Any], redeem: Redeem, database: Any
) -> None:
    code = issue(console)

    def try_wrongly() -> None:
        with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
            one_time_code.redeem(cur, CLAIM, with_another_secret(code), AT)

    at_once(try_wrongly, MOST_WRONG_TRIES)
    assert redeem(code) is None


def test_one_code_lives_when_several_are_issued_at_once(redeem: Redeem, database: Any) -> None:
    def issue_one() -> str:
        with database.connect("homevitals_console") as connection:
            return issue(connection)

    codes = at_once(issue_one)
    assert sum(redeem(code) is not None for code in codes) == 1


def test_taken_locator_is_drawn_again_also_where_another_practice_has_it(
    console: psycopg.Connection[Any], redeem: Redeem, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["S" * 16, "AAAA", "T" * 16, "AAAA", "AAAA", "BBBB"])
    monkeypatch.setattr(one_time_code, "_draw", lambda length: next(drawn))
    first = issue(console)
    second = issue(console, OTHER_GATEWAY, practice_id=OTHER_PRACTICE)

    assert (first[:4], second[:4]) == ("AAAA", "BBBB")
    redeemed = redeem(second)
    assert redeemed is not None
    assert redeemed.practice_id == OTHER_PRACTICE


def test_locator_is_free_again_when_its_code_has_expired(
    console: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_time_code, "_draw", lambda length: "A" * length)
    issue(console, GATEWAY)

    with pytest.raises(errors.StoreError):
        issue(console, SPARE_GATEWAY, at=AT + LIFETIME[CLAIM] - timedelta(seconds=1))
    issue(console, SPARE_GATEWAY, at=AT + LIFETIME[CLAIM])


def test_code_is_issued_to_subjects_of_the_own_practice_only(
    console: psycopg.Connection[Any],
) -> None:
    def issue_beyond_the_wall() -> None:
        with tenancy.transaction(console, PRACTICE) as cur:
            one_time_code.issue(cur, OTHER_PRACTICE, CLAIM, OTHER_GATEWAY, created_by=None, at=AT)

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        issue(console, OTHER_GATEWAY)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        issue(console, "gw-unknown1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        issue_beyond_the_wall()


def test_console_sees_no_code_of_another_practice(
    console: psycopg.Connection[Any],
) -> None:
    issue(console, OTHER_GATEWAY, practice_id=OTHER_PRACTICE)

    with tenancy.transaction(console, PRACTICE) as cur:
        assert cur.execute("select count(*) from ingest.one_time_code").fetchone() == (0,)
