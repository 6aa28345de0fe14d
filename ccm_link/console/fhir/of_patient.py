"""What the FHIR API tells of one patient beside observations: loaded whole, for there is never much, then searched.

Each type says here how its resources of one patient are made, and whose a resource of an id is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Response

from ccm_link import fhir_rows
from ccm_link.console import patient_head, problems
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.fhir import answers
from ccm_link.console.fhir import asked as asking
from ccm_link.console.fhir.asked import Asked, Given
from ccm_link.console.fhir.patients import known_id
from ccm_link.fhir import care_task, condition, matching, plan, program_consent, team
from ccm_link.fhir.bundle import Found
from ccm_link.fhir.codings import Json
from ccm_link.fhir.server_types import TYPES, Form
from ccm_link.plan import care_plan
from ccm_link.program import care_team, consents, enrolment
from ccm_link.registry import conditions
from ccm_link.task import tasks

# A patient's tasks of some years; more of them than a care manager sees in a lifetime.
_MOST_TASKS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Told:
    """How resources of a type come about.

    Attributes:
        of: Those of one patient.
        whose: The patient whom a resource of an id is about; None where there is none.
    """

    of: Callable[[Cursor, Desk, UUID], Iterable[Json]]
    whose: Callable[[Cursor, Desk, str], UUID | None]


def read(desk: Desk, resource_id: str, *, kind: str) -> Response:
    """Return one resource."""
    asking.check_format(desk.request)
    with desk.transaction() as cur:
        patient_id = OF_PATIENT[kind].whose(cur, desk, resource_id)
        if patient_id is None:
            raise problems.Refused(problems.NOT_FOUND)
        found = _of(cur, desk, kind, patient_id, resource_id)
        # That there is nothing tells something of the patient, too: a team, for example.
        desk.saw(patient_id, resource_id=resource_id)
    if found is None:
        raise problems.Refused(problems.NOT_FOUND)
    return answers.one(desk.request, found)


def search(desk: Desk, given: Given, *, kind: str) -> Response:
    """Return a patient's resources of a type, or those of some ids, page by page."""
    asked = asking.search(desk, kind, given)
    with desk.transaction() as cur:
        seen = []
        if asked.ids is not None:
            found = _of_ids(cur, desk, asked, asked.ids)
        elif asked.patient is not None:
            patient_id = known_id(asked.patient)
            patient_head.load(cur, desk, patient_id)
            # That there is nothing tells something of the patient, too.
            seen.append(patient_id)
            found = [(patient_id, one) for one in OF_PATIENT[kind].of(cur, desk, patient_id)]
        else:
            raise asking.unusable({"patient": "it is needed, or _id"})
        wanted = [one for _, one in found if is_asked_for(asked, one)]
        desk.saw(*seen, *(patient_id for patient_id, _ in found), resources=len(wanted))
    return answers.page(desk, asked, paged(asked, wanted))


def is_asked_for(asked: Asked, resource: Json) -> bool:
    """Say whether a resource is what a search asks for. Days without a zone are those of UTC.

    Raises:
        Refused: 400; a parameter cannot be used.
    """
    for name, parameter in TYPES[asked.kind].parameters.items():
        if parameter.form is Form.DATE:
            span = asked.span(name, ZoneInfo("UTC"))
            if span is not None and not matching.is_in(resource, name, span):
                return False
        elif parameter.form is Form.TOKEN and name != "_id":
            tokens = asked.tokens(name)
            if tokens is not None and not matching.has_code(resource, name, tokens):
                return False
    return True


def paged(asked: Asked, wanted: list[Json]) -> Found:
    """Return the page of all that was found which the search asks for."""
    parameter = asked.sort.removeprefix("-")
    # By id where the times are the same, upwards in either direction.
    in_order = sorted(wanted, key=lambda one: str(one["id"]))
    in_order.sort(
        key=lambda one: matching.sort_key(one, parameter), reverse=asked.sort.startswith("-")
    )
    begins = 0
    if asked.place is not None:
        ids = [one["id"] for one in in_order]
        last = asked.place["id"]
        begins = ids.index(last) + 1 if last in ids else asked.place["number"]
    shown = in_order[begins : begins + asked.count]
    ends = begins + len(shown)
    more = {"id": shown[-1]["id"], "number": ends} if shown and ends < len(in_order) else None
    return Found(resources=shown, next_place=more, total=len(in_order))


def _of_ids(cur: Cursor, desk: Desk, asked: Asked, ids: list[str]) -> list[tuple[UUID, Json]]:
    found = []
    for resource_id in dict.fromkeys(ids):
        one = _by_id(cur, desk, asked.kind, resource_id)
        if one is not None and asked.patient in (None, str(one[0])):
            found.append(one)
    return found


def _by_id(cur: Cursor, desk: Desk, kind: str, resource_id: str) -> tuple[UUID, Json] | None:
    patient_id = OF_PATIENT[kind].whose(cur, desk, resource_id)
    if patient_id is None:
        return None
    found = _of(cur, desk, kind, patient_id, resource_id)
    return None if found is None else (patient_id, found)


def _of(cur: Cursor, desk: Desk, kind: str, patient_id: UUID, resource_id: str) -> Json | None:
    of_patient = OF_PATIENT[kind].of(cur, desk, patient_id)
    return next((one for one in of_patient if one["id"] == resource_id), None)


def _tasks(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    found = tasks.tasks_of_patient(cur, desk.practice_id, patient_id, limit=_MOST_TASKS)
    return [care_task.task(one, desk.now) for one in found]


def _conditions(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    return [condition.of(one) for one in conditions.of_patient(cur, desk.practice_id, patient_id)]


def _plans(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    found = care_plan.versions(cur, desk.practice_id, patient_id)
    return [plan.care_plan(one, is_in_force=one is found[0]) for one in found]


def _goals(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    found = care_plan.versions(cur, desk.practice_id, patient_id)
    return [goal for one in found for goal in plan.goals(one, is_in_force=one is found[0])]


def _team(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    found = team.of(patient_id, care_team.of_patient(cur, desk.practice_id, patient_id))
    return [] if found is None else [found]


def _consents(cur: Cursor, desk: Desk, patient_id: UUID) -> Iterable[Json]:
    programs = {
        one.enrolment_id: one.program
        for one in enrolment.of_patient(cur, desk.practice_id, patient_id)
    }
    zone = ZoneInfo(desk.practice(cur).time_zone)
    for one in consents.of_patient(cur, desk.practice_id, patient_id):
        held_until = one.superseded_at
        if held_until is None and one.revoked_at is not None:
            held_until = consents.holds_until(one.revoked_at, zone)
        yield program_consent.of(one, programs[one.enrolment_id], held_until)


def _of_row(kind: str) -> Callable[[Cursor, Desk, str], UUID | None]:
    def whose(cur: Cursor, desk: Desk, resource_id: str) -> UUID | None:
        named = plan.plan_of(resource_id)
        return None if named is None else fhir_rows.whose(cur, desk.practice_id, kind, named)

    return whose


OF_PATIENT: Final[Mapping[str, Told]] = {
    "Task": Told(_tasks, _of_row("task")),
    "Condition": Told(_conditions, _of_row("condition")),
    "CarePlan": Told(_plans, _of_row("plan")),
    "Goal": Told(_goals, _of_row("plan")),
    "CareTeam": Told(_team, _of_row("team")),
    "Consent": Told(_consents, _of_row("consent")),
}
