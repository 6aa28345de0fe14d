"""What needs a second person: approval, locked months, late entries, amendments, conflicts; and what billing sees."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ccm_link import errors, work
from ccm_link.billing import facts
from ccm_link.minutes import (
    credentials,
    month_lock,
    month_work,
    time_amendments,
    time_approval,
    time_decisions,
    time_errors,
    time_log,
    time_store,
    timers,
)
from ccm_link.minutes.contact import CHART_WORK, Contact, Counterpart, Method, Outcome
from ccm_link.minutes.credentials import Credential, Employer, NewCredential
from ccm_link.minutes.time_decisions import Kind
from ccm_link.minutes.time_entry import Entered, Limits
from ccm_link.month import Month

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
MINUTE = timedelta(minutes=1)
MARCH = Month(2026, 3)
APRIL_10 = datetime(2026, 4, 10, 15, tzinfo=UTC)
CALL = Contact(Method.PHONE, Counterpart.PATIENT, Outcome.REACHED)


class Office:
    """The practice's people with one open transaction."""

    def __init__(self, clinic: Any, cur: Any) -> None:
        self.clinic, self.cur = clinic, cur
        self.whose = (cur, clinic.practice_id)

    def add(self, started_at: datetime, minutes: int = 10, **changes: Any) -> Any:
        arguments: dict[str, Any] = {
            "staff_id": self.clinic.ada,
            "patient_id": self.clinic.patient,
            "started_at": started_at,
            "ended_at": started_at + minutes * MINUTE,
            "program": "ccm",
            "activity": work.Activity.CHART_REVIEW,
            "note": "Read the chart.",
            "reason": "Forgot.",
            "at": max(
                started_at + timedelta(hours=9), APRIL_10 if changes.get("is_late") else started_at
            ),
        } | changes
        staff_id, patient_id = arguments.pop("staff_id"), arguments.pop("patient_id")
        return time_log.add_by_hand(*self.whose, staff_id, patient_id, **arguments)

    def report(self, started_at: datetime, minutes: int = 10, **changes: Any) -> Any:
        arguments: dict[str, Any] = {
            "practice_id": self.clinic.practice_id,
            "staff_id": self.clinic.ada,
            "patient_id": self.clinic.other_patient,
            "task_id": None,
            "program": "ccm",
            "activity": work.Activity.PHONE_CALL,
            "contact": CALL,
            "started_at": started_at,
            "ended_at": started_at + minutes * MINUTE,
            "note": "Call.",
            "entered": Entered.EXTERNAL,
            "reason": "Reported by Oak.",
            "entered_at": started_at + timedelta(hours=9),
        } | changes
        return time_log.add_reported(self.cur, time_store.NewEntry(**arguments))

    def set_approval(self, at: datetime) -> None:
        time_approval.set_policy(
            *self.whose, by_hand_needs_approval=True, set_by=self.clinic.olga, at=at
        )

    def decide(self, entry_id: UUID, by: UUID, *, is_approved: bool = True, note: str = "") -> Any:
        return time_approval.decide_entry(
            *self.whose,
            entry_id,
            is_approved=is_approved,
            note=note,
            decided_by=by,
            at=APRIL_10,
        )

    def lock(self, month: Month = MARCH, at: datetime = APRIL_10) -> Any:
        return month_lock.lock(*self.whose, month, locked_by=self.clinic.olga, at=at)

    def amend(self, entry_id: UUID, **changes: Any) -> UUID:
        extra = {
            name: changes.pop(name) for name in ("is_withdrawn", "amended_by") if name in changes
        }
        entry = time_log.known(*self.whose, entry_id)
        becomes: dict[str, Any] = {
            "program": entry.program,
            "activity": entry.activity,
            "contact": entry.contact,
            "billing_role": entry.billing_role,
            "started_at": entry.started_at,
            "ended_at": entry.ended_at,
        } | changes
        return time_amendments.amend(
            *self.whose,
            entry_id,
            time_amendments.Becomes(**becomes),
            **{"is_withdrawn": False, "amended_by": self.clinic.ada} | extra,
            note="n",
            reason="Wrong.",
            at=APRIL_10,
        )

    def approve(self, amendment_id: UUID, at: datetime = APRIL_10) -> None:
        time_approval.decide_amendment(
            *self.whose,
            amendment_id,
            is_approved=True,
            note="",
            decided_by=self.clinic.ben,
            at=at,
        )

    def worked(self, patient_id: UUID | None = None) -> tuple[facts.Worked, ...]:
        patient_id = patient_id or self.clinic.patient
        return month_work.worked(*self.whose, [patient_id], MARCH).get(patient_id, ())

    def credential(self, from_at: datetime, at: datetime, **changes: Any) -> UUID:
        arguments: dict[str, Any] = {
            "practice_id": self.clinic.practice_id,
            "staff_id": self.clinic.ada,
            "credential": Credential.RN,
            "billing_role": facts.StaffRole.CLINICAL_STAFF,
            "npi": None,
            "employer": Employer.CONTRACTOR,
            "supervisor_staff_id": self.clinic.ben,
            "may_bill": False,
            "exclusion_checked_on": date(2026, 1, 1),
            "from_at": from_at,
        } | changes
        return credentials.record(
            self.cur, NewCredential(**arguments), recorded_by=self.clinic.olga, at=at
        )


@pytest.fixture
def office(clinic: Any) -> Any:
    with clinic.console.cursor() as cur:
        yield Office(clinic, cur)


# Approval


def test_time_by_hand_waits_for_somebody_else_where_the_practice_wants_it(
    office: Any, noon: datetime
) -> None:
    before = office.add(noon)
    office.set_approval(noon)
    entry = office.add(noon + 10 * MINUTE)
    assert (before.needs_approval, entry.needs_approval, entry.waits) == (False, True, True)
    assert [one.is_approved for one in office.worked()] == [True, False]
    assert [one.entry_id for one in time_approval.waiting(*office.whose)] == [entry.entry_id]
    with pytest.raises(time_errors.OwnWork):
        office.decide(entry.entry_id, office.clinic.ada)
    approved = office.decide(entry.entry_id, office.clinic.ben)
    assert (approved.is_approved, approved.approved_by_name) == (True, "Ben")
    assert all(one.is_approved for one in office.worked())
    with pytest.raises(time_errors.DecidedAlready):
        office.decide(entry.entry_id, office.clinic.ben)
    with pytest.raises(time_errors.NothingWaits):
        office.decide(before.entry_id, office.clinic.ben)


def test_refused_time_counts_for_nothing_and_says_why(office: Any, noon: datetime) -> None:
    office.set_approval(noon)
    entry = office.add(noon)
    with pytest.raises(errors.MissingWords):
        office.decide(entry.entry_id, office.clinic.ben, is_approved=False)
    refused = office.decide(entry.entry_id, office.clinic.ben, is_approved=False, note="No.")
    assert (refused.waits, refused.counts_by_itself, refused.approval_note) == (False, False, "No.")
    assert [one.is_voided for one in office.worked()] == [True]


def test_timers_need_no_approval(office: Any, noon: datetime) -> None:
    office.set_approval(noon)
    timers.start(
        *office.whose,
        office.clinic.ada,
        office.clinic.patient,
        program="ccm",
        activity=work.Activity.PHONE_CALL,
        at=noon,
        limits=Limits(timedelta(hours=2)),
    )
    ended = timers.stop(
        *office.whose,
        office.clinic.ada,
        note="n",
        at=noon + MINUTE,
        limits=Limits(timedelta(hours=2)),
    )
    assert [one.needs_approval for one in ended.entries] == [False]


# Locked months


def test_nothing_of_a_locked_month_is_added_or_voided(office: Any, noon: datetime) -> None:
    entry = office.add(noon)
    lock = office.lock()
    assert month_lock.is_locked(*office.whose, MARCH)
    assert office.lock() == lock  # pressed twice
    with pytest.raises(time_errors.MonthLocked):
        office.add(noon + timedelta(hours=1))
    with pytest.raises(time_errors.MonthLocked):
        time_log.void(
            *office.whose,
            entry.entry_id,
            voided_by=office.clinic.ada,
            reason="r",
            at=APRIL_10,
        )
    midnight = datetime(2026, 4, 1, 4, tzinfo=UTC)  # in New York
    with pytest.raises(time_errors.MonthLocked):
        office.add(midnight - MINUTE, minutes=2)
    assert office.add(midnight, minutes=1).seconds == 60


def test_month_is_locked_only_when_nothing_of_it_is_open(office: Any, noon: datetime) -> None:
    with pytest.raises(time_errors.MonthUnfinished):
        office.lock(at=datetime(2026, 4, 1, 3, 59, tzinfo=UTC))
    office.set_approval(noon)
    entry = office.add(noon)
    with pytest.raises(time_errors.MonthUnfinished):
        office.lock()
    found = month_lock.left_open(*office.whose, MARCH, APRIL_10)
    assert (found.is_over, found.timers, found.approvals, found.conflicts) == (True, 0, 1, 0)
    office.decide(entry.entry_id, office.clinic.ben)
    office.report(noon)
    assert month_lock.left_open(*office.whose, MARCH, APRIL_10).conflicts == 1
    with pytest.raises(time_errors.MonthUnfinished):
        office.lock()


def test_lock_keeps_the_head_of_the_chain(office: Any, noon: datetime) -> None:
    office.add(noon)
    office.cur.connection.commit()
    lock = office.lock()
    office.cur.connection.commit()
    office.cur.execute("select encode(chain_sha256, 'hex') from ccm.time_link where position = 1")
    assert (lock.chain_position, (lock.chain_sha256,)) == (1, office.cur.fetchone())


def test_whoever_adds_while_a_month_is_locked_comes_before_or_is_told(
    office: Any, noon: datetime
) -> None:
    """The lock waits for an open addition, and sees it; after it nothing comes in."""
    clinic = office.clinic
    office.add(noon)  # not committed: it shares the months
    locked: list[int] = []

    def lock() -> None:
        with (
            clinic.database.connect("homevitals_console", clinic.practice_id) as connection,
            connection.cursor() as cur,
        ):
            Office(clinic, cur).lock()
            cur.execute("select count(*) from ccm.time_entry")
            locked.extend(cur.fetchone() or ())

    thread = threading.Thread(target=lock)
    thread.start()
    thread.join(timeout=0.3)
    assert thread.is_alive()
    office.cur.connection.commit()
    thread.join(timeout=20)
    assert locked == [1]
    with pytest.raises(time_errors.MonthLocked):
        office.add(noon + timedelta(hours=1))


def test_late_entry_counts_once_another_person_approved_it(office: Any, noon: datetime) -> None:
    with pytest.raises(time_errors.MonthNotLocked):
        office.add(noon, is_late=True)
    office.lock()
    late = office.add(noon, is_late=True)
    assert (late.is_late, late.needs_approval) == (True, True)
    assert [one.is_approved for one in office.worked()] == [False]
    office.decide(late.entry_id, office.clinic.ben)
    assert [one.is_approved for one in office.worked()] == [True]
    slip = office.add(noon + timedelta(hours=1), is_late=True)  # nobody approved it yet
    time_log.void(
        *office.whose,
        slip.entry_id,
        voided_by=office.clinic.ada,
        reason="r",
        at=APRIL_10,
    )
    with pytest.raises(time_errors.MonthLocked):
        time_log.void(
            *office.whose,
            late.entry_id,
            voided_by=office.clinic.ada,
            reason="r",
            at=APRIL_10,
        )


def test_approved_amendment_counts_in_the_entrys_place(office: Any, noon: datetime) -> None:
    entry = office.add(noon)
    with pytest.raises(time_errors.MonthNotLocked):
        office.amend(entry.entry_id, program="rpm")
    office.lock()
    with pytest.raises(time_errors.BadAmendment):
        office.amend(entry.entry_id)
    amendment_id = office.amend(
        entry.entry_id, program="rpm", contact=CALL, ended_at=entry.ended_at + MINUTE
    )
    (waiting,) = time_amendments.waiting(*office.whose)
    assert (waiting.seconds, waiting.is_approved, waiting.staff_name) == (660, None, "Ada")
    (before,) = office.worked()
    assert (before.program, before.method) == ("ccm", facts.Method.CHART_WORK)
    with pytest.raises(time_errors.OwnWork):
        time_approval.decide_amendment(
            *office.whose,
            amendment_id,
            is_approved=True,
            note="",
            decided_by=office.clinic.ada,
            at=APRIL_10,
        )
    office.approve(amendment_id)
    (after,) = office.worked()
    assert (after.program, after.method, after.ended_at) == (
        "rpm",
        facts.Method.PHONE,
        entry.ended_at + MINUTE,
    )
    assert time_log.known(*office.whose, entry.entry_id).program == "ccm"  # the entry stays
    office.approve(office.amend(entry.entry_id, is_withdrawn=True), APRIL_10 + MINUTE)
    assert [one.is_voided for one in office.worked()] == [True]
    with pytest.raises(time_errors.BadAmendment):
        office.amend(entry.entry_id, program="ccm")


def test_amendment_puts_nobody_in_two_places(office: Any, noon: datetime) -> None:
    entry = office.add(noon)
    office.add(noon + 10 * MINUTE, patient_id=office.clinic.other_patient)
    office.lock()
    with pytest.raises(errors.OverlappingTime):
        office.amend(entry.entry_id, ended_at=entry.ended_at + MINUTE)


# Conflicts


def test_one_patients_seconds_for_two_programs_wait_for_a_person(
    office: Any, noon: datetime
) -> None:
    nurse = office.add(noon)
    colleague = office.add(noon + 4 * MINUTE, staff_id=office.clinic.ben, program="rpm")
    (found,) = time_decisions.conflicts(*office.whose, MARCH)
    assert (found.kind, found.seconds, found.is_undecided) == (Kind.TWO_PROGRAMS, 360, True)
    assert (found.former.entry_id, found.later.entry_id) == (nurse.entry_id, colleague.entry_id)
    assert month_work.decisions(*office.whose, [office.clinic.patient], MARCH) == {}
    decide = {"decided_by": office.clinic.ben, "at": APRIL_10, "reason": "It was the cuff."}
    first = time_decisions.decide(
        *office.whose, found, colleague.entry_id, former_decision=None, **decide
    )
    with pytest.raises(time_errors.ConflictDecided):  # a colleague who had not seen that
        time_decisions.decide(*office.whose, found, nurse.entry_id, former_decision=None, **decide)
    (decided,) = time_decisions.conflicts(*office.whose, MARCH)
    assert (decided.is_undecided, decided.decision.decision_id) == (False, first)
    assert month_work.decisions(*office.whose, [office.clinic.patient], MARCH) == {
        office.clinic.patient: (
            facts.Decision(
                entry_id=colleague.entry_id,
                from_at=noon + 4 * MINUTE,
                until_at=noon + 10 * MINUTE,
            ),
        )
    }
    time_decisions.decide(*office.whose, decided, nurse.entry_id, former_decision=first, **decide)
    (again,) = month_work.decisions(*office.whose, [office.clinic.patient], MARCH).values()
    assert [one.entry_id for one in again] == [nurse.entry_id]
    with pytest.raises(time_errors.NoConflict):
        time_decisions.decide(*office.whose, found, uuid4(), former_decision=None, **decide)


def test_what_another_system_reports_about_the_same_seconds_is_kept_and_shown(
    office: Any, noon: datetime
) -> None:
    own = office.add(noon)
    reported = office.report(noon + 8 * MINUTE)
    (found,) = time_decisions.conflicts(*office.whose, MARCH)
    assert (found.kind, found.seconds) == (Kind.TWO_PATIENTS, 120)
    both = [office.clinic.patient, office.clinic.other_patient]
    elsewhere = month_work.elsewhere(*office.whose, both, MARCH)
    assert {
        patient_id: [(one.entry_id, one.staff_id) for one in ones]
        for patient_id, ones in elsewhere.items()
    } == {
        office.clinic.patient: [(reported.entry_id, office.clinic.ada)],
        office.clinic.other_patient: [(own.entry_id, office.clinic.ada)],
    }
    assert list(month_work.elsewhere(*office.whose, both[:1], MARCH)) == both[:1]


def test_two_colleagues_on_one_patient_count_once_for_whoever_began(
    office: Any, noon: datetime
) -> None:
    office.add(noon)
    later = office.add(noon + 4 * MINUTE, staff_id=office.clinic.ben)
    entries = time_log.entries_of_month(*office.whose, MARCH)
    assert time_decisions.counted_already(entries) == {later.entry_id: 360}
    assert time_decisions.conflicts(*office.whose, MARCH) == []


# Who somebody was


def test_entry_keeps_who_its_person_was_at_its_beginning(office: Any, noon: datetime) -> None:
    unknown = office.add(noon - timedelta(days=2))
    office.credential(noon, at=noon)
    known = office.add(noon)
    assert (unknown.credential, unknown.billing_role) == ("unknown", facts.StaffRole.UNKNOWN)
    assert (known.credential, known.billing_role, known.employer, known.supervisor_name) == (
        "rn",
        facts.StaffRole.CLINICAL_STAFF,
        "contractor",
        "Ben",
    )
    assert [one.role for one in office.worked()] == [
        facts.StaffRole.UNKNOWN,
        facts.StaffRole.CLINICAL_STAFF,
    ]


def test_what_is_recorded_later_counts_until_the_month_is_locked(
    office: Any, noon: datetime
) -> None:
    office.add(noon)
    office.lock()
    mistaken = office.credential(noon - timedelta(days=9), at=APRIL_10 + MINUTE)
    assert [one.role for one in office.worked()] == [facts.StaffRole.UNKNOWN]
    credentials.end(
        *office.whose,
        mistaken,
        until_at=noon - timedelta(days=9),
        ended_by=office.clinic.olga,
        reason="Mistake.",
    )
    office.credential(noon - timedelta(days=9), at=APRIL_10 - MINUTE)
    assert [one.role for one in office.worked()] == [facts.StaffRole.CLINICAL_STAFF]
    assert (
        time_log.entries_of_month(*office.whose, MARCH)[0].billing_role is facts.StaffRole.UNKNOWN
    )


def test_nobody_is_two_things_at_once(office: Any, noon: datetime) -> None:
    office.credential(noon, at=noon)
    with pytest.raises(time_errors.CredentialOverlaps):
        office.credential(noon + MINUTE, at=noon, credential=Credential.LPN)
    with pytest.raises(errors.UnknownSubject):
        office.credential(noon, at=noon, staff_id=uuid4())
    with pytest.raises(time_errors.CredentialEnded):
        credentials.end(
            *office.whose, uuid4(), until_at=noon, ended_by=office.clinic.olga, reason="r"
        )


# What billing sees


def test_entries_of_before_have_honest_words(office: Any, noon: datetime) -> None:
    entry = office.add(noon)
    assert (entry.contact.method, entry.zone) == (Method.UNKNOWN, "America/New_York")
    (seen,) = office.worked()
    assert (seen.method, seen.counterpart, seen.outcome) == (
        facts.Method.CHART_WORK,
        facts.Counterpart.NOBODY,
        facts.Outcome.NOT_A_CONTACT,
    )
    office.add(noon + timedelta(hours=1), made=CHART_WORK)


def test_programs_by_blocks_of_days_reach_back_into_the_month_before(
    office: Any, noon: datetime
) -> None:
    february = datetime(2026, 2, 20, 16, tzinfo=UTC)
    office.add(february)
    reviewed = office.add(february + timedelta(hours=1), program="data_review")
    assert [one.entry_id for one in office.worked()] == [reviewed.entry_id]
