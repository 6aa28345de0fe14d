from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ingest import audit, fleet, one_time_code, tenancy
from ingest.errors import EnrolmentReason, EnrolmentRefused, StoreError
from ingest.fleet import ToCutOff
from ingest.one_time_code import Purpose
from ingest.signing import RevokedSerial

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PRACTICE, OTHER_PRACTICE = UUID(int=1), UUID(int=2)
ADMINISTRATOR = audit.Agent(audit.AgentKind.STAFF, str(UUID(int=7)), role="practice_administrator")

Connection = psycopg.Connection[Any]


@pytest.fixture
def superuser(database: Any) -> Iterator[Connection]:
    """Two practices, and a connection that sees what became of them."""
    with database.connect("postgres") as connection:
        connection.autocommit = True
        connection.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone)"
            " values (%s, 'elm', 'n', 'UTC'), (%s, 'oak', 'n', 'UTC')",
            (PRACTICE, OTHER_PRACTICE),
        )
        yield connection


@pytest.fixture
def console(database: Any, superuser: Connection) -> Iterator[Connection]:
    with database.connect("homevitals_console") as connection:
        yield connection


@pytest.fixture
def guard(database: Any, superuser: Connection) -> Iterator[Connection]:
    with database.connect("homevitals_guard") as connection:
        connection.autocommit = True
        yield connection


def expect(console: Connection, practice_id: UUID = PRACTICE) -> str:
    with tenancy.transaction(console, practice_id) as cur:
        return fleet.expect(cur, practice_id, "Kitchen", AT)


def revoke(
    console: Connection, gateway_id: str, practice_id: UUID = PRACTICE, at: datetime = AT
) -> bool:
    with tenancy.transaction(console, practice_id) as cur:
        return fleet.revoke(cur, practice_id, gateway_id, at)


def certify(superuser: Connection, gateway_id: str, practice_id: UUID, serial: str) -> None:
    superuser.execute(
        "insert into ingest.certificate (practice_id, gateway_id, serial, public_key_sha256, not_before, not_after,"
        " issued_at, issued_for) values (%s, %s, %s, %s, %s, %s, %s, 'claim')",
        (practice_id, gateway_id, serial, serial.encode(), AT, AT + timedelta(days=45), AT),
    )


def test_expected_gateway_gets_an_id_from_the_server(
    console: Connection, superuser: Connection
) -> None:
    first, second = expect(console), expect(console)

    assert re.fullmatch("gw-[a-z0-9]{8}", first)
    assert first != second
    row = superuser.execute(
        "select practice_id, label, status, expected_at, enrolled_at from ingest.gateway where gateway_id = %s",
        (first,),
    ).fetchone()
    assert row == (PRACTICE, "Kitchen", "expected", AT, None)


def test_id_that_another_practice_has_is_drawn_again(
    console: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = itertools.chain("a" * 8, "a" * 8, "b" * 8, itertools.repeat("b"))
    monkeypatch.setattr(fleet.secrets, "choice", lambda _: next(letters))

    assert expect(console, OTHER_PRACTICE) == "gw-aaaaaaaa"
    assert expect(console) == "gw-bbbbbbbb"
    with pytest.raises(StoreError):
        expect(console)


def test_code_is_issued_for_gateways_of_the_practice_that_are_trusted(console: Connection) -> None:
    mine, revoked, theirs = expect(console), expect(console), expect(console, OTHER_PRACTICE)
    revoke(console, revoked)

    def refused(gateway_id: str) -> EnrolmentReason:
        with (
            pytest.raises(EnrolmentRefused) as found,
            tenancy.transaction(console, PRACTICE) as cur,
        ):
            fleet.claim_code(cur, PRACTICE, gateway_id, created_by=None, at=AT)
        return found.value.reason

    with tenancy.transaction(console, PRACTICE) as cur:
        assert fleet.claim_code(cur, PRACTICE, mine, created_by=None, at=AT)
    assert refused(revoked) is EnrolmentReason.REVOKED
    assert refused(theirs) is EnrolmentReason.UNKNOWN_GATEWAY
    assert refused("gw-00000000") is EnrolmentReason.UNKNOWN_GATEWAY


def test_gateway_is_revoked_once_and_for_good(console: Connection, superuser: Connection) -> None:
    gateway_id = expect(console)

    assert revoke(console, gateway_id)
    assert not revoke(console, gateway_id, at=LATER)
    row = superuser.execute("select status, revoked_at, cut_off_at from ingest.gateway").fetchone()
    assert row == ("revoked", AT, None)


def test_gateway_of_another_practice_is_not_revoked(
    console: Connection, superuser: Connection
) -> None:
    theirs = expect(console, OTHER_PRACTICE)

    assert not revoke(console, theirs)
    with tenancy.transaction(console, PRACTICE) as cur:
        assert not fleet.revoke(cur, OTHER_PRACTICE, theirs, AT)
    assert superuser.execute("select status from ingest.gateway").fetchone() == ("expected",)


def test_code_of_a_revoked_gateway_is_void(console: Connection, database: Any) -> None:
    gateway_id, other = expect(console), expect(console)
    with tenancy.transaction(console, PRACTICE) as cur:
        code, others_code = (
            fleet.claim_code(cur, PRACTICE, one, created_by=None, at=AT)
            for one in (gateway_id, other)
        )

    revoke(console, gateway_id)

    with database.connect("homevitals_entrance") as entrance, entrance.cursor() as cur:
        assert one_time_code.redeem(cur, Purpose.CLAIM_GATEWAY, code, AT) is None
        assert one_time_code.redeem(cur, Purpose.CLAIM_GATEWAY, others_code, AT) is not None


def test_guard_hears_of_a_revocation_when_it_is_committed(
    console: Connection, guard: Connection
) -> None:
    gateway_id = expect(console)
    guard.execute("listen homevitals_revocation")

    with tenancy.transaction(console, PRACTICE) as cur:
        fleet.revoke(cur, PRACTICE, gateway_id, AT)
        assert list(guard.notifies(timeout=0.2)) == []

    assert [one.channel for one in guard.notifies(timeout=10, stop_after=1)] == [
        "homevitals_revocation"
    ]


def test_revocation_names_who_did_it_where_that_is_given(
    console: Connection, superuser: Connection
) -> None:
    first, second = expect(console), expect(console)
    revoke(console, first)
    with tenancy.transaction(console, PRACTICE) as cur:
        assert fleet.revoke(cur, PRACTICE, second, AT, by=ADMINISTRATOR)
        assert not fleet.revoke(cur, PRACTICE, second, AT, by=ADMINISTRATOR)

    events = superuser.execute(
        "select practice_id, kind, agent_id, resource, resource_id from ingest.audit_event"
    ).fetchall()
    assert events == [(PRACTICE, "gateway_revoked", ADMINISTRATOR.agent_id, "gateway", second)]


def test_guard_sees_whom_to_cut_off_in_all_practices_and_notes_it_once(
    console: Connection, guard: Connection
) -> None:
    theirs, mine, trusted = expect(console, OTHER_PRACTICE), expect(console), expect(console)
    revoke(console, mine, at=LATER)
    revoke(console, theirs, OTHER_PRACTICE)

    with guard.cursor() as cur:
        assert fleet.to_cut_off(cur) == [
            ToCutOff(OTHER_PRACTICE, theirs, AT),
            ToCutOff(PRACTICE, mine, LATER),
        ]
        assert fleet.mark_cut_off(cur, PRACTICE, mine, LATER)
        assert not fleet.mark_cut_off(cur, PRACTICE, mine, LATER)
        assert not fleet.mark_cut_off(cur, PRACTICE, trusted, LATER)
        assert not fleet.mark_cut_off(cur, PRACTICE, theirs, LATER)
        assert [one.gateway_id for one in fleet.to_cut_off(cur)] == [theirs]


def test_list_holds_every_certificate_of_revoked_gateways_only(
    console: Connection, guard: Connection, superuser: Connection
) -> None:
    theirs, mine, trusted = expect(console, OTHER_PRACTICE), expect(console), expect(console)
    certify(superuser, mine, PRACTICE, "a1")
    certify(superuser, mine, PRACTICE, "a2")
    certify(superuser, theirs, OTHER_PRACTICE, "b1")
    certify(superuser, trusted, PRACTICE, "c1")
    revoke(console, mine)
    revoke(console, theirs, OTHER_PRACTICE, LATER)

    with guard.cursor() as cur:
        everything = [
            RevokedSerial("a1", AT),
            RevokedSerial("a2", AT),
            RevokedSerial("b1", LATER),
        ]
        assert fleet.revoked_serials(cur) == everything
        assert fleet.revoked_serials(cur, AT + timedelta(days=44)) == everything
        assert fleet.revoked_serials(cur, AT + timedelta(days=45)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update ingest.gateway set status = 'active', revoked_at = null",
        "select label from ingest.gateway",
        "insert into ingest.certificate select * from ingest.certificate",
        "select from ingest.one_time_code",
        "select from ingest.patient",
    ],
)
def test_guard_may_nothing_else(guard: Connection, statement: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        guard.execute(statement)
