"""Numbers under which a patient is known elsewhere: Medicare, Medicaid, an EHR; recorded, ended, never changed."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.registry import registry_errors
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "patient_identifiers")


class Kind(StrEnum):
    """What a number is; the words are those of HL7 v2 table 0203."""

    MEDICARE = "MC"
    MEDICAID = "MA"
    MEDICAL_RECORD = "MR"  # another organisation's
    OF_SYSTEM = "PI"  # what an EHR or another program knows the patient by
    OTHER = "U"


MBI_SYSTEM: Final = "http://hl7.org/fhir/sid/us-mbi"
"""Source: FHIR R4 (4.0.1), known identifier systems of the United States."""

# Positions 1 to 11: C A AN N A AN N A A N N, where C is 1-9, N is 0-9 and A a letter but S, L, O, I, B, Z. Printed with
# dashes behind the fourth and the seventh, and stored without.
# Source: CMS, Understanding the Medicare Beneficiary Identifier (MBI) Format.
_LETTER: Final = "[AC-HJKMNP-RT-Y]"
_EITHER: Final = "[0-9AC-HJKMNP-RT-Y]"
_MBI: Final = re.compile(
    f"[1-9]{_LETTER}{_EITHER}[0-9]{_LETTER}{_EITHER}[0-9]{_LETTER}{_LETTER}[0-9]{{2}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """One number of a patient. Times are aware UTC; ``ended_at`` None while it holds."""

    identifier_id: UUID
    patient_id: UUID
    kind: Kind
    system: str
    value: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))


def written(kind: Kind, system: str, value: str) -> tuple[str, str]:
    """Return the system and the number as they are kept: an MBI in capitals and without dashes, under its own system.

    Raises:
        registry_errors.BadIdentifier: It is no MBI, or the system is missing where it has to be said.
    """
    if kind is Kind.MEDICARE:
        plain = value.replace("-", "").replace(" ", "").upper()
        if not _MBI.fullmatch(plain) or system not in {"", MBI_SYSTEM}:
            raise registry_errors.BadIdentifier
        return MBI_SYSTEM, plain
    if not system or not value or system == MBI_SYSTEM:
        raise registry_errors.BadIdentifier
    return system, value


def add(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    kind: Kind,
    system: str,
    value: str,
    *,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record a number and return the record's id; arguments as in :func:`written`.

    Raises:
        registry_errors.BadIdentifier: It cannot be one.
        registry_errors.IdentifierTaken: Somebody of the practice has it: this patient already, or another one.
    """
    system, value = written(kind, system, value)
    identifier_id = store.scalar(
        cur,
        _Q.add,
        practice_id=practice_id,
        patient_id=patient_id,
        kind=kind,
        system=system,
        value=value,
        recorded_by=recorded_by,
        at=at,
    )
    if identifier_id is None:
        raise registry_errors.IdentifierTaken
    return cast("UUID", identifier_id)


def end(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    identifier_id: UUID,
    *,
    ended_by: str,
    reason: str,
    at: datetime,
) -> None:
    """End a number: it was replaced, or was recorded by mistake.

    Raises:
        registry_errors.ParticularEnded: It is ended already, or the patient has none under this id.
    """
    is_ended = store.scalar(
        cur,
        _Q.end_identifier,
        practice_id=practice_id,
        patient_id=patient_id,
        identifier_id=identifier_id,
        ended_by=ended_by,
        reason=reason,
        at=at,
    )
    if is_ended is None:
        raise registry_errors.ParticularEnded


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Identifier]:
    """Return all that were ever recorded of a patient, what holds first."""
    return of_patients(cur, practice_id, [patient_id])


def of_patients(cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]) -> list[Identifier]:
    """Return all that were ever recorded of some patients, what holds first."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return store.rows(cur, Identifier, _Q.of_patients, **asked)
