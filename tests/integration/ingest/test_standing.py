"""How patients stand: recorded, followed, withdrawn; and who they are: corrected, and what it was kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import patient_identity, people, standing
from ingest.errors import IdentityRefused, RefusedByStoreError, StandingReason, StandingRefused
from ingest.patient_identity import Identity
from ingest.standing import NewStanding, Standing
from tests import scopes

pytestmark = pytest.mark.db

NOON = datetime(2026, 11, 12, 17, tzinfo=UTC)
DAY = timedelta(days=1)
GONE = NewStanding(standing=Standing.INACTIVE, since_at=NOON)


@pytest.fixture
def console(database: Any) -> psycopg.Connection[Any]:
    with database.connect("homevitals_console") as connection:
        yield connection


@pytest.fixture
def patient(database: Any, console: psycopg.Connection[Any]) -> tuple[UUID, UUID]:
    with database.connect("homevitals_owner") as owner, owner.cursor() as cur:
        practice_id = people.add_practice(cur, slug="elm", name="Elm", time_zone="UTC")
        patient_id = people.add_patient(
            cur,
            practice_id,
            display_name="Rosa Quill",
            born_on=date(1950, 1, 2),
            record_number="1",
            time_zone="America/New_York",
        )
    scopes.work_for(console, practice_id)
    return practice_id, patient_id


def record(
    console: psycopg.Connection[Any],
    whom: tuple[UUID, UUID],
    new: NewStanding,
    seen: Standing = Standing.ACTIVE,
    at: datetime = NOON,
) -> UUID:
    with console.transaction(), console.cursor() as cur:
        return standing.record(cur, *whom, new, seen=seen, reason="r", recorded_by="Casey", at=at)


def test_a_standing_is_followed_by_the_patients_row_and_by_the_time_that_no_count_has(
    console: psycopg.Connection[Any], patient: tuple[UUID, UUID]
) -> None:
    moved = NewStanding(
        standing=Standing.TRANSFERRED, since_at=NOON - DAY, transferred_to="Oak Practice"
    )
    record(console, patient, moved)
    back = NewStanding(standing=Standing.ACTIVE, since_at=NOON)
    record(console, patient, back, Standing.TRANSFERRED, NOON + DAY)
    died = NewStanding(standing=Standing.DECEASED, since_at=NOON + 2 * DAY)
    death_id = record(console, patient, died, at=NOON + 3 * DAY)

    with console.cursor() as cur:
        found = people.patient(cur, *patient)
        assert found is not None
        assert (found.standing, found.standing_since) == (Standing.DECEASED, NOON + 2 * DAY)
        assert people.patients(cur, patient[0]) == []
        assert people.patients(cur, patient[0], tuple(Standing)) == [found]
        assert standing.not_active(cur, patient[0], [patient[1], uuid4()]) == {patient[1]}
        spans = cur.execute("select spans::text from ingest.inactive_time").fetchone()
        assert spans == (
            '{["2026-11-11 17:00:00+00","2026-11-12 17:00:00+00"),["2026-11-14 17:00:00+00",infinity)}',
        )
        held = standing.withdraw(
            cur, *patient, death_id, why="Another patient.", withdrawn_by="Casey", at=NOON + 4 * DAY
        )
        assert held is Standing.ACTIVE
        # As if there had been no other: active since she came back, and the days in between count.
        found = people.patient(cur, *patient)
        assert found is not None
        assert (found.standing, found.standing_since) == (Standing.ACTIVE, NOON)
        spans = cur.execute("select spans::text from ingest.inactive_time").fetchone()
        assert spans == ('{["2026-11-11 17:00:00+00","2026-11-12 17:00:00+00")}',)
        told = [(one.standing, one.withdrawn_at) for one in standing.history(cur, *patient)]
    assert told == [
        (Standing.ACTIVE, None),
        (Standing.TRANSFERRED, None),
        (Standing.DECEASED, NOON + 4 * DAY),
    ]


def test_what_contradicts_what_holds_is_refused(
    console: psycopg.Connection[Any], patient: tuple[UUID, UUID], subtests: pytest.Subtests
) -> None:
    gone_id = record(console, patient, GONE)
    later = NOON + DAY
    active = NewStanding(standing=Standing.ACTIVE, since_at=NOON + timedelta(hours=1))
    for new, seen, whom, reason in (
        (active, Standing.ACTIVE, patient, StandingReason.CHANGED_MEANWHILE),
        (GONE, Standing.INACTIVE, patient, StandingReason.HOLDS_ALREADY),
        (
            NewStanding(standing=Standing.ACTIVE, since_at=later + DAY),
            Standing.INACTIVE,
            patient,
            StandingReason.FUTURE,
        ),
        (
            NewStanding(standing=Standing.ACTIVE, since_at=NOON),
            Standing.INACTIVE,
            patient,
            StandingReason.BEFORE_THE_FORMER,
        ),
        (active, Standing.INACTIVE, (patient[0], uuid4()), StandingReason.UNKNOWN_PATIENT),
    ):
        with subtests.test(reason.value), pytest.raises(StandingRefused) as refused:
            record(console, whom, new, seen, later)
        assert refused.value.reason is reason
    died = NewStanding(standing=Standing.DECEASED, since_at=later)
    record(console, patient, died, Standing.INACTIVE, later)
    with pytest.raises(StandingRefused) as refused:
        record(console, patient, active, Standing.DECEASED, later + DAY)
    assert refused.value.reason is StandingReason.DECEASED
    with (
        pytest.raises(StandingRefused) as refused,
        console.transaction(),
        console.cursor() as cur,
    ):  # no longer the one that holds
        standing.withdraw(cur, *patient, gone_id, why="w", withdrawn_by="c", at=later)
    assert refused.value.reason is StandingReason.CHANGED_MEANWHILE
    for statement in (
        "update ingest.patient_standing set reason = 'x'",
        "delete from ingest.patient_standing",
    ):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)):
            console.execute(statement)
        console.rollback()
        scopes.work_for(console, patient[0])


def test_who_a_patient_is_is_corrected_once_for_each_look_and_kept(
    console: psycopg.Connection[Any], patient: tuple[UUID, UUID]
) -> None:
    with console.cursor() as cur:
        found = people.patient(cur, *patient)
        assert found is not None
        other = people.add_patient(
            cur,
            patient[0],
            display_name="Other",
            born_on=date(1950, 1, 2),
            record_number="2",
            time_zone="UTC",
        )
    console.commit()
    scopes.work_for(console, patient[0])

    def correct(based_on: int | None, **changes: Any) -> tuple[str, ...]:
        whole = {each: getattr(found, each) for each in Identity.__dataclass_fields__}
        becomes = Identity(**(whole | changes))
        with console.transaction(), console.cursor() as cur:
            return patient_identity.correct(
                cur, *patient, becomes, based_on=based_on, reason="r", changed_by="c", at=NOON
            )

    assert correct(0) == ()  # all is so already
    assert correct(0, born_on=date(1951, 1, 2), language="es") == ("born_on", "language")
    with pytest.raises(IdentityRefused):
        correct(0, language="en")
    with pytest.raises(RefusedByStoreError):
        correct(1, record_number="2")
    with console.cursor() as cur:
        (change,) = patient_identity.history(cur, *patient)
        assert change.before == {"born_on": "1950-01-02", "language": None}
        assert change.after == {"born_on": "1951-01-02", "language": "es"}
        assert patient_identity.history(cur, patient[0], other) == []
