"""Who the patient is, as every page about a patient says it first; and what is said where that may not be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from ccm_link.console import problems
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import wording
from ingest import access, people
from ingest.access import Grant
from ingest.audit import Outcome
from ingest.people import Patient

LIMITED: Final = problems.Problem(
    403,
    "Access to this patient is limited",
    "Only the patient's care team works with this record. Emergency access is for looking, and for nothing else.",
    "Ask a member of the care team or an administrator of your practice.",
    reason="access_limited",
)


class AccessLimited(Exception):
    """A patient of the practice is hidden from the person by a restriction; carries whose desk and which patient."""

    def __init__(self, desk: Desk, patient_id: UUID) -> None:
        super().__init__()
        self.desk = desk
        self.patient_id = patient_id


@dataclass(frozen=True, slots=True)
class PatientHead:
    """A patient with what depends on the moment."""

    record: Patient
    zone: ZoneInfo
    age: int


def load(cur: Cursor, desk: Desk, patient_id: UUID) -> PatientHead:
    """Load a patient of the practice. It tells the audit trail nothing: the handler says what it shows.

    Raises:
        Refused: 404 for a patient who is not there or another practice's.
        AccessLimited: a restriction hides the patient from this person, or emergency access is not enough for what
            the route does.
    """
    record = people.patient(cur, desk.practice_id, patient_id)
    if record is None:
        if access.is_hidden(cur, patient_id):
            raise AccessLimited(desk, patient_id)
        raise problems.Refused(problems.NOT_FOUND)
    zone = ZoneInfo(record.time_zone)
    return PatientHead(record, zone, wording.age(record.born_on, desk.now.astimezone(zone).date()))


def grant(cur: Cursor, desk: Desk, patient_id: UUID) -> Grant | None:
    """Return the emergency access through which alone this person sees the patient."""
    in_force = access.grants_in_force(cur, desk.practice_id, desk.staff_id, desk.now)
    return next((one for one in in_force if one.patient_id == patient_id), None)


def answer_limited(request: Request, error: AccessLimited) -> Response:
    """Lead a person to where emergency access is asked for; refuse programs and changes. The trail notes who asked."""
    desk = error.desk
    may_request = permissions.may(desk.who, Resource.BREAK_GLASS, Action.REQUEST)
    if may_request and request.method == "GET" and not problems.is_for_programs(request.scope):
        # That page writes the line.
        return RedirectResponse(f"/patients/{error.patient_id}/emergency", 303)
    with desk.transaction():
        desk.saw(error.patient_id, outcome=Outcome.REFUSED)
    return problems.response(LIMITED, request.scope)
