"""What is known of patients' care, for the flags of what it lacks: a few statements for a whole practice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from alerts import history, verdicts
from alerts.courses import Courses
from alerts.signals import Slope
from ccm_link import store
from ccm_link.plan import care_gaps, care_plan, medication
from ccm_link.plan.care_gaps import CareFacts, Trend
from firmware_profiles.readings import Kind
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "care_gaps")


def load(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, at: datetime
) -> list[CareFacts]:
    """Return what is known of the active patients who are cared for, by name.

    1. Load who they are, and the readings of the last weeks, for what rises in them.
    2. When somebody measured last is known from those readings; only who has none in them is looked up further back.

    Args:
        cur: In a transaction that works for the practice, of the role homevitals_console.
        practice_id: Whose patients.
        patient_ids: Which; None: all of the practice.
        at: Now, aware.
    """
    people = store.rows(
        cur,
        CareFacts,
        _Q.people,
        practice_id=practice_id,
        patient_ids=None if patient_ids is None else list(patient_ids),
        contact_since=at - care_gaps.CONTACT_LOOK_BACK,
        at=at,
    )
    ids = [one.patient_id for one in people]
    heads = care_plan.heads(cur, practice_id, ids, at)
    reviewed = medication.last_reviews(cur, practice_id, ids, at)
    measured: dict[UUID, datetime] = {}
    rising: dict[UUID, tuple[Trend, ...]] = {}
    for signal in care_gaps.TRENDS:
        for courses, whose in _courses(cur, practice_id, patient_ids, signal, at):
            for patient_id, measured_at in _newest(courses, whose):
                measured[patient_id] = max(measured_at, measured.get(patient_id, measured_at))
            for number, per_week in rises(signal, courses):
                trend = Trend(signal.measure, per_week, signal.days)
                rising[whose[number]] = (*rising.get(whose[number], ()), trend)
    measured |= _last_measured(cur, practice_id, [one for one in ids if one not in measured], at)
    return [
        replace(
            one,
            measured_at=measured.get(one.patient_id),
            trends=rising.get(one.patient_id, ()),
            head=heads.get(one.patient_id),
            reviewed=reviewed.get(one.patient_id),
        )
        for one in people
    ]


def _courses(
    cur: Cursor,
    practice_id: UUID,
    patient_ids: Collection[UUID] | None,
    signal: Slope,
    at: datetime,
) -> Iterable[tuple[Courses, list[UUID]]]:
    kind = next(one for one in Kind if signal.measure.is_of(one))
    # A slope is asked of the days before the reading's own.
    since = at - timedelta(days=signal.days + 2)
    if patient_ids is None:
        return history.parts(cur, practice_id, kind, since, at)
    return [history.courses(cur, practice_id, kind, since, at, list(patient_ids))]


def _newest(courses: Courses, whose: Sequence[UUID]) -> Iterator[tuple[UUID, datetime]]:
    # Readings are by patient and then by time: the newest is the last one before the next patient.
    if not len(courses):
        return
    for place in np.flatnonzero(np.append(np.diff(courses.patient) != 0, True)):
        measured_at = datetime.fromtimestamp(int(courses.at_s[place]), UTC)
        yield whose[int(courses.patient[place])], measured_at


def _last_measured(
    cur: Cursor, practice_id: UUID, patient_ids: Sequence[UUID], at: datetime
) -> dict[UUID, datetime]:
    rows = cur.execute(
        _Q.last_measured,
        {
            "practice_id": practice_id,
            "patient_ids": list(patient_ids),
            "kinds": list(Kind),
            "since": at - care_gaps.MEASURED_LOOK_BACK,
            "at": at,
        },
    ).fetchall()
    return dict(rows)


def rises(signal: Slope, courses: Courses) -> Iterator[tuple[int, float]]:
    """Yield who rises at the last day on which they measured, by number, with how much a week. Pure.

    Args:
        signal: what counts as rising.
        courses: of many patients.
    """
    days = courses.of(signal.measure, finite=True).day_means()
    if not len(days):
        return
    # A slope is asked at a day's first reading that carries the number: of each patient, at that of the last day.
    is_last = np.append(np.diff(days.patient) != 0, True)
    wanted = np.zeros(len(courses), dtype=np.bool_)
    wanted[days.where[is_last]] = True
    found = verdicts.verdicts(signal, courses, wanted)
    for place in np.flatnonzero(wanted & found.breached):
        yield int(courses.patient[place]), float(found.computed[place])
