"""What resources of FHIR are made of: patients that are sought, readings in their order, what stands beside them.

Every function takes an open cursor in a transaction that works for the practice, of the console's role or the sender's:
the walls of the database decide what is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.fhir import patient
from ccm_link.fhir.observation import Beside
from ccm_link.fhir.patient import Particulars
from ccm_link.registry import patient_contacts, patient_identifiers, related_people
from firmware_profiles.readings import Kind
from ingest import named_queries
from ingest import store as readings_store
from ingest.assignments import Peripheral
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link", "fhir_rows")

# How many numbers of an outbox lie between a measurement and its context at most. A meter sends the one right behind
# the other; a hundred are more than it hands over in between, and fewer than it takes to count to 65 535.
_NEARBY: Final = 100

BEGINNING: Final = datetime(1900, 1, 1, tzinfo=UTC)
END: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Before and behind everything that was ever measured or stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtPatients:
    """By what patients are looked for; None is not asked about. Texts are in small letters.

    Attributes:
        identifiers: (system or None, value): any of them.
        names: Beginnings of the name or of a word of it: any of them.
        born_from: First day.
        born_until: First day after it.
    """

    patient_ids: tuple[UUID, ...] | None = None
    identifiers: tuple[tuple[str | None, str], ...] | None = None
    names: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    given: tuple[str, ...] | None = None
    genders: tuple[str, ...] | None = None
    is_active: bool | None = None
    born_from: date | None = None
    born_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtReadings:
    """Which readings of a patient are looked for. Instants are aware; the ends are not included.

    Attributes:
        is_dated: Whether only those whose time is known count.
        updated_from: When they were stored, or replaced.
        with_replaced: Whether versions count that others took the place of.
    """

    patient_id: UUID
    kinds: tuple[Kind, ...]
    from_at: datetime = BEGINNING
    until_at: datetime = END
    is_dated: bool = False
    updated_from: datetime = BEGINNING
    updated_until: datetime = END
    with_replaced: bool = False


def patients(
    cur: Cursor, practice_id: UUID, sought: SoughtPatients, *, after_id: UUID | None, limit: int
) -> list[UUID]:
    """Return who is found, in the order of ids, behind a place in it."""
    identifiers = sought.identifiers
    found = cur.execute(
        _Q.patients,
        {
            **{name: _listed(one) for name, one in asdict(sought).items() if name != "identifiers"},
            "practice_id": practice_id,
            "identifier_systems": None if identifiers is None else [one for one, _ in identifiers],
            "identifier_values": None if identifiers is None else [one for _, one in identifiers],
            "own_system": patient.record_number_system(practice_id),
            "after_id": after_id,
            "limit": limit,
        },
    )
    return [patient_id for (patient_id,) in found]


def particulars(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]
) -> Mapping[UUID, Particulars]:
    """Return who patients are."""
    bare = store.rows(
        cur,
        Particulars,
        _Q.particulars,
        practice_id=practice_id,
        patient_ids=list(patient_ids),
    )
    identifiers = _by_patient(
        one
        for one in patient_identifiers.of_patients(cur, practice_id, patient_ids)
        if one.ended_at is None
    )
    telecoms = _by_patient(patient_contacts.telecoms(cur, practice_id, patient_ids))
    addresses = _by_patient(patient_contacts.addresses(cur, practice_id, patient_ids))
    related = _by_patient(related_people.of_patients(cur, practice_id, patient_ids))
    return {
        one.patient_id: replace(
            one,
            identifiers=tuple(identifiers[one.patient_id]),
            telecoms=tuple(telecoms[one.patient_id]),
            addresses=tuple(addresses[one.patient_id]),
            related=tuple(related[one.patient_id]),
        )
        for one in bare
    }


def readings(
    cur: Cursor,
    practice_id: UUID,
    sought: SoughtReadings,
    *,
    place: tuple[datetime, UUID] | None,
    is_newest_first: bool,
    limit: int,
) -> list[StoredReading]:
    """Return readings in the order of their time, from a place in it on, which is included."""
    place_at, place_id = (None, None) if place is None else place
    return readings_store.stored_readings(
        cur,
        _Q.newest_readings if is_newest_first else _Q.oldest_readings,
        {
            **asdict(sought),
            "kinds": list(sought.kinds),
            "practice_id": practice_id,
            "place_at": place_at,
            "place_id": place_id,
            "limit": limit,
        },
    )


def beside(
    cur: Cursor, practice_id: UUID, readings: Sequence[StoredReading]
) -> Mapping[UUID, Beside]:
    """Return what stands beside readings, by their ids."""
    found = cur.execute(
        _Q.beside,
        {
            "practice_id": practice_id,
            "reading_ids": [one.reading_id for one in readings],
            "peripheral_ids": [one.peripheral_id for one in readings],
            "sequence_numbers": [one.sequence_number for one in readings],
            "gateway_ids": [one.gateway_id for one in readings],
            "outbox_epochs": [one.outbox_epoch for one in readings],
            "outbox_seqs": [one.outbox_seq for one in readings],
            "nearby": _NEARBY,
        },
    )
    return {reading_id: Beside(*rest) for reading_id, *rest in found}


def peripherals_of(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Peripheral]:
    """Return what a patient measures with, or did, in the order of ids."""
    return store.rows(
        cur, Peripheral, _Q.peripherals_of, practice_id=practice_id, patient_id=patient_id
    )


def peripheral(cur: Cursor, practice_id: UUID, peripheral_id: UUID) -> Peripheral | None:
    """Return one of the practice's peripherals."""
    return store.row(
        cur, Peripheral, _Q.peripheral, practice_id=practice_id, peripheral_id=peripheral_id
    )


def whose(cur: Cursor, practice_id: UUID, kind: str, named: UUID) -> UUID | None:
    """Return the patient whom one thing is about; None where there is none, or the asker does not see the patient.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        kind: "task", "condition", "plan", "consent", or "team", which is named by the patient.
        named: Its id.
    """
    found = store.scalar(cur, _Q.whose, practice_id=practice_id, kind=kind, named=named)
    return cast("UUID | None", found)


def _listed(one: object) -> object:
    return list(one) if isinstance(one, tuple) else one


def _by_patient(found: Any) -> defaultdict[UUID, list[Any]]:
    by_patient: defaultdict[UUID, list[Any]] = defaultdict(list)
    for one in found:
        by_patient[one.patient_id].append(one)
    return by_patient
