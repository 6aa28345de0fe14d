"""Who a patient is: names, birth, record number, zone, gender, language; corrected with a reason, kept as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ingest import errors, named_queries, statements
from ingest.people import Patient

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "patient_identity")

GENDERS: Final = ("female", "male", "other", "unknown")
"""Source: FHIR R4 (4.0.1), value set administrative-gender."""

BIRTH_SEXES: Final = ("F", "M", "OTH", "ASKU", "UNK")
"""Source: US Core 6.1.0, value set birthsex: female, male, other, asked and not told, not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What may be corrected; fields as in :class:`ingest.people.Patient`."""

    display_name: str
    born_on: date
    record_number: str
    time_zone: str
    family_name: str | None = None
    given_names: str | None = None
    administrative_gender: str | None = None
    birth_sex: str | None = None
    language: str | None = None

    @classmethod
    def of(cls, patient: Patient) -> Self:
        """Return what a patient is now."""
        return cls(**{each.name: getattr(patient, each.name) for each in dataclasses.fields(cls)})

    def difference(self, becomes: Identity) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what would change, as it was and as it becomes; both hold the same names. JSON."""
        was, is_ = dataclasses.asdict(self), dataclasses.asdict(becomes)
        names = [name for name in was if was[name] != is_[name]]
        return {name: _plain(was[name]) for name in names}, {
            name: _plain(is_[name]) for name in names
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One correction; ``before`` and ``after`` hold what was corrected and nothing else, dates as text."""

    change_id: UUID
    changed_at: datetime
    changed_by: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def correct(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    becomes: Identity,
    *,
    based_on: int | None,
    reason: str,
    changed_by: str,
    at: datetime,
) -> tuple[str, ...]:
    """Correct who a patient is and keep what it was; return the names of what changed, none where all is so already.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        patient_id: Whom.
        becomes: All of it, as it is from now on.
        based_on: How many corrections there were when whoever corrects looked; None: whatever there are.
        reason: Why; their words.
        changed_by: Who.
        at: Now, aware UTC.

    Raises:
        IdentityRefused: there is no such patient, or it was corrected meanwhile.
        RefusedByStoreError: another patient of the practice has the record number.
    """
    whose = {"practice_id": practice_id, "patient_id": patient_id}
    with cur.connection.cursor(row_factory=dict_row) as rows:
        held = rows.execute(_Q.hold, whose).fetchone()
    if held is None:
        raise errors.IdentityRefused
    changes = held.pop("changes")
    if based_on is not None and changes != based_on:
        raise errors.IdentityRefused
    before, after = Identity(**held).difference(becomes)
    if not after:
        return ()
    statements.changed(cur, _Q.correct, whose | dataclasses.asdict(becomes))
    kept = {
        "at": at,
        "changed_by": changed_by,
        "reason": reason,
        "before": Jsonb(before),
        "after": Jsonb(after),
    }
    statements.add(cur, _Q.keep_change, whose | kept)
    return tuple(after)


def history(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Change]:
    """Return what was ever corrected of a patient, the newest first."""
    whose = {"practice_id": practice_id, "patient_id": patient_id}
    return statements.rows(cur, Change, _Q.history, whose)


def _plain(one: object) -> object:
    return one.isoformat() if isinstance(one, date) else one
