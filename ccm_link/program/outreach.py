"""Attempts to reach patients about a program: when, how, what came of each, and when to try again.

Only a conversation reaches somebody. A voicemail, a message or a letter never does, and none of them takes an enrolment
any further.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

from ccm_link import store
from ccm_link.program import enrolment, program_errors
from ccm_link.program.enrolment_states import Change, State
from ccm_link.program.program_errors import AttemptReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "outreach")


class Method(StrEnum):
    """How somebody tried."""

    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"
    PORTAL_MESSAGE = "portal_message"
    TEXT_MESSAGE = "text_message"
    LETTER = "letter"


class Outcome(StrEnum):
    """What came of it."""

    REACHED = "reached"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    LEFT_WITH_SOMEBODY = "left_with_somebody"
    SENT = "sent"


class SpokeWith(StrEnum):
    """Who was reached."""

    PATIENT = "patient"
    CAREGIVER = "caregiver"


WRITTEN: Final = frozenset({Method.PORTAL_MESSAGE, Method.TEXT_MESSAGE, Method.LETTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """An attempt as somebody writes it down. Instants are aware.

    Attributes:
        spoke_with: who was reached, and only then.
        next_try_at: when to try again; None: nothing is planned.
    """

    tried_at: datetime
    method: Method
    outcome: Outcome
    spoke_with: SpokeWith | None
    note: str
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that was made. Instants are aware UTC."""

    enrolment_id: UUID
    tried_at: datetime
    made_by: str
    method: Method
    outcome: Outcome
    spoke_with: SpokeWith | None
    note: str
    next_try_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", Method(self.method))
        object.__setattr__(self, "outcome", Outcome(self.outcome))
        if self.spoke_with is not None:
            object.__setattr__(self, "spoke_with", SpokeWith(self.spoke_with))


def check(attempt: NewAttempt, at: datetime) -> None:
    """Check an attempt before it is stored; the database says the same.

    Raises:
        program_errors.BadAttempt: with what is wrong.
    """
    is_reached = attempt.outcome is Outcome.REACHED
    is_sent = attempt.outcome is Outcome.SENT
    if attempt.tried_at > at:
        raise program_errors.BadAttempt(AttemptReason.IN_THE_FUTURE)
    if attempt.method in WRITTEN and not is_sent:
        raise program_errors.BadAttempt(AttemptReason.NO_CONVERSATION)
    if attempt.method not in WRITTEN and is_sent:
        raise program_errors.BadAttempt(AttemptReason.NOT_SENT)
    if is_reached != (attempt.spoke_with is not None):
        raise program_errors.BadAttempt(AttemptReason.WITH_WHOM)
    if attempt.next_try_at is not None and attempt.next_try_at <= at:
        raise program_errors.BadAttempt(AttemptReason.NEXT_IS_OVER)


def log(cur: store.Cursor, change: Change, attempt: NewAttempt) -> UUID:
    """Write an attempt down, and return its id.

    1. Refuse what cannot be an attempt.
    2. Whoever was reached and only identified until now is contacted by it.
    3. Plan the next attempt, or none.

    Raises:
        program_errors.ProgramError: BadAttempt, EnrolmentChanged, UnknownEnrolment.
    """
    check(attempt, change.at)
    now = enrolment.load(cur, change.practice_id, change.patient_id, change.enrolment_id)
    outreach_id = store.scalar(
        cur,
        _Q.add,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        tried_at=attempt.tried_at,
        made_by=change.made_by,
        method=attempt.method,
        outcome=attempt.outcome,
        spoke_with=attempt.spoke_with,
        note=attempt.note,
        next_try_at=attempt.next_try_at,
        recorded_at=change.at,
    )
    if attempt.outcome is Outcome.REACHED and now.state is State.IDENTIFIED:
        enrolment.advance(
            cur, change, State.CONTACTED, asks_for_plan=False, next_try_at=attempt.next_try_at
        )
    else:
        enrolment.touch(cur, change, next_try_at=attempt.next_try_at)
    return cast("UUID", outreach_id)


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Attempt]:
    """Return all attempts to reach a patient, the newest first."""
    return store.rows(cur, Attempt, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)
