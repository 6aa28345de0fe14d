from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ccm_link import enrolment, month, time_log, work
from ccm_link.enrolment_states import Change, CloseReason

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

# Both clock changes, a zone with a half-hour change (Lord Howe), none, and one that once skipped a day.
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
MONTHS = (
    month.Month(2026, 3),
    month.Month(2026, 10),
    month.Month(2026, 11),
    month.Month(2026, 2),
    month.Month(2024, 2),
    month.Month(2011, 12),
)


def bounds(of_month: month.Month, zone: str) -> tuple[int, int]:
    """The month in seconds since 1970, by Python's own time zone rules."""
    begin = datetime(of_month.year, of_month.month, 1, tzinfo=ZoneInfo(zone))
    following = of_month.year * 12 + of_month.month  # months count from 0 here
    end = datetime(following // 12, following % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return math.floor(begin.timestamp()), math.floor(end.timestamp())


@dataclass(frozen=True)
class Span:
    """Of an entry or an enrolment, seconds relative to one edge of the month."""

    at_end_of_month: bool
    offset_s: int
    length_s: int

    def seconds(self, edges: tuple[int, int]) -> tuple[int, int]:
        begin = edges[self.at_end_of_month] + self.offset_s
        return begin, begin + self.length_s


@dataclass(frozen=True)
class Entry:
    span: Span
    staff: int  # 0 and 1: care managers, 2: an operator
    patient: int
    voided: bool


spans = st.builds(
    Span,
    at_end_of_month=st.booleans(),
    offset_s=st.integers(-40_000, 40_000) | st.sampled_from([-3600, -1, 0, 1]),
    length_s=st.integers(1, 8 * 3600) | st.sampled_from([1, 60, 8 * 3600]),
)
entries = st.lists(
    st.builds(
        Entry,
        span=spans,
        staff=st.integers(0, 2),
        patient=st.integers(0, 1),
        voided=st.sampled_from([False, False, False, True]),
    ),
    max_size=12,
)
consents = st.lists(
    st.tuples(st.booleans(), st.integers(-50_000, 50_000), st.integers(1, 60_000) | st.none()),
    max_size=2,
    unique_by=lambda consent: consent[:2],
)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    of_month=st.sampled_from(MONTHS),
    zone=st.sampled_from(ZONES),
    logged=entries,
    consented=st.tuples(consents, consents),
)
@example(  # two care managers over each other across the month's end, in the month of a clock change
    of_month=month.Month(2026, 3),
    zone="Europe/Berlin",
    logged=[
        Entry(
            span=Span(at_end_of_month=True, offset_s=-1200, length_s=1800),
            staff=0,
            patient=0,
            voided=False,
        ),
        Entry(
            span=Span(at_end_of_month=True, offset_s=-900, length_s=1800),
            staff=1,
            patient=0,
            voided=False,
        ),
    ],
    consented=([(False, 0, None)], []),
)
def test_totals_equal_a_count_second_by_second(
    clinic: Any,
    of_month: month.Month,
    zone: str,
    logged: list[Entry],
    consented: tuple[list[tuple[bool, int, int | None]], ...],
) -> None:
    staff = (clinic.ada, clinic.ben, clinic.olga)
    patients = (clinic.patient, clinic.other_patient)
    edges = bounds(of_month, zone)
    in_month = range(*edges)
    worked: dict[UUID, set[int]] = {patient: set() for patient in patients}
    allowed: dict[UUID, list[range]] = {}
    busy: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}

    with clinic.owner.cursor() as cur:
        cur.execute("update ingest.practice set time_zone = %s", (zone,))
        cur.execute("truncate ccm.enrolment cascade")
        for patient_id, spans_of_patient in zip(patients, consented, strict=True):
            for at_end, offset_s, length_s in spans_of_patient:
                begin = edges[at_end] + offset_s
                end = edges[1] + 100_000 if length_s is None else begin + length_s
                cur.execute(
                    "insert into ccm.enrolment (practice_id, patient_id, program, state, close_reason,"
                    " opened_at, consent_documented_at, ended_at)"
                    " values (%s, %s, 'ccm', 'closed', 'other', %s, %s, %s)",
                    (clinic.practice_id, patient_id, at(begin), at(begin), at(end)),
                )
                if max(begin, edges[0]) < min(end, edges[1]):
                    allowed.setdefault(patient_id, []).append(range(begin, end))
        for entry in logged:
            begin, end = entry.span.seconds(edges)
            seconds = set(range(begin, end))
            if not entry.voided:
                if busy[entry.staff] & seconds:
                    continue  # the database would refuse it
                busy[entry.staff] |= seconds
                if entry.staff != 2:
                    worked[patients[entry.patient]] |= seconds
            cur.execute(
                "insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id,"
                " activity, started_at, ended_at, note, entered, entered_at, voided_at, voided_by,"
                " void_reason, zone)"
                " select practice_id, staff_id, role, %s, 'phone_call', %s, %s, '', 'timer', %s,"
                " %s, %s, %s, 'UTC' from ingest.staff where staff_id = %s",
                (
                    patients[entry.patient],
                    at(begin),
                    at(end),
                    at(end),
                    *((at(end), clinic.ada, "x") if entry.voided else (None, None, None)),
                    staff[entry.staff],
                ),
            )
        counted = {
            total.patient_id: total.seconds
            for total in month.totals(cur, clinic.practice_id, of_month)
        }
        one = month.total_of_patient(cur, clinic.practice_id, clinic.patient, of_month)
    clinic.owner.rollback()

    assert counted == {
        patient_id: sum(
            second in in_month and any(second in span for span in consent)
            for second in worked[patient_id]
        )
        for patient_id, consent in allowed.items()
    }
    assert (one.seconds if one else None) == counted.get(clinic.patient)


def test_threshold_is_reached_at_twenty_full_minutes(clinic: Any, noon: datetime) -> None:
    march = month.Month(2026, 3)
    with clinic.console.cursor() as cur:

        def log(started_at: datetime, seconds: int) -> None:
            time_log.add_by_hand(
                cur,
                clinic.practice_id,
                clinic.ada,
                clinic.patient,
                started_at=started_at,
                ended_at=started_at + timedelta(seconds=seconds),
                program="ccm",
                activity=work.Activity.PHONE_CALL,
                note="Talked.",
                reason="No timer.",
                at=noon + timedelta(hours=1),
            )

        log(noon, 1199)
        assert [
            (total.patient_name, total.seconds, total.threshold_reached)
            for total in month.totals(cur, clinic.practice_id, march)
        ] == [("Adler, Finn", 0, False), ("Quill, Rosa", 1199, False)]
        log(noon + timedelta(minutes=30), 1)
        total = month.total_of_patient(cur, clinic.practice_id, clinic.patient, march)
        assert total is not None
        assert (total.seconds, total.threshold_reached) == (1200, True)


def test_minutes_outside_the_enrolment_do_not_count(clinic: Any, noon: datetime) -> None:
    march = month.Month(2026, 3)
    with clinic.owner.cursor() as cur:
        left_at = noon + timedelta(minutes=5)
        (held,) = enrolment.of_patient(cur, clinic.practice_id, clinic.patient)
        change = Change(
            practice_id=clinic.practice_id,
            patient_id=clinic.patient,
            enrolment_id=held.enrolment_id,
            row_version=held.row_version,
            made_by="test",
            at=left_at,
        )
        enrolment.close(cur, change, CloseReason.TRANSFERRED, ended_at=left_at)
        assert not enrolment.is_in_care(cur, clinic.practice_id, clinic.patient, left_at)
        time_log.add_by_hand(
            cur,
            clinic.practice_id,
            clinic.ada,
            clinic.patient,
            started_at=noon,
            ended_at=noon + timedelta(minutes=10),
            program="ccm",
            activity=work.Activity.PHONE_CALL,
            note="Talked.",
            reason="No timer.",
            at=noon + timedelta(hours=1),
        )
        total = month.total_of_patient(cur, clinic.practice_id, clinic.patient, march)
        assert total is not None
        assert total.seconds == 300
        assert (
            month.total_of_patient(cur, clinic.practice_id, clinic.patient, month.Month(2026, 4))
            is None
        )


def test_entries_of_a_month_are_those_that_touch_it(clinic: Any) -> None:
    # The first of April in New York begins at 04:00 UTC.
    midnight = datetime(2026, 4, 1, 4, 0, tzinfo=UTC)
    with clinic.console.cursor() as cur:
        across, after = (
            time_log.add_by_hand(
                cur,
                clinic.practice_id,
                clinic.ada,
                clinic.patient,
                started_at=midnight + timedelta(minutes=from_minute),
                ended_at=midnight + timedelta(minutes=from_minute + 10),
                program="ccm",
                activity=work.Activity.PHONE_CALL,
                note="Talked.",
                reason="No timer.",
                at=midnight + timedelta(hours=1),
            )
            for from_minute in (-5, 5)
        )
        practice_id = clinic.practice_id
        march, april = month.Month(2026, 3), month.Month(2026, 4)
        assert time_log.entries_of_month(cur, practice_id, march) == [across]
        assert time_log.entries_of_month(cur, practice_id, april) == [across, after]
        assert [
            total.seconds
            for of_month in (march, april)
            for total in month.totals(cur, practice_id, of_month)
            if total.patient_id == clinic.patient
        ] == [300, 900]
