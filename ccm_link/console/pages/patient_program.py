"""A patient's programs: how far each enrolment is, its consent, what is missing, attempts, the care team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.billing.rule_book import Rules
from ccm_link.claim import programs
from ccm_link.console import patient_head, program_rules
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted.forms import NOTHING_REFUSED, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import program_words
from ccm_link.console.words.program_words import Said
from ccm_link.month import Month
from ccm_link.program import (
    attestations,
    billed_beside,
    billing_practitioner,
    care_team,
    consent_script,
    consents,
    eligibility,
    enrolment,
    enrolment_states,
    outreach,
    practitioner_visits,
    requirements,
)
from ccm_link.program.chronic_conditions import catalogue
from ccm_link.program.consent_script import Script
from ccm_link.program.consents import Consent, GivenBy, Method
from ccm_link.program.eligibility import Finding
from ccm_link.program.enrolment import Enrolment, Happened
from ccm_link.program.enrolment_states import CloseReason, State
from ccm_link.program.outreach import Attempt
from ccm_link.program.requirements import Asked, Known
from ingest import access, people

router = APIRouter(prefix="/patients/{patient_id}/program", include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One enrolment with all that a person needs to take it further.

    Attributes:
        asked: what the program asks for, with what is known of it.
        next_state: where to from here; None: nowhere.
        missing: what has to be there before, by title.
        consent: by which it goes on; None: one is needed.
    """

    held: Enrolment
    title: str
    asked: Sequence[Asked]
    next_state: State | None
    missing: Sequence[str]
    consent: Consent | None
    consents: Sequence[Consent]
    script: Script
    attempts: Sequence[Attempt]
    events: Sequence[Happened]

    @property
    def needs_consent(self) -> bool:
        """Whether it is in care and no consent is in force, for the practitioner changed."""
        return self.consent is None and self.held.state in enrolment_states.IN_CARE


@router.get("")
def program_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show a patient's programs."""
    with desk.transaction() as cur:
        return show(desk, cur, patient_id, said=said.sentence if said else "")


def show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    refusal: Refusal = NOTHING_REFUSED,
    *,
    said: str = "",
) -> HTMLResponse:
    """Show the page, also with a form of it that was refused."""
    head = patient_head.load(cur, desk, patient_id)
    today = program_rules.today(desk, cur)
    rules = program_rules.rules_on(desk, today)
    shown = enrolments(desk, cur, patient_id, rules, today)
    grant = patient_head.grant(cur, desk, patient_id)
    staff = [
        one
        for one in people.staff(cur, desk.practice_id)
        if one.disabled_at is None and one.role in access.CLINICAL
    ]
    desk.saw(patient_id, resource=Resource.PROGRAM, enrolments=len(shown))
    return desk.page(
        cur,
        "patient_program.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=head,
        shown=[one for one in shown if one.held.state is not State.CLOSED],
        closed=[one for one in shown if one.held.state is State.CLOSED],
        findings=findings(desk, cur, patient_id, rules, today),
        attestations=attestations.of_patient(cur, desk.practice_id, patient_id),
        visits=practitioner_visits.of_patient(cur, desk.practice_id, patient_id),
        beside=billed_beside.of_patient(cur, desk.practice_id, patient_id),
        team=care_team.of_patient(cur, desk.practice_id, patient_id),
        practitioners=[
            (str(one.staff_id), one.display_name)
            for one in billing_practitioner.candidates(cur, desk.practice_id)
        ],
        colleagues=[(str(one.staff_id), one.display_name) for one in staff],
        kinds_beside=billed_beside.kinds(rules),
        programs=program_words.programs(rules),
        titles={name: requirements.title_of(name, rules) for name in _attestable(rules)},
        close_reasons=_close_reasons,
        methods=[(one, program_words.CONSENT_METHODS[one]) for one in Method][:-1],
        givers=[(one, program_words.GIVEN_BY[one]) for one in GivenBy][:-1],
        today=today,
        rules=rules,
        may_change=not grant and permissions.may(desk.who, Resource.PROGRAM, Action.CHANGE),
        grant=grant,
        said=said,
        refusal=refusal,
    )


def enrolments(desk: Desk, cur: Cursor, patient_id: UUID, rules: Rules, today: date) -> list[Shown]:
    """Return a patient's enrolments with what each of them needs."""
    month = Month(today.year, today.month)
    of_all = programs.known(cur, desk.practice_id, [patient_id], month)
    known = of_all.get(patient_id, of_all[None])
    register = consents.of_patient(cur, desk.practice_id, patient_id)
    attempts = outreach.of_patient(cur, desk.practice_id, patient_id)
    events = enrolment.events_of_patient(cur, desk.practice_id, patient_id)
    zone = ZoneInfo(desk.practice(cur).time_zone)
    return [
        _shown(
            held,
            rules,
            known,
            [one for one in register if one.enrolment_id == held.enrolment_id],
            [one for one in attempts if one.enrolment_id == held.enrolment_id],
            [one for one in events if one.enrolment_id == held.enrolment_id],
            consent_script.in_force(cur, desk.practice_id, held.program),
            zone,
            today,
        )
        for held in enrolment.of_patient(cur, desk.practice_id, patient_id)
    ]


def findings(
    desk: Desk, cur: Cursor, patient_id: UUID, rules: Rules, today: date
) -> list[tuple[str, Finding]]:
    """Return of each program without an open enrolment what speaks for it and against it, with its title."""
    found = []
    for name, title in program_words.programs(rules):
        asked = eligibility.patients(cur, desk.practice_id, name, today, patient_id)
        found += [
            (title, one)
            for one in eligibility.find(asked, name, rules, catalogue())
            if one.patient.state is None
        ]
    return found


def _shown(
    held: Enrolment,
    rules: Rules,
    known: Known,
    register: Sequence[Consent],
    attempts: Sequence[Attempt],
    events: Sequence[Happened],
    script: Script,
    zone: ZoneInfo,
    today: date,
) -> Shown:
    consent = consents.in_force(register, held.enrolment_id)
    start_on = consent.documented_at.astimezone(zone).date() if consent else today
    title, asked, next_state = program_words.title(held.program, rules), [], None
    if held.program in dict(program_words.programs(rules)):
        asked = requirements.asked_by(
            held.program,
            rules,
            known,
            practitioner_id=held.practitioner_id,
            start_on=start_on,
        )
        asks_for_plan = requirements.asks_for_plan(requirements.of(held.program, rules))
        next_state = enrolment_states.next_step(held.state, asks_for_plan=asks_for_plan)
    return Shown(
        held=held,
        title=title,
        asked=asked,
        next_state=next_state,
        missing=requirements.missing_for(next_state, asked) if next_state else (),
        consent=consent,
        consents=register,
        script=script,
        attempts=attempts,
        events=events,
    )


def _attestable(rules: Rules) -> list[str]:
    """Return what a person can vouch for of a patient, in any of the programs."""
    found = [
        name
        for program, _ in program_words.programs(rules)
        for name, _ in program_words.attestable(program, rules)
    ]
    return list(dict.fromkeys(found))


def _close_reasons(state: State) -> list[tuple[str, str]]:
    """Return for which reasons an enrolment in a state can be closed; a consent is taken back in its own form."""
    return [
        (reason.value, words)
        for reason, words in program_words.CLOSE_REASONS.items()
        if reason is not CloseReason.OPTED_OUT
        and (reason is not CloseReason.DECLINED or state in enrolment_states.BEFORE_CONSENT)
    ]
