"""What patients and carers were taught, how, and whether they could say or show it back; with checklists of technique.

Source of the checklists:
    blood pressure: Shimbo et al., AHA and AMA joint policy statement on blood pressure monitoring at home,
    Circulation 142, e42-e63, 2020; glucose: American Diabetes Association, Standards of Care in Diabetes 2026, section
    7, and ISO 15197:2013 as meters' instructions repeat it. Points in our own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.plan import plan_errors
from ccm_link.plan.plan_errors import TimeReason
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "education")


class Topic(StrEnum):
    """What was taught."""

    BLOOD_PRESSURE_TECHNIQUE = "blood_pressure_technique"
    GLUCOSE_TECHNIQUE = "glucose_technique"
    SYMPTOMS_TO_REPORT = "symptoms_to_report"
    LOW_GLUCOSE = "low_glucose"
    MEDICATION = "medication"
    FOOD_AND_SALT = "food_and_salt"
    MOVEMENT = "movement"
    TOBACCO_AND_ALCOHOL = "tobacco_and_alcohol"
    FOOT_CARE = "foot_care"
    DEVICE_USE = "device_use"
    CARE_PLAN = "care_plan"
    AFTER_DISCHARGE = "after_discharge"


class Method(StrEnum):
    """How it was taught."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    VIDEO = "video"
    WRITTEN = "written"


class Learner(StrEnum):
    """Who was taught."""

    PATIENT = "patient"
    CARER = "carer"
    BOTH = "both"


CHECKLISTS: Final[Mapping[Topic, Mapping[str, str]]] = {
    Topic.BLOOD_PRESSURE_TECHNIQUE: {
        "no_smoke_coffee_exercise": "No smoking, coffee or exercise in the half hour before",
        "bladder_empty": "Empty bladder",
        "rest_five_minutes": "Five minutes of quiet rest first",
        "back_and_feet": "Back leaned on, feet flat, legs not crossed",
        "arm_at_heart": "Arm resting, cuff at the height of the heart",
        "cuff_fits": "Cuff of the right size on the bare upper arm",
        "no_talking": "No talking while it measures",
        "two_readings": "Two readings a minute apart, mornings and evenings",
    },
    Topic.GLUCOSE_TECHNIQUE: {
        "hands_washed": "Hands washed with soap and dried, no spirit",
        "strips_in_date": "Strips in date, out of a closed vial",
        "side_of_finger": "Side of the fingertip, another finger each time",
        "drop_of_itself": "A drop that comes without squeezing hard",
        "fill_once": "Strip filled in one go",
        "meal_marked": "Before or after a meal is marked",
        "lancet_once": "Lancet used once and thrown away safely",
        "control_solution": "Knows when to test with control solution",
    },
}
"""Points by topic: the name that is stored, and the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """One lesson.

    Attributes:
        teach_back: whether it was said or shown back in own words.
        points: of the topic's checklist, by name: what was done right in the end.
    """

    education_id: UUID
    patient_id: UUID
    topic: Topic
    method: Method
    learner: Learner
    taught_by: str
    taught_at: datetime
    teach_back: bool
    points: tuple[str, ...]
    note: str

    @property
    def missing_points(self) -> tuple[str, ...]:
        """Return the words of the points that were not done right."""
        points = CHECKLISTS.get(self.topic, {})
        return tuple(words for name, words in points.items() if name not in self.points)


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    topic: Topic,
    method: Method,
    learner: Learner,
    teach_back: bool,
    points: Sequence[str],
    note: str,
    taught_at: datetime,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Record a lesson and return its id; points that the topic's checklist does not have are left out.

    Raises:
        plan_errors.BadPlanTime: It is to come.
        errors.UnknownSubject: The practice has no such patient.
    """
    if taught_at > at:
        raise plan_errors.BadPlanTime(TimeReason.IN_THE_FUTURE)
    try:
        with cur.connection.transaction():
            education_id = store.scalar(
                cur,
                _Q.record,
                practice_id=practice_id,
                patient_id=patient_id,
                topic=topic,
                method=method,
                learner=learner,
                teach_back=teach_back,
                points=[name for name in CHECKLISTS.get(topic, {}) if name in points],
                note=note,
                taught_at=taught_at,
                staff_id=staff_id,
                at=at,
            )
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None
    return cast("UUID", education_id)


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Taught]:
    """Return what a patient and carers were taught, the newest first."""
    return store.rows(cur, _taught, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def _taught(
    *, topic: str, method: str, learner: str, points: Sequence[str], **columns: Any
) -> Taught:
    return Taught(
        topic=Topic(topic),
        method=Method(method),
        learner=Learner(learner),
        points=tuple(points),
        **columns,
    )
