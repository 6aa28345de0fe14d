"""The work of a practice's month as billing asks for it: one statement each for many patients, nothing counted yet.

Entries come as they count: with the last approved amendment, with the role that was recorded for somebody of whom none
was known, and as voided where they are void, withdrawn or refused. Which seconds count for what, the billing rules say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import tuple_row

from ccm_link.billing import facts, periods
from ccm_link.minutes.contact import Method
from ccm_link.month import Month
from ingest import named_queries, people

Cursor = psycopg.Cursor[Any]

BLOCK_PROGRAMS: Final = ("data_review",)
"""Programs whose seconds count by blocks of days, which may begin in the month before; a test compares the tables."""

_REACHES_BACK: Final = timedelta(
    days=periods.BLOCK_DAYS + 1
)  # and a day, for patients in other zones
_Q: Final = named_queries.load("ccm_link.minutes", "month_work")
_Found = TypeVar("_Found")


def worked(
    cur: Cursor, practice_id: UUID, patient_ids: Sequence[UUID], month: Month
) -> Mapping[UUID, tuple[facts.Worked, ...]]:
    """Return the entries of patients that touch a month of the practice, oldest first; without any: left out."""
    rows = _rows(cur, _Q.worked, _asked(cur, practice_id, patient_ids, month))
    return _by_patient((patient_id, _worked(*columns)) for patient_id, *columns in rows)


def elsewhere(
    cur: Cursor, practice_id: UUID, patient_ids: Sequence[UUID], month: Month
) -> Mapping[UUID, tuple[facts.WorkElsewhere, ...]]:
    """Return by patient what the people who worked for them did for another patient in the same seconds."""
    rows = _rows(cur, _Q.elsewhere, _asked(cur, practice_id, patient_ids, month))
    return _by_patient(
        (
            patient_id,
            facts.WorkElsewhere(
                entry_id=entry_id, staff_id=staff_id, started_at=started_at, ended_at=ended_at
            ),
        )
        for patient_id, entry_id, staff_id, started_at, ended_at in rows
    )


def decisions(
    cur: Cursor, practice_id: UUID, patient_ids: Sequence[UUID], month: Month
) -> Mapping[UUID, tuple[facts.Decision, ...]]:
    """Return by patient what people decided about conflicts and what holds of it, also where another patient's won."""
    wanted = set(patient_ids)
    found: list[tuple[UUID, facts.Decision]] = []
    for patient_id, rival_patient_id, entry_id, from_at, until_at in _rows(
        cur, _Q.decisions, _asked(cur, practice_id, patient_ids, month)
    ):
        decision = facts.Decision(entry_id=entry_id, from_at=from_at, until_at=until_at)
        found += [(each, decision) for each in {patient_id, rival_patient_id} & wanted]
    return _by_patient(found)


def span_of(cur: Cursor, practice_id: UUID, month: Month) -> tuple[datetime, datetime]:
    """Return the first instant of a month by the practice's clocks and that at which it is over, aware UTC."""
    practice = people.practice(cur, practice_id)
    zone = ZoneInfo("UTC" if practice is None else practice.time_zone)
    span = periods.span_of_month(month, zone)
    return span[0].from_at, span[-1].until_at


def _worked(
    entry_id: UUID,
    staff_id: UUID,
    role: str,
    program: str | None,
    activity: str,
    started_at: datetime,
    ended_at: datetime,
    method: str,
    counterpart: str,
    outcome: str,
    is_voided: bool,
    is_approved: bool,
) -> facts.Worked:
    is_known = method != Method.UNKNOWN
    return facts.Worked(
        entry_id=entry_id,
        staff_id=staff_id,
        role=facts.StaffRole(role),
        program=program,
        activity=activity,
        started_at=started_at,
        ended_at=ended_at,
        # Nobody said how contact was made: that is no live interaction, as with work in the chart.
        method=facts.Method(method) if is_known else facts.Method.CHART_WORK,
        counterpart=facts.Counterpart(counterpart) if is_known else facts.Counterpart.NOBODY,
        outcome=facts.Outcome(outcome) if is_known else facts.Outcome.NOT_A_CONTACT,
        is_voided=is_voided,
        is_approved=is_approved,
    )


def _asked(
    cur: Cursor, practice_id: UUID, patient_ids: Sequence[UUID], month: Month
) -> dict[str, object]:
    from_at, until_at = span_of(cur, practice_id, month)
    return {
        "practice_id": practice_id,
        "patient_ids": list(patient_ids),
        "from_at": from_at,
        "until_at": until_at,
        "blocks_from_at": from_at - _REACHES_BACK,
        "block_programs": list(BLOCK_PROGRAMS),
    }


def _rows(cur: Cursor, statement: Any, asked: Mapping[str, object]) -> list[tuple[Any, ...]]:
    with cur.connection.cursor(row_factory=tuple_row) as own:
        return own.execute(statement, asked).fetchall()


def _by_patient(found: Iterable[tuple[UUID, _Found]]) -> dict[UUID, tuple[_Found, ...]]:
    grouped: dict[UUID, list[_Found]] = {}
    for patient_id, one in found:
        grouped.setdefault(patient_id, []).append(one)
    return {patient_id: tuple(each) for patient_id, each in grouped.items()}
