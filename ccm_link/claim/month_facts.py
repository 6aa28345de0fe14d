"""Everything that billing asks of patients' months, from the store: one question for each kind of fact, joined here.

Many patients are asked about at once, some hundreds in a question, so that a practice of a hundred thousand fits. What
is not recorded stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import tuple_row

from ccm_link import store
from ccm_link.billing import intervals, periods
from ccm_link.billing.facts import Episode, InProgram, Measured, Origin, PatientMonth, Settled
from ccm_link.billing.intervals import Span
from ccm_link.claim import practice_billing, programs
from ccm_link.minutes import month_work
from ccm_link.month import Month
from ccm_link.plan import stays
from ingest import named_queries, people

Cursor = psycopg.Cursor[Any]
_One = TypeVar("_One")

_Q: Final = named_queries.load("ccm_link.claim", "month_facts")

CHUNK: Final = 500
"""Patients in one question: enough that its own cost does not count, few enough that their readings fit in memory."""

_ORIGINS: Final[Mapping[str, Origin]] = {"device": Origin.AUTOMATIC, "import": Origin.IMPORTED}
_BLOCK: Final = timedelta(days=periods.BLOCK_DAYS)
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)
_ZONES: Final = timedelta(hours=14)
"""No place on earth is further from UTC: the days of all patients lie within these bounds."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A practice's month, as every statement is asked about it."""

    practice_id: UUID
    month: Month
    zone: ZoneInfo

    @property
    def parameters(self) -> dict[str, object]:
        (span,) = periods.span_of_month(self.month, self.zone)
        return {
            "practice_id": self.practice_id,
            "first_on": self.month.first_on,
            "last_on": periods.last_day_of(self.month),
            "from_at": span.from_at,
            "until_at": span.until_at,
        }


def patients_of_month(cur: Cursor, practice_id: UUID, month: Month) -> list[UUID]:
    """Return everybody who can have something to bill in the practice's month."""
    asked = _asked(cur, practice_id, month)
    return [row[0] for row in _rows(cur, _Q.load_patients_of_month, asked.parameters)]


def of_patients(
    cur: Cursor,
    practice_id: UUID,
    patient_ids: Sequence[UUID] | None,
    month: Month,
) -> dict[UUID, PatientMonth]:
    """Return the months of patients, by patient; whoever the practice does not have is left out.

    Args:
        cur: a transaction that works for the practice.
        practice_id: whose.
        patient_ids: None: of everybody who can have something to bill in it. Ask about many in chunks of `CHUNK`, each
            in a call of its own, where memory matters.
        month: the practice's calendar month.
    """
    if patient_ids is None:
        patient_ids = patients_of_month(cur, practice_id, month)
    asked = _asked(cur, practice_id, month)
    found: dict[UUID, PatientMonth] = {}
    for start in range(0, len(patient_ids), CHUNK):
        found |= _of_chunk(cur, asked, list(patient_ids[start : start + CHUNK]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a person said about a hold of a month; ``at`` is aware UTC."""

    hold_key: str
    is_settled: bool
    reason: str
    at: datetime
    staff_name: str


def settle(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    month: Month,
    *,
    hold_key: str,
    is_settled: bool,
    reason: str,
    staff_id: UUID,
    at: datetime,
) -> None:
    """Keep what a person said about a hold; of one hold the newest word counts."""
    store.scalar(
        cur,
        _Q.settle,
        practice_id=practice_id,
        patient_id=patient_id,
        first_on=month.first_on,
        hold_key=hold_key,
        is_settled=is_settled,
        reason=reason,
        staff_id=staff_id,
        at=at,
    )


def settlements(cur: Cursor, practice_id: UUID, patient_id: UUID, month: Month) -> list[Settlement]:
    """Return all that people said about holds of a patient's month, the newest first."""
    return store.rows(
        cur,
        Settlement,
        _Q.load_settlements,
        practice_id=practice_id,
        patient_id=patient_id,
        first_on=month.first_on,
    )


def _asked(cur: Cursor, practice_id: UUID, month: Month) -> _Asked:
    practice = people.practice(cur, practice_id)
    zone = ZoneInfo(practice.time_zone) if practice else ZoneInfo("UTC")
    return _Asked(practice_id, month, zone)


def _of_chunk(cur: Cursor, asked: _Asked, patient_ids: list[UUID]) -> dict[UUID, PatientMonth]:
    parameters = asked.parameters | {"patient_ids": patient_ids}
    last_on = periods.last_day_of(asked.month)
    said = practice_billing.in_force(cur, asked.practice_id, last_on)
    window = periods.span_of_days(asked.month.first_on - _BLOCK, last_on, asked.zone)
    enrolments = programs.in_programs(cur, asked.practice_id, patient_ids, asked.month)
    beside = programs.beside(cur, asked.practice_id, patient_ids, asked.month)
    worked = month_work.worked(cur, asked.practice_id, patient_ids, asked.month)
    elsewhere = month_work.elsewhere(cur, asked.practice_id, patient_ids, asked.month)
    decisions = month_work.decisions(cur, asked.practice_id, patient_ids, asked.month)
    away = stays.away(cur, asked.practice_id, patient_ids, window)
    diagnoses = {row[0]: tuple(row[1]) for row in _rows(cur, _Q.load_diagnoses, parameters)}
    settled = _grouped(
        (patient_id, Settled(key=key, reason=reason))
        for patient_id, key, reason in _rows(cur, _Q.load_settled, parameters)
    )
    inactive = _grouped(
        (patient_id, span)
        for patient_id, since_at, until_at in _rows(cur, _Q.load_inactive, parameters)
        for span in intervals.between(since_at, until_at or _FAR)
    )
    episodes = _episodes(cur, asked, parameters)
    return {
        patient_id: PatientMonth(
            month=asked.month,
            zone=asked.zone,
            patient_zone=ZoneInfo(time_zone),
            site=said.site if said else practice_billing.USUAL_SITE,
            prefers_personal=said.prefers_personal if said else False,
            programs=tuple(
                while_active(enrolments.get(patient_id, ()), inactive.get(patient_id, ()))
            ),
            worked=worked.get(patient_id, ()),
            elsewhere=elsewhere.get(patient_id, ()),
            decisions=decisions.get(patient_id, ()),
            episodes=tuple(episodes.get(patient_id, ())),
            beside=beside.get(patient_id, ()),
            settled=tuple(settled.get(patient_id, ())),
            away=away.get(patient_id, intervals.NEVER),
            died_at=died_at,
            diagnoses=diagnoses.get(patient_id),
        )
        for patient_id, time_zone, died_at in _rows(cur, _Q.load_patients, parameters)
    }


def while_active(enrolments: Iterable[InProgram], inactive: Iterable[Span]) -> Iterator[InProgram]:
    """Yield enrolments without the times in which the patient was not cared for here; one may fall apart. Pure."""
    away = intervals.union(inactive)
    for one in enrolments:
        if not away:
            yield one
            continue
        whole = intervals.between(one.enrolled_at, one.ended_at or _FAR)
        for span in intervals.without(whole, away):
            begins, ends = span.from_at, span.until_at
            yield replace(
                one,
                enrolled_at=one.enrolled_at if span.from_s == whole[0].from_s else begins,
                ended_at=one.ended_at if span.until_s == whole[-1].until_s else ends,
            )


def _episodes(
    cur: Cursor, asked: _Asked, parameters: Mapping[str, object]
) -> dict[UUID, list[Episode]]:
    """Return episodes with the readings that blocks of the month, or a set-up, can rest on."""
    found = _grouped(
        (
            patient_id,
            Episode(
                program=program,
                started_on=started_on,
                ended_on=ended_on,
                is_set_up_billed=is_set_up_billed,
                readings=(),
            ),
        )
        for patient_id, program, started_on, ended_on, is_set_up_billed in _rows(
            cur, _Q.load_monitoring, parameters
        )
    )
    if not found:
        return {}
    first_on = asked.month.first_on
    from_at = _utc(first_on - _BLOCK + timedelta(days=1)) - _ZONES
    until_at = _utc(periods.last_day_of(asked.month) + _BLOCK) + _ZONES
    readings = _readings(cur, _Q.load_readings, parameters, list(found), from_at, until_at)
    unbilled = {
        patient_id: min(one.started_on for one in episodes)
        for patient_id, episodes in found.items()
        if any(not one.is_set_up_billed for one in episodes)
    }
    began_at = _utc(min(unbilled.values(), default=first_on)) - _ZONES
    if began_at < from_at:
        before = _readings(cur, _Q.load_days_before, parameters, list(unbilled), began_at, from_at)
        for patient_id, earlier in before.items():
            readings[patient_id] = [*earlier, *readings.get(patient_id, ())]
    return {
        patient_id: [replace(one, readings=tuple(readings.get(patient_id, ()))) for one in episodes]
        for patient_id, episodes in found.items()
    }


def _readings(
    cur: Cursor,
    statement: LiteralString,
    parameters: Mapping[str, object],
    patient_ids: list[UUID],
    from_at: datetime,
    until_at: datetime,
) -> dict[UUID, list[Measured]]:
    between = {"patient_ids": patient_ids, "from_at": from_at, "until_at": until_at}
    return _grouped(
        (
            patient_id,
            Measured(
                reading_id=reading_id,
                measured_at=measured_at,
                origin=_ORIGINS.get(origin, Origin.UNKNOWN),
            ),
        )
        for patient_id, reading_id, measured_at, origin in _rows(
            cur, statement, {**parameters, **between}
        )
    )


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _grouped(pairs: Iterable[tuple[UUID, _One]]) -> dict[UUID, list[_One]]:
    found: defaultdict[UUID, list[_One]] = defaultdict(list)
    for patient_id, one in pairs:
        found[patient_id].append(one)
    return dict(found)


def _rows(
    cur: Cursor, statement: LiteralString, parameters: Mapping[str, object]
) -> Iterator[tuple[Any, ...]]:
    # In binary: instants and ids need no parsing.
    with cur.connection.cursor(row_factory=tuple_row, binary=True) as rows:
        yield from rows.execute(statement, parameters)
