"""Carers and relatives of a patient, and from when until when the practice may talk with each about the patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.registry import registry_errors
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "related_people")

RELATIONSHIPS: Final[Mapping[str, str]] = {
    "SPS": "spouse",
    "WIFE": "wife",
    "HUSB": "husband",
    "DOMPART": "domestic partner",
    "CHILD": "child",
    "DAUC": "daughter",
    "SONC": "son",
    "PRN": "parent",
    "MTH": "mother",
    "FTH": "father",
    "SIB": "sibling",
    "SIS": "sister",
    "BRO": "brother",
    "GRNDCHILD": "grandchild",
    "FAMMEMB": "other member of the family",
    "FRND": "friend",
    "NBOR": "neighbor",
    "ROOM": "roommate",
    "RESPRSN": "responsible for the care",
    "GUARD": "guardian",
    "POWATT": "power of attorney",
    "HPOWATT": "healthcare power of attorney",
}
"""What somebody is to the patient, in our words.

Source: HL7 v3 code system RoleCode (http://terminology.hl7.org/CodeSystem/v3-RoleCode), a selection.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelatedPerson:
    """Somebody close to the patient; ``relationship`` is one of :data:`RELATIONSHIPS`, ``phone`` as it is kept."""

    name: str
    relationship: str
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedPerson(NewRelatedPerson):
    """One who is there still; instants are aware UTC. ``may_talk_since`` None: the practice may not."""

    related_id: UUID
    patient_id: UUID
    recorded_by: str
    recorded_at: datetime
    may_talk_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """From when until when the practice was allowed to talk with somebody, aware UTC; ``ended_at`` None: it is."""

    permission_id: UUID
    related_id: UUID
    name: str
    given_at: datetime
    recorded_by: str
    ended_at: datetime | None
    ended_by: str | None


def add(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewRelatedPerson,
    *,
    by: str,
    at: datetime,
) -> UUID:
    """Record somebody and return the record's id; the practice may not talk with them yet."""
    related_id = store.scalar(
        cur,
        _Q.add,
        practice_id=practice_id,
        patient_id=patient_id,
        name=new.name,
        relationship=new.relationship,
        phone=new.phone,
        by=by,
        at=at,
    )
    return cast("UUID", related_id)


def end(
    cur: Cursor, practice_id: UUID, patient_id: UUID, related_id: UUID, *, by: str, at: datetime
) -> None:
    """End somebody who is not close to the patient any more, and with it what was allowed.

    Raises:
        registry_errors.ParticularEnded: It is ended already, or the patient has nobody under this id.
    """
    told = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "related_id": related_id,
        "by": by,
        "at": at,
    }
    if store.scalar(cur, _Q.end_person, **told) is None:
        raise registry_errors.ParticularEnded
    cur.execute(_Q.end_permission, told)


def allow(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    related_id: UUID,
    given_at: datetime,
    *,
    by: str,
) -> None:
    """Record that the patient allows the practice to talk with somebody, from an instant on.

    Raises:
        registry_errors.RecordedAlready: It is allowed already, or nobody is under this id.
    """
    told = {"practice_id": practice_id, "patient_id": patient_id, "related_id": related_id}
    if store.scalar(cur, _Q.allow, given_at=given_at, by=by, **told) is None:
        raise registry_errors.RecordedAlready


def end_permission(
    cur: Cursor, practice_id: UUID, patient_id: UUID, related_id: UUID, *, by: str, at: datetime
) -> None:
    """Record that the practice may talk with somebody no more.

    Raises:
        registry_errors.ParticularEnded: It may not already, or nobody is under this id.
    """
    told = {"practice_id": practice_id, "patient_id": patient_id, "related_id": related_id}
    if store.scalar(cur, _Q.end_permission, by=by, at=at, **told) is None:
        raise registry_errors.ParticularEnded


def of_patients(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]
) -> list[RelatedPerson]:
    """Return who is close to some patients, patient by patient."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return store.rows(cur, RelatedPerson, _Q.of_patients, **asked)


def permissions(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Permission]:
    """Return with whom the practice was ever allowed to talk about a patient, the newest first."""
    return store.rows(
        cur, Permission, _Q.permissions, practice_id=practice_id, patient_id=patient_id
    )
