"""What a message to an EHR holds: its subject as it is now, as FHIR R4 resources made by :mod:`ccm_link.fhir`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from ccm_link.care_record.port import Json
from ccm_link.fhir import observation
from ingest import named_queries, store

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.care_record", "building")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about; ``subject_at``: of a reading, when it was measured."""

    practice_id: UUID
    subject_id: UUID
    subject_at: datetime | None


Parts: TypeAlias = list[tuple[str, Json]]
"""Resources with what each is of its subject: "" for the main one."""

Builder: TypeAlias = Callable[[Cursor, Subject], Parts]


def _observations(cur: Cursor, subject: Subject) -> Parts:
    asked = {
        "practice_id": subject.practice_id,
        "reading_id": subject.subject_id,
        "measured_at": subject.subject_at,
    }
    found = store.stored_readings(cur, _Q.reading, asked)
    beside = cur.execute(_Q.beside, asked).fetchone()
    if not found:
        return []
    return list(observation.parts_of(found[0], observation.Beside(*(beside or ()))))


BUILDERS: Final[Mapping[str, Builder]] = {"observation": _observations}
"""How each kind of message becomes resources: a further kind is a line here."""

TYPES: Final[Mapping[str, str]] = {"observation": "Observation"}
"""What the main resource of each kind is."""
