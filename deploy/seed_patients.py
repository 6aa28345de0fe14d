"""The demonstration's patients: who they are, what is known of them, how they come into a program.

Everything goes through the functions that the console calls, at instants of the last months, so that the registers are
what they would be. All people, numbers and illnesses are invented.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.program import (
    attestations,
    billing_practitioner,
    care_team,
    consent_script,
    consenting,
    enrolment,
    outreach,
    practitioner_visits,
)
from ccm_link.program.attestations import NewAttestation
from ccm_link.program.consents import GivenBy, Method, Taken
from ccm_link.program.enrolment_states import Change
from ccm_link.program.practitioner_visits import Kind, Visit
from ccm_link.registry import conditions, coverage
from ccm_link.registry.coverage import NewCoverage
from ingest import people

DAY: Final = timedelta(days=1)
_TEN: Final = time(10)


@dataclass(frozen=True, slots=True)
class Clinic:
    """The practice as this looks at it; ``at`` is now, aware UTC."""

    practice_id: UUID
    zone: ZoneInfo
    manager: people.StaffMember
    clinician: people.StaffMember
    at: datetime

    @property
    def today(self) -> date:
        """The practice's day."""
        return self.at.astimezone(self.zone).date()

    @property
    def former_month_on(self) -> date:
        """The first day of the month before this one."""
        return (self.today.replace(day=1) - DAY).replace(day=1)

    def ten_o_clock(self, on: date) -> datetime:
        """Return when the practice's clocks show ten."""
        return datetime.combine(on, _TEN, self.zone)

    @property
    def began_at(self) -> datetime:
        """When the patients were enrolled: so long ago that the former month is whole."""
        return self.ten_o_clock(self.former_month_on - timedelta(days=45))


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient; ``illnesses`` are codes of ICD-10-CM."""

    display_name: str
    born_on: date
    record_number: str
    illnesses: tuple[str, ...]


def add(cur: people.Cursor, clinic: Clinic, patient: Patient) -> UUID:
    """Add an invented patient and return the id."""
    return people.add_patient(
        cur,
        clinic.practice_id,
        display_name=patient.display_name,
        born_on=patient.born_on,
        record_number=patient.record_number,
        time_zone=clinic.zone.key,
    )


def known(cur: people.Cursor, clinic: Clinic, patient_id: UUID) -> people.Patient:
    """Return a patient who was just added."""
    found = people.patient(cur, clinic.practice_id, patient_id)
    if found is None:
        raise RuntimeError("a patient who was just added is there")
    return found


def know(cur: people.Cursor, clinic: Clinic, patient_id: UUID, illnesses: Iterable[str]) -> None:
    """Record who pays, and what the patient has had for years."""
    by, at = clinic.clinician.display_name, clinic.began_at
    began_on = clinic.began_at.date()
    payer = NewCoverage(
        kind=coverage.Kind.MEDICARE_PART_B,
        payer_name="Medicare",
        payer_id=None,
        member_id=None,
        rank=1,
        covered_from=began_on.replace(month=1, day=1),
        covered_until=None,
    )
    coverage.add(cur, clinic.practice_id, patient_id, payer, recorded_by=by, at=at)
    for code in illnesses:
        conditions.record(
            cur,
            clinic.practice_id,
            patient_id,
            code,
            source="The practice's record.",
            onset_on=began_on.replace(year=began_on.year - 6, day=1),
            recorded_by=by,
            at=at,
        )


def consented(cur: people.Cursor, clinic: Clinic, patient_id: UUID, program: str) -> UUID:
    """Lead a patient from the first thought to the consent, a day later, with a care manager; return the enrolment."""
    at, manager = clinic.began_at, clinic.manager
    practice_id, patient = clinic.practice_id, known(cur, clinic, patient_id)
    born_on = patient.born_on
    visit = Visit(
        practitioner_id=clinic.clinician.staff_id,
        visited_on=at.date(),
        kind=Kind.EVALUATION,
        was_discussed=True,
    )
    practitioner_visits.record(
        cur,
        practice_id,
        patient_id,
        visit,
        born_on=born_on,
        today=at.date(),
        recorded_by=manager.display_name,
        at=at,
    )
    care_team.name_care_manager(
        cur, practice_id, patient_id, manager.staff_id, added_by=manager.display_name, at=at
    )
    enrolment_id = enrolment.identify(
        cur,
        practice_id,
        patient_id,
        program,
        reason="Talked about in the visit.",
        made_by=manager.display_name,
        at=at,
    )
    at += DAY
    attempt = outreach.NewAttempt(
        tried_at=at,
        method=outreach.Method.PHONE,
        outcome=outreach.Outcome.REACHED,
        spoke_with=outreach.SpokeWith.PATIENT,
        note="Would like to, and wants to know what it costs.",
        next_try_at=None,
    )
    outreach.log(cur, change(cur, clinic, patient_id, enrolment_id, at), attempt)
    made = change(cur, clinic, patient_id, enrolment_id, at)
    billing_practitioner.replace(cur, made, clinic.clinician.staff_id, reason="")
    script = consent_script.in_force(cur, practice_id, program)
    taken = Taken(
        method=Method.VERBAL,
        script=script,
        elements=script.names,
        given_by=GivenBy.PATIENT,
        carer="",
        witness="",
        documented_at=at,
        evidence="",
    )
    made = change(cur, clinic, patient_id, enrolment_id, at)
    consenting.take(cur, made, taken, born_on=born_on, zone=ZoneInfo(patient.time_zone))
    return enrolment_id


def change(
    cur: people.Cursor, clinic: Clinic, patient_id: UUID, enrolment_id: UUID, at: datetime
) -> Change:
    """Return a change of an enrolment as it is now, by the care manager."""
    held = enrolment.load(cur, clinic.practice_id, patient_id, enrolment_id)
    return Change(
        practice_id=clinic.practice_id,
        patient_id=patient_id,
        enrolment_id=enrolment_id,
        row_version=held.row_version,
        made_by=clinic.manager.display_name,
        at=at,
    )


def attest(
    cur: people.Cursor, clinic: Clinic, patient_id: UUID | None, requirement: str, at: datetime
) -> None:
    """Have the clinician vouch for something, of a patient or of the whole practice."""
    new = NewAttestation(
        patient_id=patient_id,
        requirement=requirement,
        is_met=True,
        basis="As the practice's record says.",
        from_on=at.date(),
        until_on=None,
    )
    by = clinic.clinician.display_name
    attestations.attest(cur, clinic.practice_id, new, today=at.date(), attested_by=by, at=at)
