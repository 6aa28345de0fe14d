"""What patients have, as codes: recorded with where it is known from, ended with a reason, never changed.

Rules may be for those with a condition. A condition counts from when it was recorded, not from when the illness began:
rules do not reach back. One that was recorded by mistake is ended like one that is over, and the reason says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "conditions")

# Three characters name a category; up to four more behind a point, which some leave out, say it more closely.
# Source: ICD-10-CM Official Guidelines for Coding and Reporting FY 2026, section I.A.2.
_CODE: Final = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{1,4})?")
_CATEGORY_LENGTH: Final = 3

CATEGORIES: Final[Mapping[str, str]] = {
    "E10": "type 1 diabetes mellitus",
    "E11": "type 2 diabetes mellitus",
    "E66": "overweight and obesity",
    "E78": "disorders of lipoprotein metabolism",
    "I10": "essential (primary) hypertension",
    "I11": "hypertensive heart disease",
    "I12": "hypertensive chronic kidney disease",
    "I13": "hypertensive heart and chronic kidney disease",
    "I25": "chronic ischemic heart disease",
    "I48": "atrial fibrillation and flutter",
    "I50": "heart failure",
    "J44": "chronic obstructive pulmonary disease",
    "N18": "chronic kidney disease",
    "O10": "pre-existing hypertension complicating pregnancy",
    "O13": "gestational hypertension",
    "O14": "pre-eclampsia",
    "O24": "diabetes mellitus in pregnancy",
}
"""Words for the categories that programs of home measurement are mostly about; a code of another one stays a code.

Source: ICD-10-CM tabular list FY 2026 (CMS and NCHS, public domain), shortened.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a patient, from when it was recorded until it was ended. Times are aware UTC.

    Attributes:
        code: ICD-10-CM, with its point.
        source: where it is known from.
        ended_at: None while it holds.
        onset_on: The day on which the illness began; None: not known.
    """

    practice_id: UUID
    condition_id: UUID
    patient_id: UUID
    code: str
    source: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    onset_on: date | None = None


def written(code: str) -> str:
    """Return a code as it is written: "e119" is "E11.9".

    Raises:
        errors.BadCode: It cannot be one.
    """
    found = _CODE.fullmatch(code.strip().upper())
    if found is None:
        raise errors.BadCode
    category, closer = found.groups()
    return f"{category}.{closer}" if closer else category


def words(code: str) -> str:
    """Return a code with what its category is called: "E11.9, type 2 diabetes mellitus"."""
    name = CATEGORIES.get(code[:_CATEGORY_LENGTH])
    return f"{code}, {name}" if name else code


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    code: str,
    *,
    source: str,
    recorded_by: str,
    at: datetime,
    onset_on: date | None = None,
) -> UUID:
    """Record that a patient has a condition, and return the record's id.

    Raises:
        errors.BadCode: The code cannot be one.
        errors.ConditionRecorded: It is recorded already and not ended.
    """
    condition_id = store.scalar(
        cur,
        _Q.record,
        practice_id=practice_id,
        patient_id=patient_id,
        code=written(code),
        source=source,
        recorded_by=recorded_by,
        at=at,
        onset_on=onset_on,
    )
    if condition_id is None:
        raise errors.ConditionRecorded
    return cast("UUID", condition_id)


def end(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    condition_id: UUID,
    *,
    ended_by: str,
    reason: str,
    at: datetime,
) -> None:
    """End a condition: it is over, or was recorded by mistake.

    Raises:
        errors.ConditionEnded: It is ended already, or the patient has none under this id.
    """
    ended = store.scalar(
        cur,
        _Q.end_condition,
        practice_id=practice_id,
        patient_id=patient_id,
        condition_id=condition_id,
        ended_by=ended_by,
        reason=reason,
        at=at,
    )
    if ended is None:
        raise errors.ConditionEnded


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Condition]:
    """Return all that was ever recorded about a patient, what holds first."""
    return store.rows(cur, Condition, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def open_codes(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]
) -> Mapping[UUID, frozenset[str]]:
    """Return the codes that hold of each of some patients; who has none is not in it."""
    found: dict[UUID, frozenset[str]] = {}
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    for patient_id, code in cur.execute(_Q.open_codes, asked).fetchall():
        found[patient_id] = found.get(patient_id, frozenset()) | {code}
    return found
