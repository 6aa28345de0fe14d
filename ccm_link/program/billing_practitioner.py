"""Who bills a patient's program, from when on. A consent is for one practitioner: another one needs another consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ccm_link import store
from ccm_link.program import consents, enrolment, program_errors
from ccm_link.program.enrolment_states import Change, Event
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "billing_practitioner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioner:
    """Somebody who can bill a program."""

    staff_id: UUID
    display_name: str


def replace(cur: store.Cursor, change: Change, staff_id: UUID, *, reason: str) -> bool:
    """Say who bills the program from now on; return whether that ends the consent in force: a new one is needed.

    A consent is for one practitioner. Who was not known before is named, and changes nothing.

    Raises:
        program_errors.ProgramError: It cannot be: AlreadyRecorded, EnrolmentChanged, NotSuited, UnknownEnrolment.
    """
    now = enrolment.load(cur, change.practice_id, change.patient_id, change.enrolment_id)
    if now.practitioner_id == staff_id:
        raise program_errors.AlreadyRecorded
    enrolment.touch(cur, change, next_try_at=now.next_try_at)
    named = {
        "practice_id": change.practice_id,
        "enrolment_id": change.enrolment_id,
        "at": change.at,
    }
    if now.practitioner_id is not None and store.scalar(cur, _Q.end_practitioner, **named) is None:
        raise program_errors.EnrolmentChanged
    begun = store.scalar(
        cur,
        _Q.begin_practitioner,
        **named,
        patient_id=change.patient_id,
        staff_id=staff_id,
        made_by=change.made_by,
    )
    if begun is None:
        raise program_errors.NotSuited
    enrolment.add_event(cur, change, Event.PRACTITIONER_SET, now.state, now.state, reason)
    return now.practitioner_id is not None and consents.supersede(cur, change)


def candidates(cur: store.Cursor, practice_id: UUID) -> list[Practitioner]:
    """Return who can bill a program, by name."""
    return store.rows(cur, Practitioner, _Q.candidates, practice_id=practice_id)
