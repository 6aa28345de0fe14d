from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import audit_query, tenancy
from ingest.audit import Agent, AgentKind, Event, Kind
from ingest.audit_query import Key, Wanted
from ingest.tenancy import Scope
from tests import audit_trail
from tests.audit_trail import BEGUN_AT, ONE, OTHER, PATIENT, SECOND_PATIENT, STAFF, event

# The trail knows nothing of how readings are stored: one engine is enough.
pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

DAY = Wanted(BEGUN_AT, BEGUN_AT + timedelta(days=1))
COLLEAGUE = UUID(int=0x6)
BY_COLLEAGUE = Agent(AgentKind.STAFF, str(COLLEAGUE), "auditor")

EVENTS = [
    event(1),
    event(2, kind=Kind.CHANGE),
    event(3, patient_ids=(SECOND_PATIENT, PATIENT)),
    event(4, patient_ids=(SECOND_PATIENT,), agent=BY_COLLEAGUE),
    event(5, patient_ids=(), kind=Kind.SIGN_IN),
    # All at one instant: the key has to tell them apart.
    *(event(6, event_id=UUID(int=0x600 + number)) for number in range(5)),
    event(1, OTHER),
]


@pytest.fixture
def cur(database: Any) -> Iterator[psycopg.Cursor[Any]]:
    """A console's cursor in the scope of a practice with eleven events, the first four of them sealed."""
    with psycopg.connect(database.conninfo("postgres")) as admin:
        admin.execute(
            "insert into ingest.practice (practice_id, name, time_zone, slug) values (%s, 'Elm', 'UTC', 'elm')",
            (ONE,),
        )
        admin.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%s, %s, 'dana', 'Dana Achterberg', 'clinician')",
            (ONE, STAFF),
        )
    audit_trail.record(database, EVENTS[:4])
    audit_trail.seal_all(database)
    audit_trail.record(database, EVENTS[4:])
    with (
        psycopg.connect(database.conninfo("homevitals_console")) as connection,
        connection.cursor() as cur,
    ):
        tenancy.enter(cur, Scope((ONE,), staff_id=COLLEAGUE))
        yield cur


def numbers(cur: psycopg.Cursor[Any], wanted: Wanted) -> list[int]:
    rows, _ = audit_query.page(cur, ONE, wanted, behind=None, limit=500)
    return [(row.event.at - BEGUN_AT) // timedelta(minutes=1) for row in rows]


def test_an_event_is_found_as_it_was_recorded_with_its_place_and_a_name(
    cur: psycopg.Cursor[Any],
) -> None:
    rows, key = audit_query.page(cur, ONE, DAY, behind=None, limit=500)
    assert key is None
    assert len(rows) == 10
    first = rows[-1]
    assert first.event == EVENTS[0]
    assert (first.agent_name, first.position) == ("Dana Achterberg", 1)
    assert {row.position for row in rows if row.event.at > EVENTS[3].at} == {None}
    assert {row.agent_name for row in rows if row.event.agent == BY_COLLEAGUE} == {""}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [6, 6, 6, 6, 6, 5, 4, 3, 2, 1]),
        ({"patient_id": PATIENT}, [6, 6, 6, 6, 6, 3, 2, 1]),
        ({"patient_id": SECOND_PATIENT}, [4, 3]),
        ({"staff_id": COLLEAGUE}, [4]),
        ({"kinds": (Kind.CHANGE, Kind.SIGN_IN)}, [5, 2]),
        ({"patient_id": PATIENT, "kinds": (Kind.CHANGE,)}, [2]),
        ({"patient_id": uuid4()}, []),
        ({"from_at": EVENTS[1].at, "until_at": EVENTS[3].at}, [3, 2]),
    ],
    ids=["all", "patient", "other patient", "staff", "kinds", "both", "nobody", "window"],
)
def test_events_are_found_by_what_is_wanted(
    cur: psycopg.Cursor[Any], changes: dict[str, Any], expected: list[int]
) -> None:
    assert numbers(cur, replace(DAY, **changes)) == expected


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_pages_follow_each_other_without_gap_or_doubling(
    cur: psycopg.Cursor[Any], limit: int
) -> None:
    found: list[Event] = []
    key: Key | None = None
    for _ in range(20):
        rows, key = audit_query.page(cur, ONE, DAY, behind=key, limit=limit)
        found += [row.event for row in rows]
        if key is None:
            break
    assert len(found) == 10
    assert found == sorted(found, key=lambda one: (one.at, one.event_id), reverse=True)


def test_a_page_has_a_bounded_number_of_rows(cur: psycopg.Cursor[Any]) -> None:
    for limit in (0, -1, 501):
        with pytest.raises(ValueError, match="1 to 500"):
            audit_query.page(cur, ONE, DAY, behind=None, limit=limit)


def test_another_practice_is_not_asked(cur: psycopg.Cursor[Any]) -> None:
    assert audit_query.page(cur, OTHER, DAY, behind=None, limit=5) == ([], None)


def test_a_patient_learns_who_looked_and_nothing_of_other_patients(
    cur: psycopg.Cursor[Any],
) -> None:
    tenancy.enter(cur, Scope((ONE,), patient_id=SECOND_PATIENT))
    wanted = replace(DAY, patient_id=SECOND_PATIENT)
    (newest, oldest), key = audit_query.who_looked(cur, ONE, wanted, behind=None, limit=5)
    assert key is None
    assert (newest.agent_role, newest.agent_id) == ("auditor", str(COLLEAGUE))
    assert (oldest.agent_name, oldest.kind) == ("Dana Achterberg", Kind.READ)
    assert str(PATIENT) not in f"{newest} {oldest}".replace(oldest.agent_id, "")
    # Asking for somebody else, or for everything, gives only what the wall lets through.
    assert audit_query.who_looked(
        cur, ONE, replace(DAY, patient_id=PATIENT), behind=None, limit=5
    ) == (
        [oldest],
        None,
    )
    assert len(audit_query.page(cur, ONE, DAY, behind=None, limit=5)[0]) == 2


def test_who_looked_is_paged_too(cur: psycopg.Cursor[Any]) -> None:
    wanted = replace(DAY, patient_id=PATIENT)
    first, key = audit_query.who_looked(cur, ONE, wanted, behind=None, limit=5)
    rest, end = audit_query.who_looked(cur, ONE, wanted, behind=key, limit=5)
    assert (len(first), len(rest), end) == (5, 3, None)
    assert len({look.event_id for look in first + rest}) == 8


def test_who_looked_needs_to_know_at_whom(cur: psycopg.Cursor[Any]) -> None:
    with pytest.raises(ValueError, match="whose"):
        audit_query.who_looked(cur, ONE, DAY, behind=None, limit=5)


def test_events_stream_in_order_for_the_sealers_role(
    cur: psycopg.Cursor[Any], database: Any
) -> None:
    with audit_trail.sealer(database) as connection, connection.transaction():
        found = list(audit_query.in_order(connection, ONE, DAY))
    assert found == sorted(EVENTS[:-1], key=lambda one: (one.at, one.event_id))
