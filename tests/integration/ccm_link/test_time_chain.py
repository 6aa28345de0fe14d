"""The chain of the time log: made by the database, computed again by other code, broken where something was changed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ccm_link import work
from ccm_link.console.routes.permissions import Resource
from ccm_link.minutes import time_chain, time_log
from ccm_link.minutes.time_chain import Place
from ingest import audit

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
MINUTE = timedelta(minutes=1)


def add(cur: Any, clinic: Any, staff_id: UUID, started_at: datetime, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "started_at": started_at,
        "ended_at": started_at + MINUTE,
        "program": "ccm",
        "activity": work.Activity.CHART_REVIEW,
        "note": "Read “the chart”,\tté\n\\ 读.",
        "reason": "Forgot.",
        "at": started_at + timedelta(hours=1),
    } | changes
    return time_log.add_by_hand(cur, clinic.practice_id, staff_id, clinic.patient, **arguments)


@pytest.fixture
def logged(clinic: Any, noon: datetime) -> Any:
    """Return a clinic with three entries, of which the second is void: four links."""
    with clinic.console.cursor() as cur:
        entries = [add(cur, clinic, clinic.ada, noon + index * MINUTE) for index in range(3)]
        clinic.console.commit()
        time_log.void(
            cur,
            clinic.practice_id,
            entries[1].entry_id,
            voided_by=clinic.ada,
            reason="No.",
            at=noon + timedelta(hours=2),
        )
        clinic.console.commit()
    return clinic


def verify(clinic: Any) -> time_chain.Verdict:
    with clinic.database.connect("homevitals_sealer") as connection:
        connection.autocommit = True
        (verdict,) = time_chain.verify_all(connection)
    return verdict


def places(clinic: Any) -> list[tuple[Place, int]]:
    return [(one.place, one.position) for one in verify(clinic).findings]


def test_every_entry_and_its_voiding_has_a_link_that_other_code_computes_alike(logged: Any) -> None:
    verdict = verify(logged)
    assert (verdict.findings, verdict.links, verdict.unseen) == ((), 4, 0)
    with logged.database.connect("postgres") as admin:
        rows = admin.execute(
            "select position, kind, chain_sha256 from ccm.time_link order by position"
        ).fetchall()
    assert [kind for _, kind, _ in rows] == ["entry", "entry", "entry", "void"]
    assert verdict.head == time_chain.Head(4, bytes(rows[-1][2]))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        pytest.param(
            "update ccm.time_entry set note = note || '.' where started_at = (select min(started_at)"
            " from ccm.time_entry)",
            [(Place.ROW_CHANGED, 1)],
            id="a note",
        ),
        pytest.param(
            "update ccm.time_entry set ended_at = ended_at + interval '1 microsecond' where voided_at"
            " is not null",
            [(Place.ROW_CHANGED, 2)],
            id="a microsecond",
        ),
        pytest.param(
            "update ccm.time_entry set void_reason = 'Yes.' where voided_at is not null",
            [(Place.ROW_CHANGED, 4)],
            id="why it is void",
        ),
        pytest.param(
            "delete from ccm.time_entry where voided_at is not null",
            [(Place.ROW_MISSING, 2)],
            id="an entry gone",
        ),
        pytest.param(
            "delete from ccm.time_link where position = 3",
            [(Place.LINK_MISSING, 4), (Place.ROW_WITHOUT_LINK, 0)],
            id="a link gone",
        ),
        pytest.param(
            "update ccm.time_link set linked_at = linked_at + interval '1 second' where position = 3",
            [(Place.LINK_CHANGED, 3)],
            id="when it was linked",
        ),
        pytest.param(
            "update ccm.time_entry set billing_role = 'clinical_staff', entered_at = 'infinity'",
            [(Place.ROW_CHANGED, 1)],
            id="an instant that is none",
        ),
        pytest.param(
            "alter table ccm.time_entry disable trigger keep_time_entries",
            [(Place.GUARD_OFF, 0)],
            id="a guard",
        ),
    ],
)
def test_whoever_has_all_rights_is_found_out(
    logged: Any, statement: str, found: list[tuple[Place, int]]
) -> None:
    with logged.database.connect("postgres") as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(statement)
        admin.commit()
    assert places(logged) == found


def tell(logged: Any, resource: Resource, resource_id: object, **after: object) -> None:
    """Write into the audit trail what the console tells of something new."""
    event = audit.Event(
        practice_id=logged.practice_id,
        at=datetime(2026, 12, 1, tzinfo=UTC),
        kind=audit.Kind.CHANGE,
        action=audit.Action.CREATE,
        agent=audit.Agent(audit.AgentKind.STAFF, str(logged.ada)),
        resource=resource,
        resource_id=str(resource_id),
        detail={"after": after},
    )
    with logged.console.cursor() as cur:
        audit.record(cur, [event])
    logged.console.commit()


def test_a_chain_whose_end_was_taken_away_is_found_out_by_the_trail(logged: Any) -> None:
    head = verify(logged).head
    with logged.database.connect("postgres") as admin:
        rows = admin.execute("select entry_id from ccm.time_entry order by started_at").fetchall()
        for (entry_id,) in rows:
            tell(logged, Resource.TIME_LOG, entry_id)
        whole = {"chain_position": head.position, "chain_sha256": head.chain_sha256.hex()}
        tell(logged, Resource.MONTH_LOCK, "2026-11", **whole)
        assert places(logged) == []
        admin.execute("set session_replication_role = replica")
        admin.execute("delete from ccm.time_link where position > 2")
        admin.execute("delete from ccm.time_entry where entry_id = %s", rows[2])
        admin.execute(
            "update ccm.time_entry set voided_at = null, voided_by = null, void_reason = null"
        )
        admin.commit()
    assert places(logged) == [(Place.CUT_OFF, 2), (Place.TOLD_AND_GONE, 0)]
    tell(logged, Resource.MONTH_LOCK, "2026-10", chain_position=1, chain_sha256="0" * 64)
    assert places(logged)[0] == (Place.REWRITTEN, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "update ccm.time_link set kind = 'void'",
        "delete from ccm.time_link",
        "truncate ccm.time_link",
        "update ccm.time_entry set program = 'rpm'",
    ],
)
def test_owner_of_the_tables_cannot_change_them(logged: Any, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException):
        logged.owner.execute(statement)


@pytest.mark.parametrize("role", ["homevitals_console", "homevitals_sealer"])
def test_nobody_else_writes_links(logged: Any, role: str) -> None:
    with (
        logged.database.connect(role, logged.practice_id) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(
            "insert into ccm.time_link select practice_id, position + 9, kind, practice_id,"
            " content_sha256, chain_sha256, linked_at from ccm.time_link"
        )


def test_open_transactions_hold_nobody_back_and_two_at_once_stand_in_one_chain(
    clinic: Any, noon: datetime
) -> None:
    with clinic.database.connect("homevitals_console", clinic.practice_id) as open_one:
        with open_one.cursor() as cur:
            add(cur, clinic, clinic.ada, noon - timedelta(hours=3))
        _log_ten(clinic, clinic.ben, noon)  # Ada's entry is not committed: nobody waits for it
        assert verify(clinic).links == 10
        open_one.commit()
    threads = [
        threading.Thread(target=_log_ten, args=(clinic, staff_id, noon + timedelta(hours=1)))
        for staff_id in (clinic.ada, clinic.ben)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify(clinic)
    assert (verdict.links, verdict.findings) == (31, ())


def _log_ten(clinic: Any, staff_id: UUID, noon: datetime) -> None:
    with clinic.database.connect("homevitals_console", clinic.practice_id) as connection:
        for index in range(10):
            with connection.cursor() as cur:
                add(cur, clinic, staff_id, noon + index * MINUTE)
            connection.commit()
