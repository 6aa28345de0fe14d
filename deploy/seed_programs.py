"""The demonstration's way to a claim: patients in programs with all that these ask for, and who is in none.

Everything goes through the functions that the console calls, at instants of the last months, so that the registers, the
time log and its chain are what they would be. All people, numbers and illnesses are invented.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from alerts.measures import Comparison, Measure
from ccm_link import departure
from ccm_link.claim import monitoring, practice_billing
from ccm_link.minutes import contact, time_log
from ccm_link.minutes.contact import Contact
from ccm_link.plan import care_plan, device_set_ups, medication, plan_sharing
from ccm_link.plan.education import Learner
from ccm_link.plan.medication import Source
from ccm_link.plan.plan_document import Contributor, Goal, Intervention, Part, PlanDocument, Section
from ccm_link.plan.plan_sharing import Recipient
from ccm_link.program import enrolment
from ccm_link.program.enrolment_states import State
from ccm_link.work import Activity
from deploy import seed_patients
from deploy.seed_patients import DAY, Clinic, Patient
from ingest import people
from ingest.standing import NewStanding, Standing

_CALL: Final = Contact(contact.Method.PHONE, contact.Counterpart.PATIENT, contact.Outcome.REACHED)
_WORK: Final = (
    (Activity.PHONE_CALL, _CALL, 12, "Called: measures every morning, no dizziness, walks again."),
    (Activity.MEDICATION_REVIEW, contact.CHART_WORK, 10, "Went through the list and the doses."),
)
"""What is done for a patient in a month: 22 minutes, of which the first code takes 20."""

# Begins with 1, and its check digit is right; nobody can think that it is real.
_INVENTED_NPI: Final = "1999999992"
_OF_PRACTICE: Final = ("round_the_clock_access", "certified_record", "medical_device")
_OF_CCM: Final = ("two_conditions", "risk")
_OF_RPM: Final = ("order", "established_patient")
# Longer than a block of 30 days, so that one is over, with nearly all days that the peripherals remember.
_MONITORED_FOR: Final = timedelta(days=32)


ELIGIBLE: Final = Patient(
    "Celestine Abernathy", date(1949, 9, 5), "MFP-100533", ("I10", "E11.9", "N18.30")
)
DECEASED: Final = Patient(
    "Dorothea Vandermeer", date(1938, 1, 22), "MFP-100548", ("I50.9", "J44.9")
)
_IN_CCM: Final = ("I10", "E78.5")
_IN_RPM: Final = ("E11.9",)


def fill(
    cur: people.Cursor,
    clinic: Clinic,
    *,
    in_ccm: UUID,
    in_rpm: UUID,
    peripherals: Iterable[UUID],
) -> None:
    """Show the way to a claim in a practice that has staff and homes.

    Args:
        cur: In the scope of the practice.
        clinic: Its care manager, who does the work, and its clinician, who signs and bills.
        in_ccm: A patient with a home, for chronic care management.
        in_rpm: Another one, for remote monitoring.
        peripherals: With which that one measures.
    """
    _say_who_bills(cur, clinic)
    for requirement in _OF_PRACTICE:
        seed_patients.attest(cur, clinic, None, requirement, clinic.began_at)
    _care_for(cur, clinic, in_ccm, _IN_CCM)
    _monitor(cur, clinic, in_rpm, peripherals)
    eligible = seed_patients.add(cur, clinic, ELIGIBLE)
    seed_patients.know(cur, clinic, eligible, ELIGIBLE.illnesses)
    deceased = seed_patients.add(cur, clinic, DECEASED)
    _care_for(cur, clinic, deceased, DECEASED.illnesses)

    for worked_for, day in ((in_ccm, 6), (deceased, 8)):
        _work(cur, clinic, worked_for, clinic.ten_o_clock(clinic.former_month_on.replace(day=day)))
    _work_this_month(cur, clinic, in_ccm)
    _die(cur, clinic, deceased, clinic.former_month_on.replace(day=20))


def _say_who_bills(cur: people.Cursor, clinic: Clinic) -> None:
    practice_billing.say(
        cur,
        clinic.practice_id,
        practice_billing.Said(
            from_on=clinic.began_at.date(),
            legal_name="Millbrook Family Practice (invented)",
            npi=_INVENTED_NPI,
            tax_number="000000000",
            street="1 Example Street",
            city="Millbrook",
            state="NY",
            zip_code="000000000",
            place_of_service="11",
            contact_name="Bea Kowalczyk",
            contact_phone="2125550100",  # of the numbers that are kept for films
        ),
        recorded_by=clinic.manager.display_name,
        at=clinic.began_at,
    )
    given_names, family_name = clinic.clinician.display_name.split(" ", 1)
    practice_billing.say_name(
        cur,
        clinic.practice_id,
        clinic.clinician.staff_id,
        family_name=family_name,
        given_names=given_names,
        recorded_by=clinic.manager.display_name,
        at=clinic.began_at,
    )


def _care_for(
    cur: people.Cursor, clinic: Clinic, patient_id: UUID, illnesses: Iterable[str]
) -> None:
    """Take a patient into chronic care management, with all that it asks for."""
    seed_patients.know(cur, clinic, patient_id, illnesses)
    enrolment_id = seed_patients.consented(cur, clinic, patient_id, "ccm")
    for requirement in _OF_CCM:
        seed_patients.attest(cur, clinic, patient_id, requirement, clinic.began_at)
    planned_at = clinic.began_at + 3 * DAY
    _reconcile(cur, clinic, patient_id, planned_at)
    _plan(cur, clinic, patient_id, planned_at)
    for state in (State.PLANNED, State.ACTIVE):
        change = seed_patients.change(cur, clinic, patient_id, enrolment_id, planned_at)
        enrolment.advance(cur, change, state, asks_for_plan=True)


def _monitor(
    cur: people.Cursor, clinic: Clinic, patient_id: UUID, peripherals: Iterable[UUID]
) -> None:
    """Take a patient into remote monitoring: ordered, set up and taught, the days counted since then."""
    seed_patients.know(cur, clinic, patient_id, _IN_RPM)
    enrolment_id = seed_patients.consented(cur, clinic, patient_id, "rpm")
    for requirement in _OF_RPM:
        seed_patients.attest(cur, clinic, patient_id, requirement, clinic.began_at)
    set_up_at = clinic.at - _MONITORED_FOR
    for peripheral_id in peripherals:
        device_set_ups.record(
            cur,
            clinic.practice_id,
            patient_id,
            peripheral_id,
            learner=Learner.PATIENT,
            set_up_at=set_up_at,
            taught_at=set_up_at,
            staff_id=clinic.manager.staff_id,
            at=set_up_at,
        )
    zone = ZoneInfo(seed_patients.known(cur, clinic, patient_id).time_zone)
    monitoring.start(
        cur,
        clinic.practice_id,
        patient_id,
        started_on=set_up_at.astimezone(zone).date(),
        set_up_billed=False,
        started_by=clinic.manager.display_name,
        at=set_up_at,
    )
    change = seed_patients.change(cur, clinic, patient_id, enrolment_id, set_up_at)
    enrolment.advance(cur, change, State.ACTIVE, asks_for_plan=False)


def _reconcile(cur: people.Cursor, clinic: Clinic, patient_id: UUID, at: datetime) -> None:
    for name, dose in (("Lisinopril", "10 mg once a day"), ("Atorvastatin", "20 mg at night")):
        medication.record(
            cur,
            clinic.practice_id,
            patient_id,
            name=name,
            rxnorm_code=None,
            dose=dose,
            taken_from_on=None,
            source="The packages at home.",
            prescriber=clinic.clinician.display_name,
            staff_id=clinic.manager.staff_id,
            at=at,
        )
    medication.reconcile(
        cur,
        clinic.practice_id,
        patient_id,
        sources=(Source.PATIENT, Source.PACKAGES_AT_HOME),
        discrepancies="",
        staff_id=clinic.manager.staff_id,
        at=at,
    )


def _plan(cur: people.Cursor, clinic: Clinic, patient_id: UUID, at: datetime) -> None:
    """Draft a plan with the care manager, have the clinician sign it, and give it to the patient."""
    practice_id = clinic.practice_id
    patient = seed_patients.known(cur, clinic, patient_id)
    care_plan.begin(cur, practice_id, patient_id, staff_id=clinic.manager.staff_id, at=at)
    document = _document(patient.display_name, clinic)
    begun = _draft(cur, clinic, patient_id)
    care_plan.change(cur, practice_id, begun, document, staff_id=clinic.manager.staff_id, at=at)
    draft = _draft(cur, clinic, patient_id)
    signer = clinic.clinician
    care_plan.sign(cur, practice_id, draft, staff_id=signer.staff_id, role=signer.role, at=at)
    plan_sharing.share(
        cur,
        practice_id,
        patient_id,
        draft.plan_id,
        method=plan_sharing.Method.PRINTED,
        recipient=Recipient.PATIENT,
        recipient_name="",
        shared_at=at,
        staff_id=clinic.manager.staff_id,
        at=at,
    )


def _draft(cur: people.Cursor, clinic: Clinic, patient_id: UUID) -> care_plan.Draft:
    found = care_plan.draft(cur, clinic.practice_id, patient_id)
    if found is None:
        raise RuntimeError("a draft that was just begun is there")
    return found


def _document(patient_name: str, clinic: Clinic) -> PlanDocument:
    return PlanDocument(
        sections={
            **{one: ("Looked at: nothing is needed.",) for one in Section if one.is_needed},
            Section.PATIENT_GOAL: ("“I want to walk to the market by myself again.”",),
            Section.PROBLEMS: ("The illnesses of the record", "Fear of falling"),
            Section.PROGNOSIS: ("Good, as long as the pressure stays where it was agreed.",),
            Section.SYMPTOMS: ("Dizzy on standing up: sit down, measure, call us.",),
            Section.MEDICATION: ("A box with the days of the week, filled on Sundays.",),
        },
        goals=(
            Goal("Blood pressure as agreed", Measure.SYSTOLIC_MMHG, Comparison.BELOW, 135.0),
            Goal("Walk to the market by oneself"),
        ),
        interventions=(
            Intervention(clinic.manager.display_name, "calls every month"),
            Intervention("The patient", "measures every morning"),
        ),
        contributors=(
            Contributor(Part.PATIENT, patient_name),
            Contributor(Part.STAFF, clinic.manager.display_name),
        ),
    )


def _work(cur: people.Cursor, clinic: Clinic, patient_id: UUID, began_at: datetime) -> None:
    """Log what is done for a patient in a month, one thing after the other."""
    for activity, made, minutes, note in _WORK:
        ended_at = began_at + timedelta(minutes=minutes)
        time_log.add_by_hand(
            cur,
            clinic.practice_id,
            clinic.manager.staff_id,
            patient_id,
            started_at=began_at,
            ended_at=ended_at,
            program=enrolment.PROGRAM,
            activity=activity,
            note=note,
            reason="The demonstration has it from before there was a timer.",
            at=ended_at,
            made=made,
        )
        began_at = ended_at


def _work_this_month(cur: people.Cursor, clinic: Clinic, patient_id: UUID) -> None:
    """Log this month's work a day ago, or as the month began; nothing in its first minutes."""
    month_began_at = datetime.combine(clinic.today.replace(day=1), time(), clinic.zone)
    began_at = max(month_began_at, clinic.at - DAY)
    if began_at + sum((timedelta(minutes=one[2]) for one in _WORK), timedelta()) <= clinic.at:
        _work(cur, clinic, patient_id, began_at)


def _die(cur: people.Cursor, clinic: Clinic, patient_id: UUID, on: date) -> None:
    """Record on the day after that a patient died at half past six in the morning."""
    recorded_at = clinic.ten_o_clock(on + DAY)
    departure.record(
        cur,
        clinic.practice_id,
        patient_id,
        NewStanding.death(on, time(6, 30), clinic.zone, recorded_at),
        seen=Standing.ACTIVE,
        reason="The daughter called.",
        recorded_by=clinic.manager.display_name,
        at=recorded_at,
    )
