"""The chain of the time log: made by the database, computed again by other code, broken where something was changed."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ccm_link import work
from ccm_link.minutes import time_chain, time_log
from ccm_link.minutes.time_chain import Place

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
