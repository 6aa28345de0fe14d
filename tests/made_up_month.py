"""Facts of made-up patient-months for the billing rules: everything is in order unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.billing import patient_month, rule_book
from ccm_link.billing.facts import (
    Counterpart,
    Episode,
    InProgram,
    Measured,
    Method,
    Origin,
    Outcome,
    PatientMonth,
    StaffRole,
    Worked,
)
from ccm_link.billing.proposal import Hold, Proposal, Why
from ccm_link.month import Month

NEW_YORK = ZoneInfo("America/New_York")
NOVEMBER = Month(2026, 11)
LATER = datetime(2027, 6, 1, tzinfo=UTC)
NURSE, COLLEAGUE, DOCTOR, OTHER_DOCTOR = (UUID(int=number) for number in range(1, 5))
BOOK = rule_book.read(rule_book.shipped())
ATTESTED: Mapping[str, bool | None] = dict.fromkeys(
    (
        "two_conditions",
        "risk",
        "care_plan",
        "plan_shared",
        "initiating_visit",
        "round_the_clock_access",
        "continuity",
        "certified_record",
        "order",
        "medical_device",
        "established_patient",
        "set_up_record",
        "one_complex_condition",
        "disease_plan",
        "plan_revised",
    ),
    True,
)


def number(nth: int) -> UUID:
    """Return the n-th id."""
    return UUID(int=1000 + nth)


def in_program(program: str, **changed: Any) -> InProgram:
    """Return an enrolment with consent long before, all attested but the complexity of the month."""
    enrolled_at = datetime(2014, 1, 1, tzinfo=UTC)
    return replace(
        InProgram(
            program=program,
            practitioner_id=DOCTOR,
            enrolled_at=enrolled_at,
            ended_at=None,
            consent_documented_at=enrolled_at,
            attested=ATTESTED,
        ),
        **changed,
    )


def month(
    worked: Iterable[Worked] = (),
    programs: Iterable[InProgram] | None = None,
    **changed: Any,
) -> PatientMonth:
    """Return a November 2026 in New York; without programs of its own, in all that the entries name."""
    entries = tuple(worked)
    if programs is None:
        names = {entry.program for entry in entries if entry.program is not None}
        names |= {one.program for one in changed.get("episodes", ())}
        programs = tuple(in_program(name) for name in sorted(names))
    return replace(
        PatientMonth(
            month=NOVEMBER,
            zone=NEW_YORK,
            patient_zone=NEW_YORK,
            site="office",
            prefers_personal=False,
            programs=tuple(programs),
            worked=entries,
        ),
        **changed,
    )


def worked(
    nth: int,
    seconds: int,
    *,
    at: datetime | None = None,
    program: str | None = "ccm",
    **changed: Any,
) -> Worked:
    """Return the n-th entry: of the nurse, on the n-th day of November 2026 at noon in New York."""
    started_at = at or datetime(2026, 11, nth, 12, tzinfo=NEW_YORK).astimezone(UTC)
    return replace(
        Worked(
            entry_id=number(nth),
            staff_id=NURSE,
            role=StaffRole.CLINICAL_STAFF,
            program=program,
            activity="chart_review",
            started_at=started_at,
            ended_at=started_at + timedelta(seconds=seconds),
        ),
        **changed,
    )


def called(nth: int, seconds: int, **changed: Any) -> Worked:
    """Return the n-th entry of monitoring: a call that reached the patient."""
    changed = {
        "program": "rpm",
        "activity": "phone_call",
        "method": Method.PHONE,
        "counterpart": Counterpart.PATIENT,
        "outcome": Outcome.REACHED,
        **changed,
    }
    return worked(nth, seconds, **changed)


def personal(nth: int, seconds: int, **changed: Any) -> Worked:
    """Return the n-th entry, of the doctor."""
    changed = {"staff_id": DOCTOR, "role": StaffRole.QUALIFIED_PROFESSIONAL, **changed}
    return worked(nth, seconds, **changed)


def measured(days: Iterable[date], origin: Origin = Origin.AUTOMATIC) -> tuple[Measured, ...]:
    """Return one reading at noon of each day in New York."""
    return tuple(
        Measured(
            reading_id=UUID(int=day.toordinal()),
            measured_at=datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK),
            origin=origin,
        )
        for day in days
    )


def episode(started_on: date, day_numbers: Iterable[int], **changed: Any) -> Episode:
    """Return an episode with a reading on the n-th days of it, from 0, whose set-up was billed."""
    days = [started_on + timedelta(days=nth) for nth in day_numbers]
    return replace(
        Episode(
            program="rpm",
            started_on=started_on,
            ended_on=None,
            is_set_up_billed=True,
            readings=measured(days),
        ),
        **changed,
    )


def propose(known: PatientMonth, at: datetime = LATER) -> Proposal:
    """Ask the tables that we ship."""
    return patient_month.propose(BOOK, known, at)


def units(found: Proposal) -> dict[str, int]:
    """Return the proposed units by code."""
    return {line.code: found.units(line.code) for line in found.proposed}


def holds(found: Proposal, why: Why) -> list[Hold]:
    """Return the holds of one kind."""
    return [hold for hold in found.holds if hold.why is why]
