from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ccm_link import month, work
from ccm_link.billing import admission, periods, seconds_counted
from ccm_link.billing.facts import PatientMonth
from ccm_link.claim import month_facts
from ccm_link.minutes import time_log
from tests.made_up_month import BOOK

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


def seconds_of(known: PatientMonth) -> int:
    """What the rules of 2026 count for chronic care, whichever month it is: it may have no table of its own."""
    windows = {"ccm": periods.span_of_month(known.month, known.zone)}
    rules = BOOK.on(date(2026, 12, 31))
    account = seconds_counted.account(
        known, admission.admissions(known), rules, windows, datetime(2030, 1, 1, tzinfo=UTC)
    )
    return account.programs.get("ccm", seconds_counted.NOTHING).seconds


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
def test_what_counts_equals_a_count_second_by_second(
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
                    "with enrolled as (insert into ccm.enrolment (practice_id, patient_id, program, state,"
                    " close_reason, opened_at, consent_documented_at, ended_at)"
                    " values (%(practice)s, %(patient)s, 'ccm', 'closed', 'other', %(begin)s, %(begin)s, %(end)s)"
                    " returning enrolment_id)"
                    " insert into ccm.consent (practice_id, enrolment_id, patient_id, method, elements, given_by,"
                    " taken_by, documented_at, recorded_at)"
                    " select %(practice)s, enrolment_id, %(patient)s, 'not_recorded', '{}', 'not_recorded', 'x',"
                    " %(begin)s, %(begin)s from enrolled",
                    {
                        "practice": clinic.practice_id,
                        "patient": patient_id,
                        "begin": at(begin),
                        "end": at(end),
                    },
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
                " void_reason, zone, program, billing_role)"
                " select practice_id, staff_id, role, %s, 'phone_call', %s, %s, '', 'timer', %s,"
                " %s, %s, %s, 'UTC', 'ccm', case role when 'operator' then 'non_clinical' else 'clinical_staff' end"
                " from ingest.staff where staff_id = %s",
                (
                    patients[entry.patient],
                    at(begin),
                    at(end),
                    at(end),
                    *((at(end), clinic.ada, "x") if entry.voided else (None, None, None)),
                    staff[entry.staff],
                ),
            )
        found = month_facts.of_patients(cur, clinic.practice_id, patients, of_month)
        counted = {
            patient_id: seconds_of(known) for patient_id, known in found.items() if known.programs
        }
    clinic.owner.rollback()

    assert counted == {
        patient_id: sum(
            second in in_month and any(second in span for span in consent)
            for second in worked[patient_id]
        )
        for patient_id, consent in allowed.items()
    } | dict.fromkeys(set(counted) - set(allowed), 0)


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
