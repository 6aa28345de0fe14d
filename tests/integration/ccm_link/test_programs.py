"""A patient's way into a program and out of it, and what a month's billing is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ccm_link import errors
from ccm_link.billing.facts import Beside, By, InProgram
from ccm_link.claim import programs
from ccm_link.month import Month
from ccm_link.program import (
    after_hours,
    attestations,
    billed_beside,
    billing_practitioner,
    care_team,
    consent_script,
    consenting,
    consents,
    eligibility,
    enrolment,
    outreach,
    practitioner_visits,
    program_errors,
    program_list,
)
from ccm_link.program.attestations import NewAttestation
from ccm_link.program.billed_beside import NewBeside
from ccm_link.program.care_team import Outside, TeamRole
from ccm_link.program.chronic_conditions import catalogue
from ccm_link.program.consents import GivenBy, Method, Taken
from ccm_link.program.eligibility import Verdict
from ccm_link.program.enrolment_states import Change, CloseReason, Event, State
from ccm_link.program.outreach import NewAttempt, Outcome, SpokeWith
from ccm_link.program.practitioner_visits import Kind, Visit
from ccm_link.program.program_errors import AttemptReason, ConsentReason
from ingest import people
from tests import scopes
from tests.made_up_month import BOOK

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONE = ZoneInfo("America/New_York")
BORN_ON = date(1950, 1, 1)


@dataclass
class Ward:
    """A patient of the clinic who is not in any program yet, and a clinician or two."""

    clinic: Any
    cur: psycopg.Cursor[Any]
    patient: UUID
    dana: UUID
    eli: UUID
    now: datetime

    @property
    def practice_id(self) -> UUID:
        return self.clinic.practice_id

    def identify(self, program: str = "ccm") -> UUID:
        return enrolment.identify(
            self.cur,
            self.practice_id,
            self.patient,
            program,
            reason="Two conditions.",
            made_by="Ada",
            at=self.now,
        )

    def change(self, enrolment_id: UUID, **changed: Any) -> Change:
        held = enrolment.load(self.cur, self.practice_id, self.patient, enrolment_id)
        change = Change(
            practice_id=self.practice_id,
            patient_id=self.patient,
            enrolment_id=enrolment_id,
            row_version=held.row_version,
            made_by="Ada",
            at=self.now,
        )
        return replace(change, **changed)

    def taken(self, **changed: Any) -> Taken:
        script = consent_script.in_force(self.cur, self.practice_id, "ccm")
        taken = Taken(
            method=Method.VERBAL,
            script=script,
            elements=script.names,
            given_by=GivenBy.PATIENT,
            carer="",
            witness="",
            documented_at=self.now,
            evidence="",
        )
        return replace(taken, **changed)

    def take(self, enrolment_id: UUID, **changed: Any) -> UUID:
        return consenting.take(
            self.cur,
            self.change(enrolment_id),
            self.taken(**changed),
            born_on=BORN_ON,
            zone=ZONE,
        )

    def consented(self, program: str = "ccm") -> UUID:
        enrolment_id = self.identify(program)
        billing_practitioner.replace(self.cur, self.change(enrolment_id), self.dana, reason="")
        self.take(enrolment_id)
        return enrolment_id

    def state(self, enrolment_id: UUID) -> State:
        return enrolment.load(self.cur, self.practice_id, self.patient, enrolment_id).state

    def month(self, year: int = 2026, month: int = 3) -> tuple[InProgram, ...]:
        found = programs.in_programs(self.cur, self.practice_id, [self.patient], Month(year, month))
        return found.get(self.patient, ())


@pytest.fixture
def ward(clinic: Any, noon: datetime) -> Iterator[Ward]:
    with clinic.owner.transaction(), clinic.owner.cursor() as cur:
        patient = people.add_patient(
            cur,
            clinic.practice_id,
            display_name="Novak, Ida",
            born_on=BORN_ON,
            record_number="N-1",
            time_zone=ZONE.key,
        )
        dana, eli = (
            people.add_staff(
                cur,
                clinic.practice_id,
                sign_in_name=name.lower(),
                display_name=name,
                role=people.Role.CLINICIAN,
                password_argon2="-",
            )
            for name in ("Dana", "Eli")
        )
    with clinic.console.cursor() as cur:
        yield Ward(clinic, cur, patient, dana, eli, noon)


def test_the_whole_way_is_kept_with_who_and_when(ward: Ward) -> None:
    enrolment_id = ward.identify()
    assert not ward.month()
    with pytest.raises(errors.AlreadyEnrolled):
        ward.identify()
    ward.now += HOUR
    billing_practitioner.replace(ward.cur, ward.change(enrolment_id), ward.dana, reason="Hers.")
    ward.take(enrolment_id)
    ward.now += HOUR
    with pytest.raises(program_errors.NoSuchStep):  # the plan cannot be left out
        enrolment.advance(ward.cur, ward.change(enrolment_id), State.ACTIVE, asks_for_plan=True)
    enrolment.advance(ward.cur, ward.change(enrolment_id), State.PLANNED, asks_for_plan=True)
    with pytest.raises(program_errors.RequirementsMissing, match="a named one"):
        enrolment.advance(
            ward.cur,
            ward.change(enrolment_id),
            State.ACTIVE,
            asks_for_plan=True,
            missing=["a named one"],
        )
    enrolment.advance(ward.cur, ward.change(enrolment_id), State.ACTIVE, asks_for_plan=True)
    ward.now += DAY
    with pytest.raises(program_errors.BadCloseReason):
        enrolment.close(
            ward.cur, ward.change(enrolment_id), CloseReason.DECLINED, ended_at=ward.now
        )
    for wrong_end in (ward.now + HOUR, ward.now - 30 * DAY):
        with pytest.raises(program_errors.BadDay):
            enrolment.close(
                ward.cur, ward.change(enrolment_id), CloseReason.DECEASED, ended_at=wrong_end
            )
    enrolment.close(ward.cur, ward.change(enrolment_id), CloseReason.TRANSFERRED, ended_at=ward.now)
    history = enrolment.events_of_patient(ward.cur, ward.practice_id, ward.patient)
    assert [one.event for one in history] == [
        Event.IDENTIFIED,
        Event.PRACTITIONER_SET,
        Event.CONSENTED,
        Event.PLANNED,
        Event.ACTIVATED,
        Event.CLOSED,
    ]
    assert {one.made_by for one in history} == {"Ada"}
    assert not enrolment.is_in_care(ward.cur, ward.practice_id, ward.patient, ward.now)
    assert enrolment.is_in_care(ward.cur, ward.practice_id, ward.patient, ward.now - HOUR)
    ward.identify()  # whoever comes back is enrolled anew


def test_who_was_faster_wins_and_a_form_sent_twice_changes_once(ward: Ward) -> None:
    enrolment_id = ward.identify()
    drawn = ward.change(enrolment_id)
    attempt = NewAttempt(
        tried_at=ward.now,
        method=outreach.Method.PHONE,
        outcome=Outcome.VOICEMAIL,
        spoke_with=None,
        note="",
        next_try_at=ward.now + DAY,
    )
    outreach.log(ward.cur, drawn, attempt)
    ward.clinic.console.commit()
    for late in (
        lambda: outreach.log(ward.cur, drawn, attempt),
        lambda: enrolment.close(ward.cur, drawn, CloseReason.OTHER, ended_at=ward.now),
        lambda: billing_practitioner.replace(ward.cur, drawn, ward.dana, reason=""),
        lambda: consenting.take(ward.cur, drawn, ward.taken(), born_on=BORN_ON, zone=ZONE),
    ):
        with pytest.raises((program_errors.EnrolmentChanged, program_errors.NoPractitioner)):
            late()
        ward.clinic.console.rollback()
        scopes.work_for(ward.clinic.console, ward.practice_id)
    assert len(outreach.of_patient(ward.cur, ward.practice_id, ward.patient)) == 1


def test_only_a_conversation_reaches_somebody(ward: Ward) -> None:
    enrolment_id = ward.identify()

    def attempt(method: str, outcome: str, with_whom: str | None = None, **changed: Any) -> None:
        new = NewAttempt(
            tried_at=ward.now,
            method=outreach.Method(method),
            outcome=Outcome(outcome),
            spoke_with=SpokeWith(with_whom) if with_whom else None,
            note="n",
            next_try_at=None,
        )
        outreach.log(ward.cur, ward.change(enrolment_id), replace(new, **changed))

    for method, outcome, with_whom, changed, reason in (
        ("letter", "reached", "patient", {}, AttemptReason.NO_CONVERSATION),
        ("phone", "voicemail", "patient", {}, AttemptReason.WITH_WHOM),
        ("phone", "reached", None, {}, AttemptReason.WITH_WHOM),
        ("phone", "sent", None, {}, AttemptReason.NOT_SENT),
        ("phone", "busy", None, {"tried_at": ward.now + HOUR}, AttemptReason.IN_THE_FUTURE),
        ("phone", "busy", None, {"next_try_at": ward.now - HOUR}, AttemptReason.NEXT_IS_OVER),
    ):
        with pytest.raises(program_errors.BadAttempt) as refused:
            attempt(method, outcome, with_whom, **changed)
        assert refused.value.reason is reason
    again_at = ward.now + DAY
    attempt("phone", "voicemail", next_try_at=again_at)
    attempt("letter", "sent", next_try_at=again_at)
    assert ward.state(enrolment_id) is State.IDENTIFIED
    (line,) = program_list.lines(
        ward.cur, ward.practice_id, State.IDENTIFIED, None, offset=0, limit=9
    )
    assert (line.next_try_at, line.attempts, line.last_outcome) == (again_at, 2, Outcome.SENT)
    attempt("phone", "reached", "caregiver")
    assert ward.state(enrolment_id) is State.CONTACTED
    (line,) = program_list.lines(
        ward.cur, ward.practice_id, State.CONTACTED, "ccm", offset=0, limit=9
    )
    assert line.next_try_at is None


def test_a_consent_that_cannot_be_is_refused(ward: Ward) -> None:
    enrolment_id = ward.identify()
    with pytest.raises(program_errors.NoPractitioner):
        ward.take(enrolment_id)
    billing_practitioner.replace(ward.cur, ward.change(enrolment_id), ward.dana, reason="")
    script = ward.taken().script
    for changed, reason in (
        ({"documented_at": ward.now + HOUR}, ConsentReason.IN_THE_FUTURE),
        ({"documented_at": datetime(1949, 12, 31, tzinfo=UTC)}, ConsentReason.BEFORE_BIRTH),
        ({"elements": script.names - {"may_stop"}}, ConsentReason.NOT_ALL_TOLD),
        ({"documented_at": ward.now - 2 * DAY}, ConsentReason.NO_EVIDENCE),
        ({"given_by": GivenBy.CARER}, ConsentReason.NO_CARER),
        ({"carer": "Her son."}, ConsentReason.NO_CARER),
    ):
        with pytest.raises(program_errors.BadConsent) as refused:
            ward.take(enrolment_id, **changed)
        assert refused.value.reason is reason
    assert ward.state(enrolment_id) is State.IDENTIFIED
    ward.take(
        enrolment_id,
        documented_at=ward.now - 2 * DAY,
        evidence="Form in the record.",
        given_by=GivenBy.CARER,
        carer="Her son, by health care proxy.",
    )
    with pytest.raises(program_errors.AlreadyRecorded):
        ward.take(enrolment_id)
    (held,) = consents.of_patient(ward.cur, ward.practice_id, ward.patient)
    assert (held.practitioner_id, held.taken_by) == (ward.dana, "Ada")
    assert set(held.elements) == script.names
    (told,) = ward.month()
    assert told.consent_documented_at == ward.now - 2 * DAY


def test_a_consent_taken_back_holds_until_the_end_of_the_practices_month(ward: Ward) -> None:
    enrolment_id = ward.consented()
    said_at = ward.now
    ward.now += 3 * DAY
    for revoked_at, reason in (
        (said_at - HOUR, ConsentReason.REVOKED_BEFORE_GIVEN),
        (ward.now + HOUR, ConsentReason.REVOKED_IN_THE_FUTURE),
    ):
        with pytest.raises(program_errors.BadConsent) as refused:
            consenting.take_back(
                ward.cur,
                ward.change(enrolment_id),
                revoked_at=revoked_at,
                reason="Enough.",
                zone=ZONE,
            )
        assert refused.value.reason is reason
    taken_back = {"revoked_at": ward.now, "reason": "Enough.", "zone": ZONE}
    drawn = ward.change(enrolment_id)
    ended_at = consenting.take_back(ward.cur, drawn, **taken_back)
    assert ended_at == datetime(2026, 4, 1, 4, tzinfo=UTC)  # the first of April in New York
    with pytest.raises(program_errors.NoConsent):
        consenting.take_back(ward.cur, ward.change(enrolment_id), **taken_back)
    assert enrolment.is_in_care(ward.cur, ward.practice_id, ward.patient, ended_at - HOUR)
    assert not enrolment.is_in_care(ward.cur, ward.practice_id, ward.patient, ended_at)
    (told,) = ward.month()
    assert (told.consent_revoked_at, told.ended_at) == (ward.now, ended_at)
    # A block of 30 days may end in the month after, none in the one behind that.
    assert [len(ward.month(2026, month)) for month in (2, 4, 5)] == [0, 1, 0]
    with pytest.raises(psycopg.errors.RaiseException):
        ward.cur.execute(
            "update ccm.consent set revoked_at = null, revoked_by = null, revoke_reason = null"
        )


def test_another_practitioner_needs_another_consent(ward: Ward) -> None:
    enrolment_id = ward.consented()
    with pytest.raises(program_errors.AlreadyRecorded):
        billing_practitioner.replace(ward.cur, ward.change(enrolment_id), ward.dana, reason="")
    first_at = ward.now
    ward.now += 2 * DAY
    for unsuited in (ward.clinic.ada, ward.patient):
        with pytest.raises(program_errors.NotSuited), ward.clinic.console.transaction():
            billing_practitioner.replace(ward.cur, ward.change(enrolment_id), unsuited, reason="")
    changed = billing_practitioner.replace(
        ward.cur, ward.change(enrolment_id), ward.eli, reason="Dana left."
    )
    assert changed
    assert [
        (one.practitioner_id, one.consent_documented_at, one.ended_at) for one in ward.month()
    ] == [(ward.dana, first_at, ward.now), (ward.eli, None, None)]
    (line,) = program_list.lines(
        ward.cur, ward.practice_id, State.CONSENTED, None, offset=0, limit=9
    )
    assert line.needs_consent
    changed_at = ward.now
    ward.now += DAY
    ward.take(enrolment_id)
    old, new = ward.month()
    assert (old.ended_at, new.enrolled_at) == (changed_at, changed_at)
    assert new.consent_documented_at == ward.now
    ward.now += DAY
    billing_practitioner.replace(ward.cur, ward.change(enrolment_id), ward.dana, reason="Back.")
    # Her consent of before is over: who comes back needs a new one too.
    assert ward.month()[-1].consent_documented_at is None


def test_who_was_carried_over_stays_in_care_and_the_consent_is_said_to_be_unknown(
    ward: Ward,
) -> None:
    patient = ward.clinic.patient
    (held,) = enrolment.of_patient(ward.cur, ward.practice_id, patient)
    assert (held.state, held.practitioner_id) == (State.ACTIVE, None)
    (consent,) = consents.of_patient(ward.cur, ward.practice_id, patient)
    assert (consent.method, consent.given_by) == (Method.NOT_RECORDED, GivenBy.NOT_RECORDED)
    ward.patient = patient
    assert not billing_practitioner.replace(
        ward.cur, ward.change(held.enrolment_id), ward.dana, reason=""
    )
    (told,) = ward.month()
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert (told.practitioner_id, told.enrolled_at, told.consent_documented_at) == (
        ward.dana,
        since,
        since,
    )
    ward.take(held.enrolment_id)  # how it was taken may be written down anew
    assert ward.month()[0].consent_documented_at == since


def test_a_month_knows_what_was_attested_and_found_out(ward: Ward) -> None:
    ward.consented()
    today = ward.now.astimezone(ZONE).date()

    def attest(
        name: str, *, whose: UUID | None, is_met: bool = True, until_on: date | None = None
    ) -> None:
        attestations.attest(
            ward.cur,
            ward.practice_id,
            NewAttestation(
                patient_id=whose,
                requirement=name,
                is_met=is_met,
                basis="Seen.",
                from_on=today.replace(day=1),
                until_on=until_on,
            ),
            today=today,
            attested_by="Ada",
            at=ward.now,
        )

    before = ward.month()[0].attested
    assert before["continuity"] is False
    assert before["initiating_visit"] is False
    assert before.get("risk") is None
    attest("risk", whose=ward.patient)
    with pytest.raises(program_errors.AlreadyRecorded):
        attest("risk", whose=ward.patient)
    attest("round_the_clock_access", whose=None)
    attest("certified_record", whose=None)
    attest("certified_record", is_met=False, whose=ward.patient)  # goes before the practice
    attest("complex_decisions", whose=ward.patient, until_on=today.replace(day=31))
    care_team.name_care_manager(
        ward.cur, ward.practice_id, ward.patient, ward.clinic.ada, added_by="Ada", at=ward.now
    )
    visit = Visit(
        practitioner_id=ward.dana,
        visited_on=today - timedelta(days=30),
        kind=Kind.ANNUAL_WELLNESS,
        was_discussed=True,
    )
    recorded = {"born_on": BORN_ON, "today": today, "recorded_by": "Ada", "at": ward.now}
    visit_id = practitioner_visits.record(
        ward.cur, ward.practice_id, ward.patient, visit, **recorded
    )
    with pytest.raises(program_errors.AlreadyRecorded):
        practitioner_visits.record(ward.cur, ward.practice_id, ward.patient, visit, **recorded)
    for wrong in (today + timedelta(days=1), date(1949, 1, 1)):
        with pytest.raises(program_errors.BadDay):
            practitioner_visits.record(
                ward.cur,
                ward.practice_id,
                ward.patient,
                replace(visit, visited_on=wrong),
                **recorded,
            )
    after = ward.month()[0].attested
    assert {name for name, is_met in after.items() if is_met} == {
        "complex_decisions",
        "continuity",
        "initiating_visit",
        "risk",
        "round_the_clock_access",
    }
    assert after["certified_record"] is False
    assert ward.month(2026, 4)[0].attested.get("complex_decisions") is None
    practitioner_visits.withdraw(
        ward.cur,
        ward.practice_id,
        ward.patient,
        visit_id,
        reason="Another patient's.",
        withdrawn_by="Ada",
        at=ward.now,
    )
    assert ward.month()[0].attested["initiating_visit"] is False


def test_what_is_billed_beside_counts_in_its_months(ward: Ward) -> None:
    new = NewBeside(
        what="apcm", by_whom=By.OTHERS, from_on=date(2026, 2, 20), until_on=None, source="Call."
    )
    beside_id = billed_beside.record(
        ward.cur, ward.practice_id, ward.patient, new, recorded_by="Ada", at=ward.now
    )
    with pytest.raises(program_errors.AlreadyRecorded):
        billed_beside.record(
            ward.cur, ward.practice_id, ward.patient, new, recorded_by="Ada", at=ward.now
        )

    def told(month: int) -> tuple[Beside, ...]:
        found = programs.beside(ward.cur, ward.practice_id, None, Month(2026, month))
        return found.get(ward.patient, ())

    assert [len(told(month)) for month in (1, 2, 3, 9)] == [0, 1, 1, 1]
    ended = {"reason": "r", "ended_by": "Ada"}
    with pytest.raises(program_errors.BadDay):
        billed_beside.end(
            ward.cur,
            ward.practice_id,
            ward.patient,
            beside_id,
            until_on=date(2026, 2, 1),
            **ended,
        )
    mistaken = billed_beside.record(
        ward.cur,
        ward.practice_id,
        ward.patient,
        replace(new, what="esrd"),
        recorded_by="Ada",
        at=ward.now,
    )
    billed_beside.end(ward.cur, ward.practice_id, ward.patient, mistaken, until_on=None, **ended)
    billed_beside.end(
        ward.cur, ward.practice_id, ward.patient, beside_id, until_on=date(2026, 3, 2), **ended
    )
    with pytest.raises(program_errors.AlreadyEnded):
        billed_beside.end(
            ward.cur, ward.practice_id, ward.patient, beside_id, until_on=None, **ended
        )
    assert [told(month) for month in (2, 3, 4)] == [
        (Beside(what="apcm", by=By.OTHERS),),
        (Beside(what="apcm", by=By.OTHERS),),
        (),
    ]


def test_a_patient_has_one_care_manager_and_others_around(ward: Ward) -> None:
    named = {"added_by": "Ada", "at": ward.now}
    who = (ward.cur, ward.practice_id, ward.patient)
    care_team.name_care_manager(*who, ward.clinic.ada, **named)
    with pytest.raises(program_errors.AlreadyRecorded):
        care_team.name_care_manager(*who, ward.clinic.ada, **named)
    with pytest.raises(program_errors.NotSuited):
        care_team.name_care_manager(*who, ward.clinic.olga, **named)
    pharmacy = Outside(organisation="Elm Street Pharmacy", phone="555 0134")
    member_id = care_team.add_outside(*who, TeamRole.PHARMACY, pharmacy, **named)
    with pytest.raises(program_errors.AlreadyRecorded):
        care_team.add_outside(*who, TeamRole.PHARMACY, pharmacy, **named)
    with pytest.raises(program_errors.NotSuited):
        care_team.add_outside(*who, TeamRole.SPECIALIST, Outside(phone="1"), **named)
    ward.now += HOUR
    later = {"added_by": "Ada", "at": ward.now}
    care_team.name_care_manager(*who, ward.clinic.ben, **later)
    care_team.end(*who, member_id, ended_by="Ada", at=ward.now)
    with pytest.raises(program_errors.AlreadyEnded):
        care_team.end(*who, member_id, ended_by="Ada", at=ward.now)
    team = care_team.of_patient(*who)
    assert [(one.role, one.until_at is None) for one in team] == [
        (TeamRole.CARE_MANAGER, True),
        (TeamRole.CARE_MANAGER, False),
        (TeamRole.PHARMACY, False),
    ]
    practice_id, patient = ward.practice_id, ward.patient
    assert [
        care_team.care_manager_of(ward.cur, practice_id, ids, at).get(patient)
        for ids, at in (([patient], ward.now), (None, ward.now), ([patient], ward.now - HOUR / 2))
    ] == [ward.clinic.ben, ward.clinic.ben, ward.clinic.ada]


def test_calls_after_hours_are_logged_once(ward: Ward) -> None:
    with pytest.raises(program_errors.ProgramConflict):
        after_hours.set_line(
            ward.cur, ward.practice_id, "555 0100", former_version=1, set_by="Ada", at=ward.now
        )
    after_hours.set_line(
        ward.cur, ward.practice_id, "555 0100", former_version=0, set_by="Ada", at=ward.now
    )
    held = after_hours.line(ward.cur, ward.practice_id)
    assert held is not None
    assert (held.version, held.phone) == (1, "555 0100")
    call = after_hours.NewContact(
        patient_id=ward.patient,
        called_at=ward.now - HOUR,
        caller="Her son",
        answered_by=ward.clinic.ada,
        answered_at=ward.now - HOUR / 2,
        said="Dizzy; told to call an ambulance.",
    )
    log = {"recorded_by": "Ada", "at": ward.now}
    after_hours.log(ward.cur, ward.practice_id, call, **log)
    with pytest.raises(program_errors.AlreadyRecorded):
        after_hours.log(ward.cur, ward.practice_id, call, **log)
    for wrong, error in (
        ({"called_at": ward.now + HOUR}, program_errors.BadDay),
        ({"answered_at": ward.now - 2 * HOUR}, program_errors.BadDay),
        ({"answered_at": None}, program_errors.NotSuited),
        ({"answered_by": ward.clinic.olga}, program_errors.NotSuited),
    ):
        with pytest.raises(error):
            after_hours.log(ward.cur, ward.practice_id, replace(call, **wrong), **log)
    (kept,) = after_hours.latest(ward.cur, ward.practice_id, limit=5)
    assert (kept.patient_name, kept.answered_by_name) == ("Novak, Ida", "Ada")


def test_eligibility_explains_each_patient(ward: Ward) -> None:
    rules = BOOK.on(date(2026, 3, 10))
    ward.cur.execute(
        "insert into ccm.condition (practice_id, patient_id, code, source, recorded_by, recorded_at)"
        " select %s, %s, code, 's', 'Ada', %s from unnest(%s::text[]) code",
        (ward.practice_id, ward.patient, ward.now, ["I10", "I11.9", "E11.9", "S52.5"]),
    )

    def found(program: str = "ccm") -> eligibility.Finding:
        asked = eligibility.patients(
            ward.cur, ward.practice_id, program, date(2026, 3, 10), ward.patient
        )
        (one,) = eligibility.find(asked, program, rules, catalogue())
        return one

    held = found()
    assert held.verdict is Verdict.SUITS
    assert held.groups == {"Diabetes mellitus": ["E11.9"], "Hypertension": ["I10", "I11.9"]}
    assert len(held.missing) == 2
    everybody = eligibility.find(
        eligibility.patients(ward.cur, ward.practice_id, "ccm", date(2026, 3, 10)),
        "ccm",
        rules,
        catalogue(),
    )
    assert [(one.patient.display_name, one.verdict) for one in everybody] == [
        ("Novak, Ida", Verdict.SUITS),
        ("Adler, Finn", Verdict.TOO_FEW),
        ("Quill, Rosa", Verdict.TOO_FEW),
    ]
    assert everybody[1].patient.state is State.ACTIVE
    new = NewBeside(
        what="ccm", by_whom=By.OTHERS, from_on=date(2026, 1, 1), until_on=None, source="Call."
    )
    billed_beside.record(
        ward.cur, ward.practice_id, ward.patient, new, recorded_by="Ada", at=ward.now
    )
    assert found().verdict is Verdict.BLOCKED
    assert found("pcm").verdict is Verdict.SUITS  # what others do for all conditions stops no other
    enrolment_id = ward.identify("pcm")
    assert [one.stops for one in found().obstacles] == [True, True]
    enrolment.close(ward.cur, ward.change(enrolment_id), CloseReason.DECLINED, ended_at=ward.now)
    assert [(one.words, one.stops) for one in found("pcm").obstacles] == [
        ("The patient said no to it before.", False)
    ]
    with pytest.raises(program_errors.UnknownProgram):
        eligibility.find([], "none", rules, catalogue())
