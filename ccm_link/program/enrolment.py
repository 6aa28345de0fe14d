"""Who is in which program: from the first thought of it over the consent to the end, each step with who, when and why.

A step is a conditional update of exactly the row that a person looked at, and a line of its history beside it, in one
transaction. From the first documented consent until the end a patient is in care: alerts become tasks, and minutes may
count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from ccm_link import errors, store
from ccm_link.program import consents, enrolment_states, program_errors
from ccm_link.program.enrolment_states import Change, CloseReason, Event, State
from ingest import named_queries
from ingest.standing import Standing

_Q: Final = named_queries.load("ccm_link.program", "enrolment")

PROGRAM: Final = "ccm"
"""Chronic care management, by the name that the billing tables give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One patient's way through one program. Times are aware UTC.

    Attributes:
        program: by the name that the billing tables give it.
        opened_at: when the patient was identified.
        consent_documented_at: of the first consent; None: there is none yet.
        ended_at: from then on it is over, which may be to come: a consent taken back holds until the month's end.
        next_try_at: when to call again.
        practitioner_id: who bills it now; None: not known.
    """

    practice_id: UUID
    enrolment_id: UUID
    patient_id: UUID
    program: str
    state: State
    opened_at: datetime
    consent_documented_at: datetime | None
    ended_at: datetime | None
    next_try_at: datetime | None
    close_reason: CloseReason | None
    row_version: int
    practitioner_id: UUID | None
    practitioner_name: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        if self.close_reason is not None:
            object.__setattr__(self, "close_reason", CloseReason(self.close_reason))

    def is_in_care(self, at: datetime) -> bool:
        """Tell whether work at an instant could count."""
        documented, ended = self.consent_documented_at, self.ended_at
        return documented is not None and documented <= at and (ended is None or at < ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A line of an enrolment's history."""

    enrolment_id: UUID
    at: datetime
    event: Event
    from_state: State | None
    to_state: State
    made_by: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "event", Event(self.event))
        object.__setattr__(self, "to_state", State(self.to_state))
        if self.from_state is not None:
            object.__setattr__(self, "from_state", State(self.from_state))


def identify(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    program: str,
    *,
    reason: str,
    made_by: str,
    at: datetime,
) -> UUID:
    """Note that a program would suit a patient, and return the enrolment's id.

    Raises:
        errors.AlreadyEnrolled: The patient has an open enrolment in the program.
        program_errors.NotCaredForHere: The patient died or was transferred.
    """
    standing = store.scalar(cur, _Q.keep_standing, practice_id=practice_id, patient_id=patient_id)
    if standing in {Standing.DECEASED, Standing.TRANSFERRED}:
        raise program_errors.NotCaredForHere
    enrolment_id = _open(cur, practice_id, patient_id, program, State.IDENTIFIED, at, None)
    change = Change(
        practice_id=practice_id,
        patient_id=patient_id,
        enrolment_id=enrolment_id,
        row_version=1,
        made_by=made_by,
        at=at,
    )
    add_event(cur, change, Event.IDENTIFIED, None, State.IDENTIFIED, reason)
    return enrolment_id


def enrol(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    consent_documented_at: datetime,
    enrolled_by: str,
    program: str = PROGRAM,
) -> UUID:
    """Carry over a patient who is in a program already, from the instant at which the consent was documented elsewhere.

    How the consent was taken is not known here, and said so. Earlier minutes never count.

    Source: CMS MLN909188 "Chronic Care Management Services" (2025): consent, verbal or written, is
        documented before care management is furnished.

    Raises:
        errors.AlreadyEnrolled: The patient has an open enrolment in the program.
    """
    at = consent_documented_at
    enrolment_id = _open(cur, practice_id, patient_id, program, State.ACTIVE, at, at)
    change = Change(
        practice_id=practice_id,
        patient_id=patient_id,
        enrolment_id=enrolment_id,
        row_version=1,
        made_by=enrolled_by,
        at=at,
    )
    add_event(cur, change, Event.CARRIED_OVER, None, State.ACTIVE, "")
    consents.carry_over(cur, change)
    return enrolment_id


def load(cur: store.Cursor, practice_id: UUID, patient_id: UUID, enrolment_id: UUID) -> Enrolment:
    """Return one enrolment of a patient.

    Raises:
        program_errors.UnknownEnrolment: There is none.
    """
    found = store.row(
        cur,
        Enrolment,
        _Q.enrolment,
        practice_id=practice_id,
        patient_id=patient_id,
        enrolment_id=enrolment_id,
    )
    if found is None:
        raise program_errors.UnknownEnrolment
    return found


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Enrolment]:
    """Return a patient's enrolments, the open ones first, then the newest."""
    return store.rows(cur, Enrolment, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def events_of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Happened]:
    """Return what happened to a patient's enrolments, oldest first."""
    return store.rows(cur, Happened, _Q.events, practice_id=practice_id, patient_id=patient_id)


def is_in_care(cur: store.Cursor, practice_id: UUID, patient_id: UUID, at: datetime) -> bool:
    """Tell whether the patient is in any program at an instant."""
    return bool(
        store.scalar(cur, _Q.is_in_care, practice_id=practice_id, patient_id=patient_id, at=at)
    )


def advance(
    cur: store.Cursor,
    change: Change,
    to_state: State,
    *,
    asks_for_plan: bool,
    missing: Sequence[str] = (),
    consent_documented_at: datetime | None = None,
    next_try_at: datetime | None = None,
    reason: str = "",
) -> None:
    """Take the next step of an enrolment.

    1. Load it; a closed one and a step that is not in the table are refused.
    2. Refuse what the program asks for and is not there.
    3. Change the row if it is still the one that was looked at, and add the line of its history.

    Args:
        cur: Open cursor.
        change: Who, when, which row.
        to_state: Where to; to close it, :func:`close`.
        asks_for_plan: As in :func:`enrolment_states.check`.
        missing: Titles of requirements that have to be there for the step and are not.
        consent_documented_at: Of the consent that makes the step.
        next_try_at: When to call again; whatever was planned before is over with the step.
        reason: Why, in words; may be empty.

    Raises:
        program_errors.ProgramError: EnrolmentChanged, NoSuchStep, RequirementsMissing, UnknownEnrolment.
    """
    now = load(cur, change.practice_id, change.patient_id, change.enrolment_id)
    _is_the_one(now, change)
    event = enrolment_states.check(now.state, to_state, asks_for_plan=asks_for_plan)
    if missing:
        raise program_errors.RequirementsMissing(missing)
    _take_step(
        cur,
        change,
        now.state,
        to_state,
        consent_documented_at=consent_documented_at,
        next_try_at=next_try_at,
    )
    add_event(cur, change, event, now.state, to_state, reason)


def close(
    cur: store.Cursor,
    change: Change,
    reason: CloseReason,
    *,
    ended_at: datetime,
    words: str = "",
) -> None:
    """Close an enrolment, for good: whoever comes back is enrolled anew.

    Args:
        cur: Open cursor.
        change: Who, when, which row.
        reason: Of the closed list.
        ended_at: From when on it is over: now or before; a consent taken back ends with its month.
        words: Beside the reason; may be empty.

    Raises:
        program_errors.ProgramError: BadCloseReason, BadDay, EnrolmentChanged, NoSuchStep, UnknownEnrolment.
    """
    now = load(cur, change.practice_id, change.patient_id, change.enrolment_id)
    _is_the_one(now, change)
    enrolment_states.check_reason(now.state, reason)
    is_taken_back = reason is CloseReason.OPTED_OUT
    if ended_at > change.at and not is_taken_back:
        raise program_errors.BadDay(program_errors.DayReason.IN_THE_FUTURE)
    if (
        ended_at < now.opened_at
        if now.consent_documented_at is None
        else ended_at <= now.consent_documented_at
    ):
        raise program_errors.BadDay(program_errors.DayReason.BEFORE_ENROLMENT)
    _take_step(cur, change, now.state, State.CLOSED, ended_at=ended_at, close_reason=reason)
    add_event(cur, change, Event.CLOSED, now.state, State.CLOSED, words)


def close_all(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    reason: CloseReason,
    *,
    ended_at: datetime,
    words: str,
    made_by: str,
    at: datetime,
) -> None:
    """Close all open enrolments of a patient who died or is cared for elsewhere, whoever looks at them meanwhile.

    One that began only after the patient had left, for nobody knew it then, is over from now on.

    The cursor is of the transaction that records it. ``reason`` is deceased or transferred, which suit every state;
    since ``ended_at``, now or before, it is so; ``words`` stand beside the reason.
    """
    cur.execute(
        _Q.close_all,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "close_reason": reason,
            "ended_at": ended_at,
            "reason": words,
            "made_by": made_by,
            "at": at,
        },
    )


def touch(cur: store.Cursor, change: Change, *, next_try_at: datetime | None) -> None:
    """Count a change of an open enrolment that is kept elsewhere.

    Raises:
        program_errors.EnrolmentChanged: It is not the row that was looked at any more, or it is closed.
    """
    changed = store.changed(
        cur,
        _Q.touch,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        row_version=change.row_version,
        next_try_at=next_try_at,
    )
    if not changed:
        raise program_errors.EnrolmentChanged


def add_event(
    cur: store.Cursor,
    change: Change,
    event: Event,
    from_state: State | None,
    to_state: State,
    reason: str,
) -> None:
    """Add a line to an enrolment's history."""
    store.changed(
        cur,
        _Q.add_event,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        at=change.at,
        event=event,
        from_state=from_state,
        to_state=to_state,
        made_by=change.made_by,
        reason=reason,
    )


def _open(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    program: str,
    state: State,
    opened_at: datetime,
    consent_documented_at: datetime | None,
) -> UUID:
    enrolment_id = store.scalar(
        cur,
        _Q.open_enrolment,
        practice_id=practice_id,
        patient_id=patient_id,
        program=program,
        state=state,
        opened_at=opened_at,
        consent_documented_at=consent_documented_at,
    )
    if enrolment_id is None:
        raise errors.AlreadyEnrolled
    return cast("UUID", enrolment_id)


def _is_the_one(now: Enrolment, change: Change) -> None:
    if now.row_version != change.row_version:
        raise program_errors.EnrolmentChanged


def _take_step(
    cur: store.Cursor,
    change: Change,
    from_state: State,
    to_state: State,
    *,
    consent_documented_at: datetime | None = None,
    next_try_at: datetime | None = None,
    ended_at: datetime | None = None,
    close_reason: CloseReason | None = None,
) -> None:
    changed = store.changed(
        cur,
        _Q.take_step,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        row_version=change.row_version,
        from_state=from_state,
        to_state=to_state,
        consent_documented_at=consent_documented_at,
        next_try_at=next_try_at,
        ended_at=ended_at,
        close_reason=close_reason,
    )
    if not changed:
        raise program_errors.EnrolmentChanged
